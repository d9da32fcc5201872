//! A task that waits for a socket: its waker, and a shorter way to it where there is one.

use std::rc::Rc;
use std::task::Waker;

/// What wakes a task from its own thread. Its waker may be sent anywhere, and has a longer way.
pub trait LocalWake {
    /// Wakes the task, as its waker would.
    fn wake(self: Rc<Self>);
}

/// How to wake a task.
pub(crate) struct Sleeper {
    waker: Waker,
    /// The shorter way, if whoever parked the waker knew one.
    local: Option<Rc<dyn LocalWake>>,
}

impl Sleeper {
    pub(crate) fn new(waker: Waker, local: Option<Rc<dyn LocalWake>>) -> Box<Sleeper> {
        Box::new(Sleeper { waker, local })
    }

    /// Tells whether this is the task that `waker` wakes.
    #[inline(always)]
    pub(crate) fn is_woken_by(&self, waker: &Waker) -> bool {
        self.waker.will_wake(waker)
    }

    /// Wakes the task.
    #[inline(always)]
    pub(crate) fn wake(&self) {
        match &self.local {
            Some(local) => local.clone().wake(),
            None => self.waker.wake_by_ref(),
        }
    }
}
