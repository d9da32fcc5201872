//! A task that waits for a socket: its waker, and a shorter way to it where there is one.

use std::rc::Rc;
use std::task::Waker;

use crate::job::Job;
use crate::ready::{Entry, ReadyQueue};

/// A task that the loop can queue itself, being on its thread: the waker may be sent anywhere, and
/// has a longer way.
pub trait LocalWake: Job {
    /// Takes note that the task is woken, and returns which part of the job is to be queued; `None`
    /// if it is queued already.
    ///
    /// It is called while the loop's table is borrowed, and does no more than this.
    fn wake(&self) -> Option<u64>;
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

    /// Queues the task, if there is a shorter way to it.
    #[inline(always)]
    pub(crate) fn queue(&self, ready: &ReadyQueue) -> bool {
        let Some(local) = &self.local else { return false };
        if let Some(part) = local.wake() {
            ready.push(Entry::Job(local.clone(), part));
        }
        true
    }

    /// Wakes the task by its waker.
    pub(crate) fn wake(&self) {
        self.waker.wake_by_ref();
    }
}
