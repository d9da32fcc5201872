//! How far a run and its loop are from their end.

use std::cell::{Cell, RefCell};

/// The end of a run, and of the loop.
///
/// A loop is open, then closing, then closed, and never goes back. While it is closing it still queues
/// and runs what brings the end of an operation to what waits for it.
#[derive(Default)]
pub(crate) struct Ending {
    /// Whether the run ends when its turn is over.
    stopping: Cell<bool>,
    /// Whether guarded work has asked to leave the run, which happens once the work beside it is done.
    aborting: Cell<bool>,
    /// Whether `close` has begun: what is cancelled now ends as such.
    closing: Cell<bool>,
    /// Whether `close` has ended: nothing is queued any more.
    closed: Cell<bool>,
    /// What a style does before anything else is cancelled.
    closers: RefCell<Vec<Box<dyn FnOnce()>>>,
}

impl Ending {
    /// Asks the run to end with its turn, or takes that back.
    pub(crate) fn stop(&self, stop: bool) {
        self.stopping.set(stop);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// Asks to leave the run. While closing there is no run to leave, and the loop must not stay half
    /// closed.
    pub(crate) fn abort(&self) {
        self.aborting.set(!self.closing.get());
    }

    /// Tells whether something has asked to leave the run, and takes that back.
    pub(crate) fn take_abort(&self) -> bool {
        self.aborting.get() && self.aborting.replace(false)
    }

    /// Begins to close; tells whether that is new.
    pub(crate) fn begin(&self) -> bool {
        !self.closing.replace(true)
    }

    /// Ends closing.
    pub(crate) fn close(&self) {
        self.closed.set(true);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Adds to what is done first when the loop is closed.
    pub(crate) fn add_closer(&self, closer: Box<dyn FnOnce()>) {
        self.closers.borrow_mut().push(closer);
    }

    /// Takes what is done first out, to be called outside of the borrow.
    pub(crate) fn take_closers(&self) -> Vec<Box<dyn FnOnce()>> {
        self.closers.take()
    }
}
