//! An operation that is tried again.

use std::cell::Cell;
use std::rc::Rc;

use loop_core::{Backoff, Cancelled, LoopHandle};

use super::Completion;
use super::group::Callback;
use crate::operation::{Cancel, Operation, Ticket};
use crate::timer::sleep;

/// How the tries go on, and what is under way.
pub(super) struct Trying<F, T, E> {
    /// Out of its place while it runs, and gone when there is to be no further try.
    source: Cell<Option<(Backoff, F)>>,
    /// The try, or the pause before the next one.
    running: Cell<Option<Operation>>,
    callback: Callback<Result<T, E>>,
}

impl<F, T, E> Trying<F, T, E>
where
    F: FnMut(Completion<T, E>) -> Operation + 'static,
    T: 'static,
    E: From<Cancelled> + 'static,
{
    #[track_caller]
    pub(super) fn new(
        handle: &LoopHandle,
        backoff: Backoff,
        f: F,
        callback: impl FnOnce(Result<T, E>) + 'static,
    ) -> Rc<Self> {
        Rc::new(Trying {
            source: Cell::new(Some((backoff, f))),
            running: Cell::new(None),
            callback: Callback::new(handle, callback),
        })
    }

    /// Starts a try.
    pub(super) fn start(self: &Rc<Self>) {
        let Some((backoff, mut f)) = self.source.take() else { return };
        let trying = self.clone();
        let operation = f(Box::new(move |result| trying.settle(result)));
        self.running.set(Some(operation));
        self.source.set(Some((backoff, f)));
    }

    /// Names what cancels the whole.
    pub(super) fn operation(self: &Rc<Self>) -> Operation {
        Operation::pending(self, Ticket::default())
    }

    fn settle(self: &Rc<Self>, result: Result<T, E>) {
        let error = match result {
            Err(error) => error,
            value => return self.finish(value),
        };
        // Nothing is left to try when the whole was cancelled.
        let Some((mut backoff, f)) = self.source.take() else { return self.finish(Err(error)) };
        let Some(delay) = backoff.next() else { return self.finish(Err(error)) };
        self.source.set(Some((backoff, f)));
        let trying = self.clone();
        let pause = sleep(self.callback.handle(), delay, move |slept| match slept {
            Ok(()) => trying.start(),
            Err(_cancelled) => trying.finish(Err(Cancelled.into())),
        });
        self.running.set(Some(pause));
    }

    fn finish(&self, result: Result<T, E>) {
        drop((self.source.take(), self.running.take()));
        if let Some(callback) = self.callback.take() {
            callback(result);
        }
    }
}

impl<F, T: 'static, E: 'static> Cancel for Trying<F, T, E> {
    fn cancel(self: Rc<Self>, _ticket: Ticket) -> bool {
        drop(self.source.take());
        let running = self.running.take();
        let cancelled = running.as_ref().is_some_and(Operation::cancel);
        self.running.set(running);
        cancelled
    }
}
