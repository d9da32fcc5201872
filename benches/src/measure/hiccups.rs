//! The machine's own hiccups: how late a thread wakes that only sleeps. Source: jHiccup.
//!
//! What it sees, every server on that processor sees too: a latency below the hiccups of its time says
//! something about the machine and nothing about the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::measure::load::Recorder;
use crate::process::cpu;

/// How long the thread means to sleep.
const NAP: Duration = Duration::from_millis(1);

/// A thread that sleeps again and again, until it is asked what it saw.
#[derive(Debug)]
pub(crate) struct HiccupMeter {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<Histogram<u64>>,
}

impl HiccupMeter {
    /// Starts the thread, on a processor if one is named. `None` where no thread can be started.
    pub(crate) fn start(processor: Option<usize>) -> Option<HiccupMeter> {
        let ends = Arc::new(AtomicBool::new(false));
        let asked = ends.clone();
        let nap = move || {
            if let Some(processor) = processor {
                // Where that is refused, the thread wakes where it may.
                let _ = cpu::pin(processor);
            }
            // The kernel may otherwise be as late as 50 us on purpose.
            #[cfg(target_os = "linux")]
            let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
            let mut late = Recorder::new().response;
            while !asked.load(Ordering::Relaxed) {
                let begun = Instant::now();
                thread::sleep(NAP);
                late.saturating_record(begun.elapsed().saturating_sub(NAP).as_nanos() as u64);
            }
            late
        };
        let thread = thread::Builder::new().name("hiccups".to_owned()).spawn(nap).ok()?;
        Some(HiccupMeter { ends, thread })
    }

    /// Ends the thread, and returns how late it woke, in nanoseconds.
    pub(crate) fn stop(self) -> Option<Histogram<u64>> {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.join().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_nap_is_recorded() {
        let meter = HiccupMeter::start(None).unwrap();
        thread::sleep(10 * NAP);
        let late = meter.stop().unwrap();
        assert!(!late.is_empty());
    }
}
