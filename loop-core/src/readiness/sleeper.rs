//! A task that waits for a socket: its waker, and a shorter way to it where there is one.

use std::rc::Rc;
use std::task::Waker;

use crate::job::Job;

/// A task that the loop can queue itself, being on its thread: the waker may be sent anywhere, and
/// has a longer way.
pub trait LocalWake: Job {
    /// Takes note that the task is woken, and returns which part of the job is to be queued; `None`
    /// if it is queued already.
    ///
    /// It is called while the loop's table of sockets is borrowed, and does no more than this.
    fn mark_woken(&self) -> Option<u64>;
}

/// How to wake a task.
pub(crate) struct Sleeper {
    /// The way that every task has.
    pub(crate) waker: Waker,
    /// The shorter way, if what parked the waker knew one.
    pub(crate) local: Option<Rc<dyn LocalWake>>,
}
