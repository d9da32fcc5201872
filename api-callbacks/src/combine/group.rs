//! Operations that run together.

use std::cell::{Cell, RefCell};
use std::io;
use std::mem;
use std::rc::Rc;

use loop_core::LoopHandle;

use super::Completion;
use super::callback::Callback;
use super::ending::{AbandonOnPanic, cancel, cancel_rest, finish};
use super::part::begin;
use super::whole::{Combined, Whole, cast};
use crate::cancelling::cancel_all;
use crate::cancelling::{CancelTarget, Cancelling, Ticket};
use crate::operation::Operation;
use crate::user_code::{contain, discard};

/// What is done with the result of an operation.
type Settle<T, R, V, E> = fn(&Rc<Group<T, R, V, E>>, usize, Result<V, E>);

/// Operations that run together.
pub(super) struct Group<T: 'static, R: 'static, V: 'static, E: 'static> {
    whole: Whole<R>,
    settle: Settle<T, R, V, E>,
    /// Whether there is no result without the results of all.
    needs_all: bool,
    /// What ends the whole with no result of an operation.
    timer: Cell<Option<Operation>>,
    /// By the operations' numbers; none where the first result is that of the whole.
    values: RefCell<Vec<Option<T>>>,
    missing: Cell<usize>,
    /// Whether the time is over, and the operation is being cancelled for that.
    expiring: Cell<bool>,
    /// The result of an operation that calls back inside that cancel.
    early: Cell<Option<R>>,
}

/// Operations that are still to be started; a destructor among them may panic while their caller
/// unwinds.
struct Unstarted<'a, I>(&'a LoopHandle, Option<I>);

impl<T, R, V, E> Group<T, R, V, E> {
    #[track_caller]
    pub(super) fn new(
        handle: &LoopHandle,
        needs_all: bool,
        callback: impl FnOnce(R) + 'static,
        settle: Settle<T, R, V, E>,
    ) -> Rc<Self> {
        Rc::new(Group {
            whole: Whole::new(Callback::new(handle, callback)),
            settle,
            needs_all,
            timer: Cell::new(None),
            values: RefCell::default(),
            missing: Cell::new(0),
            expiring: Cell::new(false),
            early: Cell::new(None),
        })
    }

    /// Starts every operation, unless one gives the whole up; each hands its result and its index to
    /// `settle`.
    pub(super) fn start(
        self: &Rc<Self>,
        operations: impl IntoIterator<Item = impl FnOnce(Completion<V, E>) -> Operation>,
    ) {
        let abandon = AbandonOnPanic(self);
        let mut unstarted = Unstarted(self.whole.handle(), Some(operations.into_iter()));
        // One that drops its completion gives the whole up: what would begin then, nothing would cancel.
        while !self.whole.is_over()
            && let Some(operation) = unstarted.1.as_mut().and_then(Iterator::next)
        {
            let index = self.missing.get();
            self.missing.set(index + 1);
            begin(self, index, operation);
        }
        if !self.whole.is_over() {
            drop(unstarted.1.take());
        }
        mem::forget(abandon);
    }

    /// Tells whether the result of some operation is on its way.
    pub(super) fn has_ended_part(&self) -> bool {
        self.whole.has_ended_part()
    }

    /// Cancels the operations that are pending, and leaves the whole to the others.
    pub(super) fn cancel_parts(self: &Rc<Self>) {
        cancel_all(cancel(self));
    }

    /// Names what cancels the whole.
    pub(super) fn operation(self: &Rc<Self>) -> Operation {
        Operation::pending(self, Ticket::default())
    }

    /// Names what cancels the whole; of nothing, the callback gets `empty` from the queue.
    pub(super) fn operation_or(self: &Rc<Self>, empty: impl FnOnce() -> R + 'static) -> Operation {
        if self.missing.get() == 0 {
            return self.whole.callback.soon(empty);
        }
        // Where each part has ended, so has the whole: a whole around it need not wait for it.
        if self.whole.all_parts_have_ended() { Operation::ended() } else { self.operation() }
    }

    /// Has the whole end when a timer does.
    pub(super) fn end_with(&self, timer: Operation) {
        self.timer.set(Some(timer));
    }

    /// Keeps a value, and returns all of them if it was the last that was missing.
    pub(super) fn put(&self, index: usize, value: T) -> Option<Vec<T>> {
        let values = &mut *self.values.borrow_mut();
        values.resize_with(values.len().max(index + 1), || None);
        values[index] = Some(value);
        self.missing.set(self.missing.get() - 1);
        (self.missing.get() == 0).then(|| mem::take(values).into_iter().flatten().collect())
    }

    /// Ends the whole with its result.
    pub(super) fn finish(self: &Rc<Self>, result: R) {
        if self.expiring.get() {
            self.early.set(Some(result));
        } else {
            finish(self, result);
        }
    }

    /// The time is over: ends the whole with `elapsed`, unless the operation has ended already. Its
    /// result is on its way then, and is not lost.
    pub(super) fn expire(self: &Rc<Self>, elapsed: R) {
        self.expiring.set(true);
        let cancelled = cancel_rest(self);
        self.expiring.set(false);
        match self.early.take() {
            Some(result) if !cancelled => return finish(self, result),
            early => discard(self.whole.handle(), early),
        }
        if !self.whole.has_ended_part() {
            finish(self, elapsed);
        }
    }
}

impl<T, V, E> Group<T, Result<V, E>, V, E> {
    /// The timer has ended with its loop, and so does the whole, if its errors can say so.
    pub(super) fn finish_if_closing(self: &Rc<Self>, cancelled: io::Error) {
        if self.whole.handle().is_closing()
            && !self.whole.is_over()
            && let Ok(error) = cast(cancelled)
        {
            self.finish(Err(error));
        }
    }
}

impl<T, R, V, E> Combined for Group<T, R, V, E> {
    type Value = V;
    type Error = E;
    type Output = R;

    fn whole(&self) -> &Whole<R> {
        &self.whole
    }

    fn settle(self: &Rc<Self>, index: usize, result: Result<V, E>) {
        (self.settle)(self, index, result);
    }

    fn needs_all(&self) -> bool {
        self.needs_all
    }

    fn cancelled(&self, any: bool) -> bool {
        if any && let Some(timer) = self.timer.take() {
            timer.cancel();
        }
        any
    }

    fn give_up(&self) {
        // What the timer would have said is not asked for any more.
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
        for value in self.values.take().into_iter().flatten() {
            discard(self.whole.handle(), value);
        }
    }
}

impl<T, R, V, E> CancelTarget for Group<T, R, V, E> {
    fn cancel(self: Rc<Self>, _ticket: Ticket) -> Cancelling {
        // The first operation to end as cancelled ends the whole. When all have ended already, the
        // callback of the whole is on its way.
        cancel(&self)
    }
}

impl<T: 'static, R: 'static, V: 'static, E: 'static> Drop for Group<T, R, V, E> {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
        for value in self.values.take().into_iter().flatten() {
            discard(self.whole.handle(), value);
        }
    }
}

impl<I> Drop for Unstarted<'_, I> {
    fn drop(&mut self) {
        if let Some(operations) = self.1.take() {
            contain(self.0, "a destructor", || drop(operations));
        }
    }
}
