//! Where the loop's time comes from: the system's clock, or a test's own.

use std::time::{Duration, Instant};

use crate::kit::loop_time::LoopTime;
use crate::testing::manual_clock::ManualClock;

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

    /// Returns after how long without news a manual clock jumps to the next deadline, if it does.
    pub(crate) fn jumps_after(&self) -> Option<Duration> {
        self.manual.as_ref()?.threshold()
    }

    /// Brings a manual clock to `deadline`; the system's goes its own way.
    pub(crate) fn jump(&self, deadline: LoopTime) {
        if let Some(clock) = &self.manual {
            clock.jump(deadline);
        }
    }
}
