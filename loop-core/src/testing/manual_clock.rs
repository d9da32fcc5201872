//! A clock that a test moves.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::kit::loop_time::LoopTime;

/// A clock that stands still until it is told to move.
///
/// It stands at [`LoopTime::ORIGIN`] first. A loop on a manual clock never waits in the
/// kernel for a deadline, since waiting would not bring the deadline nearer;
/// [`ManualClock::autojump`] brings it there instead.
///
/// ```
/// use loop_core::{EventLoop, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let mut event_loop = EventLoop::with_clock(clock.clone())?;
/// let handle = event_loop.handle();
/// handle.call_later(Duration::from_secs(3600), {
///     let handle = handle.clone();
///     move || handle.stop()
/// });
/// clock.advance(Duration::from_secs(3600));
/// event_loop.run_forever()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    /// What the clock shows. Shared, since a test keeps a clone of the clock that it gives to a loop.
    now: Rc<Cell<LoopTime>>,
    /// How long the loop waits, in real time, before it jumps; never, if there is none.
    threshold: Rc<Cell<Option<Duration>>>,
    /// How often a loop has read the clock, for tests that count it.
    reads: Rc<Cell<u64>>,
}

impl ManualClock {
    /// Makes a clock that stands at [`LoopTime::ORIGIN`].
    pub fn new() -> ManualClock {
        ManualClock::default()
    }

    /// Lets the clock jump to the next deadline whenever the loop has been idle for `threshold`, in
    /// real time: nothing was ready and the kernel, other threads and signals were silent. While
    /// offloaded work is under way the clock stands.
    ///
    /// A threshold of zero fits a program that meets nothing outside the loop: an hour of timeouts
    /// takes no time. Trio: `MockClock(autojump_threshold)`.
    ///
    /// ```
    /// use loop_core::{EventLoop, ManualClock};
    /// use std::time::Duration;
    ///
    /// let mut event_loop = EventLoop::with_clock(ManualClock::new().autojump(Duration::ZERO))?;
    /// let handle = event_loop.handle();
    /// let stopped = handle.clone();
    /// handle.call_later(Duration::from_secs(3600), move || stopped.stop());
    /// event_loop.run_forever()?;
    /// assert_eq!(handle.time().since_origin(), Duration::from_secs(3600));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn autojump(self, threshold: Duration) -> ManualClock {
        self.threshold.set(Some(threshold));
        self
    }

    /// Returns how often the loop and its users have read the clock.
    pub fn reads(&self) -> u64 {
        self.reads.get()
    }

    /// Moves the clock forward by `step`.
    pub fn advance(&self, step: Duration) {
        self.now.set(self.now.get() + step);
    }

    /// Returns the time that the clock shows.
    pub fn time(&self) -> LoopTime {
        self.now.get()
    }

    /// Returns the time that the clock shows, and counts that a loop has read it.
    pub(crate) fn read(&self) -> LoopTime {
        self.reads.set(self.reads.get() + 1);
        self.time()
    }

    /// Returns how long a loop waits before it lets the clock jump; `None` if it never does.
    pub(crate) fn threshold(&self) -> Option<Duration> {
        self.threshold.get()
    }

    /// Moves the clock forward to `deadline`, if it is not there yet.
    pub(crate) fn jump(&self, deadline: LoopTime) {
        self.now.set(self.now.get().max(deadline));
    }
}
