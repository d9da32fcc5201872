//! Operations that have been started: what names them, and how one that has ended calls back.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::rc::{Rc, Weak};

use loop_core::{Job, LoopHandle};

use crate::cancelling::{self, CancelTarget, Cancelling, Ticket};
use crate::pending::{Caller, report_dropped};
use crate::user_code::discard;

/// An operation that was started.
///
/// Dropping it does not cancel, and keeping it keeps nothing open.
pub struct Operation {
    /// What can cancel it; nothing when it had ended before it was returned.
    target: Option<(Weak<dyn CancelTarget>, Ticket)>,
}

/// An operation of the program's own, made of others: what its [`Operation`] cancels.
///
/// Asio: a composed operation.
pub trait Composed {
    /// Cancels what is pending of it; tells whether something was. The callback is called from the
    /// queue then, by the part that ends, or dropped: a whole of [`combine`](crate::combine) waits
    /// for that before it calls back itself.
    fn cancel(self: Rc<Self>) -> bool;
}

/// The callback of an operation that has ended: a job, so that a loop that is closing runs it.
struct Ended<F: 'static> {
    callback: Cell<Option<F>>,
    handle: LoopHandle,
    /// Where its operation was called; nowhere if something else reports it.
    called_at: Option<Caller>,
}

impl Operation {
    /// Names an operation that is pending.
    pub(crate) fn pending(target: &Rc<impl CancelTarget + 'static>, ticket: Ticket) -> Operation {
        let target = Rc::downgrade(target);
        Operation { target: Some((target, ticket)) }
    }

    /// Names an operation of the program's own, so that others can cancel it, `combine` among them.
    /// It is not kept: what is pending of it has to.
    ///
    /// ```
    /// use api_callbacks::{Composed, Operation, combine, sleep};
    /// use std::{cell::RefCell, io, rc::Rc, time::Duration};
    ///
    /// /// Two sleeps, one after the other.
    /// struct Nap(RefCell<Option<Operation>>);
    ///
    /// impl Composed for Nap {
    ///     fn cancel(self: Rc<Self>) -> bool {
    ///         self.0.take().is_some_and(|pending| pending.cancel())
    ///     }
    /// }
    ///
    /// let mut event_loop = loop_core::EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// let long = Duration::from_secs(60);
    /// let nap = |done: combine::Completion<(), io::Error>| {
    ///     let nap = Rc::new(Nap(RefCell::default()));
    ///     let (handle, first) = (handle.clone(), nap.clone());
    ///     nap.0.replace(Some(sleep(&handle.clone(), Duration::ZERO, move |_| {
    ///         let kept = first.clone();
    ///         first.0.replace(Some(sleep(&handle, long, move |slept| {
    ///             drop(kept);
    ///             done(slept);
    ///         })));
    ///     })));
    ///     Operation::composed(&nap)
    /// };
    /// let slept = event_loop.run_until_complete(|completer| {
    ///     combine::timeout(&handle, Duration::from_millis(5), nap, |slept| completer.complete(slept));
    /// });
    /// assert_eq!(slept.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    /// assert!(handle.snapshot().timed.is_empty());
    /// # Ok::<(), io::Error>(())
    /// ```
    pub fn composed(operation: &Rc<impl Composed + 'static>) -> Operation {
        Operation::pending(operation, Ticket::default())
    }

    /// Names an operation that has ended; its callback is on its way.
    pub(crate) fn ended() -> Operation {
        Operation { target: None }
    }

    /// Names the same operation.
    pub(crate) fn twin(&self) -> Operation {
        Operation { target: self.target.clone() }
    }

    /// Tells whether the operation had ended before it was returned.
    pub(crate) fn has_ended(&self) -> bool {
        self.target.is_none()
    }

    /// Queues the callback of an operation that has ended. A closed loop drops it, and says so.
    #[track_caller]
    pub(crate) fn ended_with(handle: &LoopHandle, callback: impl FnOnce() + 'static) -> Operation {
        Operation::ended_at(handle, Location::caller(), callback)
    }

    /// As [`Operation::ended_with`], of an operation that was begun at that place.
    pub(crate) fn ended_at(
        handle: &LoopHandle,
        called_at: Caller,
        callback: impl FnOnce() + 'static,
    ) -> Operation {
        Operation::queue_ended(handle, Some(called_at), callback);
        Operation::ended()
    }

    /// Queues a result for a callback that reports itself when it is dropped.
    pub(crate) fn queue_unreported(handle: &LoopHandle, call: impl FnOnce() + 'static) {
        Operation::queue_ended(handle, None, call);
    }

    fn queue_ended(
        handle: &LoopHandle,
        called_at: Option<Caller>,
        callback: impl FnOnce() + 'static,
    ) {
        let callback = Cell::new(Some(callback));
        handle.queue(Rc::new(Ended { callback, handle: handle.clone(), called_at }), 0);
    }

    /// Drops the callback of an operation that cannot begin, since the loop is closed, and says so.
    #[track_caller]
    pub(crate) fn refused(handle: &LoopHandle, callback: impl Sized + 'static) -> Operation {
        report_dropped(handle, Location::caller());
        discard(handle, callback);
        Operation::ended()
    }

    /// Completes the callback with `Cancelled`, if the operation is pending still; tells whether it
    /// was. The callback is called from the queue, not from here, once. What was parked and the
    /// timer are taken back at once.
    ///
    /// What had been moved before, [`Operation::transferred`] says now and the callback's error says
    /// then: [`loop_core::transfer::transferred`].
    pub fn cancel(&self) -> bool {
        self.target().is_some_and(|(target, ticket)| cancelling::cancel(target, ticket))
    }

    /// Returns what cancels the operation, if it may be pending still.
    pub(crate) fn target(&self) -> Option<(Rc<dyn CancelTarget>, Ticket)> {
        let (target, ticket) = self.target.as_ref()?;
        Some((target.upgrade()?, *ticket))
    }

    /// Returns how many bytes the operation has moved so far; `None` when its callback has been
    /// called or is on its way with a result, and when it moves no bytes.
    pub fn transferred(&self) -> Option<usize> {
        let (target, ticket) = self.target()?;
        target.transferred(ticket)
    }
}

impl<C: Composed> CancelTarget for C {
    fn cancel(self: Rc<Self>, _ticket: Ticket) -> Cancelling {
        Composed::cancel(self).into()
    }
}

impl<F: FnOnce() + 'static> Job for Ended<F> {
    fn run(self: Rc<Self>, _part: u64) {
        if let Some(callback) = self.callback.take() {
            self.handle.job_began_at(self.called_at);
            callback();
        }
    }

    fn kind(&self) -> &'static str {
        "callback of an operation that has ended"
    }
}

impl<F: 'static> Drop for Ended<F> {
    fn drop(&mut self) {
        if let Some(callback) = self.callback.take() {
            if let Some(called_at) = self.called_at {
                report_dropped(&self.handle, called_at);
            }
            discard(&self.handle, callback);
        }
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").finish_non_exhaustive()
    }
}
