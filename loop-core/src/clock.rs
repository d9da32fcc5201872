//! Where the loop's time comes from: the system's clock, or a test's own.

use std::time::{Duration, Instant};

use crate::kit::loop_time::LoopTime;
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
pub(crate) struct Clock {
    /// The instant at which the loop was made, which its time is counted from.
    pub(crate) origin: Instant,
    /// A test's clock, in the place of the system's monotonic one.
    manual: Option<ManualClock>,
}

impl Clock {
    /// Makes a loop's clock: the system's, unless there is a manual one.
    pub(crate) fn new(manual: Option<ManualClock>) -> Clock {
        Clock { origin: Instant::now(), manual }
    }

    /// Reads the clock.
    pub(crate) fn time(&self) -> LoopTime {
        match &self.manual {
            None => LoopTime::ORIGIN + self.origin.elapsed(),
            Some(clock) => clock.read(),
        }
    }

    /// Tells what the poll does about a deadline that is ahead.
    pub(crate) fn pace(&self) -> Pace {
        let Some(clock) = &self.manual else { return Pace::Passes };
        clock.threshold().map_or(Pace::Stands, Pace::Jumps)
    }

    /// Brings a manual clock to `deadline`; the system's goes its own way.
    pub(crate) fn jump(&self, deadline: LoopTime) {
        if let Some(clock) = &self.manual {
            clock.jump(deadline);
        }
    }
}
