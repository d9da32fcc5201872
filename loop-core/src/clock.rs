//! Where the loop's time comes from: the system's clock, or a test's own.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A clock that stands still until it is told to move.
///
/// Loop time is a [`Duration`] since the loop's origin. A loop on a manual clock never waits in the
/// kernel for a deadline, since waiting would not bring the deadline nearer.
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
    now: Rc<Cell<Duration>>,
}

/// The clock of one loop.
pub(crate) enum Clock {
    /// The system's monotonic clock, counted from the instant at which the loop was made.
    System(Instant),
    /// A test's clock.
    Manual(ManualClock),
}

impl ManualClock {
    /// Makes a clock that stands at zero.
    pub fn new() -> ManualClock {
        ManualClock::default()
    }

    /// Moves the clock forward by `step`.
    pub fn advance(&self, step: Duration) {
        self.now.set(self.now.get().saturating_add(step));
    }

    /// Returns the time that the clock shows.
    pub fn time(&self) -> Duration {
        self.now.get()
    }
}

impl Clock {
    /// Reads the clock.
    pub(crate) fn time(&self) -> Duration {
        match self {
            Clock::System(origin) => origin.elapsed(),
            Clock::Manual(clock) => clock.time(),
        }
    }

    /// Tells whether waiting brings a deadline nearer.
    pub(crate) fn passes(&self) -> bool {
        matches!(self, Clock::System(_))
    }
}
