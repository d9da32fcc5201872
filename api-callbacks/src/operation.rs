//! Operations that have been started: how a callback waits, and how it is cancelled.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::rc::{Rc, Weak};

use loop_core::{Job, LoopHandle};

/// An operation that was started.
///
/// Dropping it does not cancel, and keeping it keeps nothing open.
pub struct Operation {
    /// Who can cancel it; nobody when it had ended before it was returned.
    target: Option<(Weak<dyn Cancel>, Ticket)>,
}

/// What can cancel an operation of its own.
pub(crate) trait Cancel {
    /// Cancels the operation if it is pending still; tells whether it was.
    fn cancel(self: Rc<Self>, ticket: Ticket) -> bool;
}

/// Which operation is meant: its part of the target, and its number there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) part: u64,
    pub(crate) number: u64,
}

/// The place in which the callback of an operation waits; one at a time.
pub(crate) struct Pending<C> {
    callback: Cell<Option<C>>,
    /// Whether one waits; looking at the callback would take it out.
    waits: Cell<bool>,
    cancelled: Cell<bool>,
    /// How many operations began here, so that an old handle does not cancel a new one.
    number: Cell<u64>,
}

/// The callback of an operation that has ended: a job, so that a loop that is closing runs it.
struct Ended<F>(Cell<Option<F>>);

impl Operation {
    /// Names an operation that is pending.
    pub(crate) fn pending(target: &Rc<impl Cancel + 'static>, ticket: Ticket) -> Operation {
        let target = Rc::downgrade(target);
        Operation { target: Some((target, ticket)) }
    }

    /// Names an operation that has ended; its callback is on its way.
    pub(crate) fn ended() -> Operation {
        Operation { target: None }
    }

    /// Queues the callback of an operation that has ended. A closed loop drops it.
    pub(crate) fn ended_with(handle: &LoopHandle, callback: impl FnOnce() + 'static) -> Operation {
        handle.queue(Rc::new(Ended(Cell::new(Some(callback)))), 0);
        Operation::ended()
    }

    /// Completes the callback with `Cancelled`, if the operation is pending still; tells whether it
    /// was. The callback is called from the queue, not from here.
    pub fn cancel(&self) -> bool {
        let Some((target, ticket)) = &self.target else { return false };
        target.upgrade().is_some_and(|target| target.cancel(*ticket))
    }
}

impl<F: FnOnce()> Job for Ended<F> {
    fn run(self: Rc<Self>, _part: u64) {
        if let Some(callback) = self.0.take() {
            callback();
        }
    }

    fn kind(&self) -> &'static str {
        "callback of an operation that has ended"
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").finish_non_exhaustive()
    }
}

impl<C> Pending<C> {
    /// Puts a callback in; hands it back when another waits here.
    pub(crate) fn start(&self, callback: C) -> Result<u64, C> {
        if self.waits.replace(true) {
            return Err(callback);
        }
        self.callback.set(Some(callback));
        self.cancelled.set(false);
        self.number.set(self.number.get() + 1);
        Ok(self.number.get())
    }

    /// Tells whether nothing waits here.
    pub(crate) fn is_free(&self) -> bool {
        !self.waits.get()
    }

    /// Takes the callback out.
    pub(crate) fn take(&self) -> Option<C> {
        self.waits.set(false);
        self.callback.take()
    }

    /// Puts a callback back that has to wait on.
    pub(crate) fn put_back(&self, callback: C) {
        self.waits.set(true);
        self.callback.set(Some(callback));
    }

    /// Marks the operation as cancelled, if it is the one with this number and waits still.
    pub(crate) fn cancel(&self, number: u64) -> bool {
        self.waits.get() && self.number.get() == number && !self.cancelled.replace(true)
    }

    /// Tells whether the operation that waits, or was just taken out, is cancelled.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }
}

impl<C> Default for Pending<C> {
    fn default() -> Pending<C> {
        Pending {
            callback: Cell::new(None),
            waits: Cell::new(false),
            cancelled: Cell::new(false),
            number: Cell::new(0),
        }
    }
}

/// The error of an operation that began while another of its kind was pending on the same socket.
pub(crate) fn already_pending() -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, "such an operation is pending on this socket")
}
