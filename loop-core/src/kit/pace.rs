//! Pace: when the next of many things is due, by the loop's clock.
//!
//! What is here knows when; each style waits in its own way.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::time::Duration;

use crate::handle::LoopHandle;
use crate::kit::loop_time::LoopTime;

/// The ticks of an interval: one each `period`, the first when a period has passed.
///
/// Ticks stay where they are, at whole periods from the beginning. What was missed is skipped, and told with
/// the next tick: timerfd's count of expirations. asyncio and Node have no such count; tokio calls it
/// `MissedTickBehavior::Skip`.
///
/// ```
/// use loop_core::{EventLoop, ManualClock, Ticks};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let event_loop = EventLoop::with_clock(clock.clone())?;
/// let second = Duration::from_secs(1);
/// let ticks = Ticks::new(&event_loop.handle(), second)?;
/// assert_eq!(ticks.delay(), second);
/// clock.advance(second * 7 / 2);
/// assert_eq!((ticks.delay(), ticks.take()), (Duration::ZERO, 3));
/// assert_eq!(ticks.delay(), second / 2);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Ticks {
    /// The loop whose clock decides.
    handle: LoopHandle,
    /// In nanoseconds, so that it divides; no less than one.
    period: u64,
    /// When the next tick is due.
    next: Cell<LoopTime>,
}

/// A bucket of permits that fills evenly: as many as `permits` at once, and `permits` each `period`.
///
/// ```
/// use loop_core::{Bucket, EventLoop, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let event_loop = EventLoop::with_clock(clock.clone())?;
/// let second = Duration::from_secs(1);
/// let bucket = Bucket::new(&event_loop.handle(), 2, second)?;
/// bucket.take();
/// assert_eq!(bucket.delay(), Duration::ZERO);
/// bucket.take();
/// assert_eq!(bucket.delay(), second / 2);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// The generic cell rate algorithm (ITU-T I.371), which keeps one moment and no count.
#[derive(Debug)]
pub struct Bucket {
    /// The loop whose clock decides.
    handle: LoopHandle,
    /// How long the bucket takes to fill by one permit.
    refill: Duration,
    /// How long it takes to fill from one permit.
    burst: Duration,
    /// When it is full.
    full_at: Cell<LoopTime>,
}

impl Ticks {
    /// Begins an interval now.
    ///
    /// # Errors
    /// `InvalidInput` for a period of nothing.
    ///
    /// # Limits
    /// A period of more than 584 years counts as so many.
    pub fn new(handle: &LoopHandle, period: Duration) -> io::Result<Ticks> {
        if period.is_zero() {
            return Err(invalid("the period of an interval is nothing".to_owned()));
        }
        let next = Cell::new(handle.time() + period);
        let period = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        Ok(Ticks { handle: handle.clone(), period, next })
    }

    /// Returns how long it is until the next tick is due.
    pub fn delay(&self) -> Duration {
        self.next.get() - self.handle.time()
    }

    /// Takes the tick that is due; returns how many periods it stands for: 1, and one more for each tick
    /// that was missed.
    pub fn take(&self) -> u64 {
        let (due, period) = (self.next.get(), u128::from(self.period));
        let late = (self.handle.time() - due).as_nanos();
        let missed = u64::try_from(late / period).unwrap_or(u64::MAX);
        let passed = Duration::from_nanos(self.period.saturating_mul(missed));
        self.next.set(due + passed + Duration::from_nanos(self.period));
        missed.saturating_add(1)
    }

    /// Returns the handle of the loop whose clock decides.
    pub fn handle(&self) -> &LoopHandle {
        &self.handle
    }
}

impl Bucket {
    /// Makes a full bucket.
    ///
    /// # Errors
    /// `InvalidInput` for no permits, and for more than one a nanosecond.
    pub fn new(handle: &LoopHandle, permits: u32, period: Duration) -> io::Result<Bucket> {
        let refill = period.checked_div(permits).filter(|refill| !refill.is_zero());
        let Some(refill) = refill else {
            return Err(invalid(format!("a rate of {permits} in {period:?} is no rate")));
        };
        let burst = period.saturating_sub(refill);
        Ok(Bucket { handle: handle.clone(), refill, burst, full_at: Cell::new(handle.time()) })
    }

    /// Returns how long it is until a permit is there.
    pub fn delay(&self) -> Duration {
        self.full_at.get() - self.burst - self.handle.time()
    }

    /// Takes a permit; one that is not there yet is taken ahead, so that the next one comes later.
    pub fn take(&self) {
        let full_at = self.full_at.get().max(self.handle.time());
        self.full_at.set(full_at + self.refill);
    }

    /// Returns the handle of the loop whose clock decides.
    pub fn handle(&self) -> &LoopHandle {
        &self.handle
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventLoop, ManualClock};

    fn lab() -> (ManualClock, LoopHandle) {
        let clock = ManualClock::new();
        let handle = EventLoop::with_clock(clock.clone()).unwrap().handle();
        (clock, handle)
    }

    #[test]
    fn ticks_stay_at_whole_periods_however_late_they_are_taken() {
        let (clock, handle) = lab();
        let (second, ticks) = (Duration::from_secs(1), Ticks::new(&handle, Duration::from_secs(1)));
        let ticks = ticks.unwrap();
        let mut counted = 0;
        for late in [1_000, 1_250, 999, 5_751, 1_000] {
            clock.advance(Duration::from_millis(late));
            if ticks.delay().is_zero() {
                counted += ticks.take();
            }
        }
        assert_eq!((counted, ticks.delay()), (10, second));
    }

    #[test]
    fn a_bucket_gives_all_it_has_at_once_and_then_one_after_the_other() {
        let (clock, handle) = lab();
        let bucket = Bucket::new(&handle, 4, Duration::from_secs(1)).unwrap();
        for _ in 0..4 {
            assert!(bucket.delay().is_zero());
            bucket.take();
        }
        let quarter = Duration::from_millis(250);
        for _ in 0..10 {
            assert_eq!(bucket.delay(), quarter);
            clock.advance(quarter);
            bucket.take();
        }
        clock.advance(Duration::from_secs(60));
        let at_once =
            std::iter::repeat_with(|| bucket.take()).take_while(|()| bucket.delay().is_zero());
        assert_eq!(at_once.count(), 3, "it holds no more than it did at first");
    }

    #[test]
    fn a_pace_that_is_none_is_refused_by_name() {
        let (_clock, handle) = lab();
        let refused = Ticks::new(&handle, Duration::ZERO).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        for (permits, period) in
            [(0, Duration::MAX), (1, Duration::ZERO), (2, Duration::from_nanos(1))]
        {
            let refused = Bucket::new(&handle, permits, period).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidInput);
            assert!(refused.to_string().contains(&format!("{permits} in {period:?}")), "{refused}");
        }
    }

    #[test]
    fn the_longest_spans_do_no_harm() {
        let (clock, handle) = lab();
        let ticks = Ticks::new(&handle, Duration::MAX).unwrap();
        let bucket = Bucket::new(&handle, u32::MAX, Duration::MAX).unwrap();
        clock.advance(Duration::from_secs(u64::MAX / 2));
        assert!(ticks.take() == 1 && bucket.delay().is_zero());
        bucket.take();
    }
}
