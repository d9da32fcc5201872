//! The busy loop beside the servers: it takes its fair share of their processor, about half, so
//! that the one under load always has more to do than time for it, and never sleeps.

use std::hint;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use crate::process::cpu;

/// A thread that spins on a processor until it is dropped.
pub(super) struct Ballast {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Ballast {
    /// Starts to spin.
    pub(super) fn begin(processor: usize) -> Ballast {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            cpu::pin(processor)?;
            while !told.load(Ordering::Relaxed) {
                // In the processor's first cache only: it takes time from the servers, no memory.
                (0..1_000).for_each(|_| hint::spin_loop());
            }
            Ok(())
        });
        Ballast { stop, thread: Some(thread) }
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
