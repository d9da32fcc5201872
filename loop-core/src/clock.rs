//! Where the loop's time comes from: the system's clock, or a test's own.

use std::time::{Duration, Instant};

use crate::testing::manual_clock::ManualClock;

/// What the poll does about a deadline that is ahead.
pub(crate) enum Pace {
    /// Waits for it.
    Passes,
    /// Does not wait, since the clock stands.
    Stands,
    /// Waits so long for something else, and then jumps there.
    Jumps(Duration),
}

/// The clock of one loop.
pub(crate) enum Clock {
    /// The system's monotonic clock, counted from the instant at which the loop was made.
    System(Instant),
    /// A test's clock.
    Manual(ManualClock),
}

impl Clock {
    /// Reads the clock.
    pub(crate) fn time(&self) -> Duration {
        match self {
            Clock::System(origin) => origin.elapsed(),
            Clock::Manual(clock) => clock.read(),
        }
    }

    /// Tells what the poll does about a deadline that is ahead.
    pub(crate) fn pace(&self) -> Pace {
        match self {
            Clock::System(_) => Pace::Passes,
            Clock::Manual(clock) => clock.threshold().map_or(Pace::Stands, Pace::Jumps),
        }
    }

    /// Brings a manual clock to `deadline`; the system's goes its own way.
    pub(crate) fn jump(&self, deadline: Duration) {
        if let Clock::Manual(clock) = self {
            clock.jump(deadline);
        }
    }
}
