//! An operation that is tried again.

use std::cell::Cell;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use loop_core::{Backoff, Cancelled, LoopHandle, Panicked, is_final};

use super::Completion;
use super::callback::Callback;
use super::ending::{AbandonOnPanic, cancel, finish, finish_panicked};
use super::part::begin;
use super::whole::{Combined, Whole};
use crate::cancelling::{CancelTarget, Cancelling, Ticket};
use crate::operation::Operation;
use crate::timer::sleep;
use crate::user_code::{discard, report_panic};

/// The only operation at a time: the try, or the pause before the next one.
const ONLY: usize = 0;

/// How the tries go on, and what is under way.
pub(super) struct Trying<F: 'static, T: 'static, E: 'static> {
    whole: Whole<Result<T, E>>,
    /// Out of its place while it runs, and gone when there is to be no further try.
    source: Cell<Option<(Backoff, F)>>,
    /// Whether the whole was cancelled.
    cancelled: Cell<bool>,
}

/// The function of the tries, out of its place; it goes back or is dropped, also after a panic.
struct Taken<'a, F: 'static, T: 'static, E: 'static> {
    trying: &'a Trying<F, T, E>,
    source: Option<(Backoff, F)>,
    goes_on: bool,
}

impl<F, T, E> Trying<F, T, E>
where
    F: FnMut(Completion<T, E>) -> Operation + 'static,
    T: 'static,
    E: From<Cancelled> + From<Panicked> + 'static,
{
    #[track_caller]
    pub(super) fn new(
        handle: &LoopHandle,
        backoff: Backoff,
        f: F,
        callback: impl FnOnce(Result<T, E>) + 'static,
    ) -> Rc<Self> {
        Rc::new(Trying {
            whole: Whole::new(Callback::new(handle, callback)),
            source: Cell::new(Some((backoff, f))),
            cancelled: Cell::new(false),
        })
    }

    /// Starts the first try.
    pub(super) fn start(self: &Rc<Self>) {
        let abandon = AbandonOnPanic(self);
        self.start_next();
        mem::forget(abandon);
    }

    fn start_next(self: &Rc<Self>) {
        let Some(source) = self.source.take() else { return };
        let mut taken = Taken { trying: self, source: Some(source), goes_on: false };
        if let Some((_, f)) = &mut taken.source {
            begin(self, ONLY, f);
        }
        taken.goes_on = !self.whole.is_over() && !self.cancelled.get();
    }

    /// Starts a try after a pause: a panic ends the whole.
    fn go_on(self: &Rc<Self>) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.start_next())) {
            let panicked = report_panic(self.whole.handle(), "the function of a retry", payload);
            finish_panicked(self, Err(panicked.into()));
        }
    }

    /// Names what cancels the whole.
    pub(super) fn operation(self: &Rc<Self>) -> Operation {
        Operation::pending(self, Ticket::default())
    }

    /// Waits before the next try.
    fn pause(self: &Rc<Self>, delay: std::time::Duration) {
        let trying = self.clone();
        let pause = sleep(self.whole.handle(), delay, move |slept| {
            trying.whole.leave(ONLY);
            match slept {
                Ok(()) => trying.go_on(),
                Err(_cancelled) => finish(&trying, Err(Cancelled.into())),
            }
        });
        self.whole.enter(ONLY, pause);
    }
}

impl<F, T, E> Combined for Trying<F, T, E>
where
    F: FnMut(Completion<T, E>) -> Operation + 'static,
    T: 'static,
    E: From<Cancelled> + From<Panicked> + 'static,
{
    type Value = T;
    type Error = E;
    type Output = Result<T, E>;

    fn whole(&self) -> &Whole<Result<T, E>> {
        &self.whole
    }

    fn settle(self: &Rc<Self>, _index: usize, result: Result<T, E>) {
        let error = match result {
            Err(error) if !self.whole.has_panicked() && !is_final(&error) => error,
            result => return finish(self, result),
        };
        // Nothing is left to try when the whole was cancelled.
        let Some((mut backoff, f)) = self.source.take() else { return finish(self, Err(error)) };
        let delay = backoff.next();
        self.source.set(Some((backoff, f)));
        match delay {
            Some(delay) => {
                discard(self.whole.handle(), error);
                self.pause(delay);
            }
            None => finish(self, Err(error)),
        }
    }

    fn panicked(panicked: Panicked) -> Option<E> {
        Some(panicked.into())
    }

    fn cancelled(&self, any: bool) -> bool {
        self.cancelled.set(true);
        self.give_up();
        any
    }

    fn give_up(&self) {
        if let Some((_, f)) = self.source.take() {
            discard(self.whole.handle(), f);
        }
    }
}

impl<F, T, E> CancelTarget for Trying<F, T, E>
where
    F: FnMut(Completion<T, E>) -> Operation + 'static,
    T: 'static,
    E: From<Cancelled> + From<Panicked> + 'static,
{
    fn cancel(self: Rc<Self>, _ticket: Ticket) -> Cancelling {
        cancel(&self)
    }
}

impl<F: 'static, T: 'static, E: 'static> Drop for Taken<'_, F, T, E> {
    fn drop(&mut self) {
        match self.source.take() {
            source if self.goes_on => self.trying.source.set(source),
            Some((_, f)) => discard(self.trying.whole.handle(), f),
            None => {}
        }
    }
}

impl<F: 'static, T: 'static, E: 'static> Drop for Trying<F, T, E> {
    fn drop(&mut self) {
        if let Some((_, f)) = self.source.take() {
            discard(self.whole.handle(), f);
        }
    }
}
