//! A callback that is scheduled, and can be cancelled.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use crate::core::Core;
use crate::timers::TimerKey;

/// A scheduled callback that can be cancelled.
///
/// Dropping it does not cancel. asyncio: `Handle` and `TimerHandle`.
pub struct Handle {
    core: Rc<Core>,
    place: Place,
    cancelled: Cell<bool>,
}

/// Where a scheduled callback waits.
pub(crate) enum Place {
    /// In the ready queue, under this number.
    Ready(u64),
    /// Among the timers, and with its deadline passed still there until it runs.
    Timed(TimerKey),
    /// Nowhere: the loop was closed.
    Nowhere,
}

impl Handle {
    /// Names what is scheduled at `place`.
    pub(crate) fn at(core: Rc<Core>, place: Place) -> Handle {
        Handle { core, place, cancelled: Cell::new(false) }
    }

    /// Keeps the callback from running and drops it; tells whether it was still to run.
    pub fn cancel(&self) -> bool {
        match self.place {
            Place::Ready(number) => self.take_out(self.core.ready.cancel(number)),
            Place::Timed(key) => self.take_out(self.core.timers.take(key)),
            Place::Nowhere => false,
        }
    }

    /// Drops what was taken out of its place. It counts as cancelled even if its drop panics.
    fn take_out<T>(&self, taken: Option<T>) -> bool {
        let Some(taken) = taken else { return false };
        self.cancelled.set(true);
        self.core.discard(taken);
        true
    }

    /// Tells whether the callback was cancelled before it ran.
    pub fn cancelled(&self) -> bool {
        self.cancelled.get()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("cancelled", &self.cancelled()).finish_non_exhaustive()
    }
}
