//! An operation for each item, a few at once.

use std::cell::{Cell, RefCell};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use loop_core::{Cancelled, LoopHandle, Panicked};

use super::Completion;
use super::callback::Callback;
use super::ending::{AbandonOnPanic, cancel, finish, finish_panicked};
use super::part::begin;
use super::whole::{Combined, Whole};
use crate::cancelling::{CancelTarget, Cancelling, Ticket};
use crate::operation::Operation;
use crate::user_code::{discard, report_panic};

/// What is left to do, what is under way, and what came of the rest.
///
/// No part of it is borrowed while users' code runs.
pub(super) struct Mapping<It: 'static, F: 'static, T: 'static, E: 'static> {
    whole: Whole<Result<Vec<T>, E>>,
    /// The items to come and what is done with each; out of its place while it runs, and gone when
    /// no further operation is to begin.
    source: Cell<Option<(It, F)>>,
    /// Whether the source is out of its place.
    calling: Cell<bool>,
    /// Whether items were left undone because the whole was cancelled.
    cancelled: Cell<bool>,
    values: RefCell<Vec<Option<T>>>,
}

/// The source of a mapping, out of its place; it goes back or is dropped, also after a panic.
struct Taken<'a, It: 'static, F: 'static, T: 'static, E: 'static> {
    mapping: &'a Mapping<It, F, T, E>,
    source: Option<(It, F)>,
    goes_on: bool,
}

impl<It, F, T, E> Mapping<It, F, T, E>
where
    It: Iterator + 'static,
    F: FnMut(It::Item, Completion<T, E>) -> Operation + 'static,
    T: 'static,
    E: From<Cancelled> + From<Panicked> + 'static,
{
    #[track_caller]
    pub(super) fn new(
        handle: &LoopHandle,
        items: It,
        f: F,
        callback: impl FnOnce(Result<Vec<T>, E>) + 'static,
    ) -> Rc<Self> {
        Rc::new(Mapping {
            whole: Whole::new(Callback::new(handle, callback)),
            source: Cell::new(Some((items, f))),
            calling: Cell::new(false),
            cancelled: Cell::new(false),
            values: RefCell::default(),
        })
    }

    /// Starts the operations of the first items.
    pub(super) fn start(self: &Rc<Self>, limit: usize) {
        let abandon = AbandonOnPanic(self);
        let mut left = limit;
        while left > 0 && self.start_next() {
            left -= 1;
        }
        mem::forget(abandon);
    }

    /// Starts the operation of the next item; tells whether there was one.
    fn start_next(self: &Rc<Self>) -> bool {
        let Some(source) = self.source.take() else { return false };
        self.calling.set(true);
        let mut taken = Taken { mapping: self, source: Some(source), goes_on: false };
        let Some((items, f)) = &mut taken.source else { return false };
        let Some(item) = items.next() else { return false };
        let index = self.values.borrow().len();
        self.values.borrow_mut().push(None);
        begin(self, index, |done| f(item, done));
        taken.goes_on = !self.whole.is_over() && !self.cancelled.get();
        true
    }

    /// Starts the operation of the next item, not from inside the call of the combinator: a panic
    /// ends the whole.
    fn go_on(self: &Rc<Self>) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.start_next())) {
            let panicked = report_panic(self.whole.handle(), "the function of a map", payload);
            finish_panicked(self, Err(panicked.into()));
        }
    }

    /// Names what cancels the whole; of nothing, the callback is queued.
    pub(super) fn operation(self: &Rc<Self>) -> Operation {
        match self.whole.is_idle() {
            true => self.whole.callback.soon(|| Ok(Vec::new())),
            false => Operation::pending(self, Ticket::default()),
        }
    }
}

impl<It, F, T, E> Combined for Mapping<It, F, T, E>
where
    It: Iterator + 'static,
    F: FnMut(It::Item, Completion<T, E>) -> Operation + 'static,
    T: 'static,
    E: From<Cancelled> + From<Panicked> + 'static,
{
    type Value = T;
    type Error = E;
    type Output = Result<Vec<T>, E>;

    fn whole(&self) -> &Whole<Self::Output> {
        &self.whole
    }

    fn settle(self: &Rc<Self>, index: usize, result: Result<T, E>) {
        match result {
            Ok(value) => {
                self.values.borrow_mut()[index] = Some(value);
                self.go_on();
                if !self.whole.is_over() && self.whole.is_idle() {
                    finish(
                        self,
                        match self.cancelled.get() {
                            true => Err(Cancelled.into()),
                            false => Ok(self.values.take().into_iter().flatten().collect()),
                        },
                    );
                }
            }
            Err(error) => finish(self, Err(error)),
        }
    }

    fn panicked(panicked: Panicked) -> Option<E> {
        Some(panicked.into())
    }

    fn cancelled(&self, any: bool) -> bool {
        // The first operation to end as cancelled ends the whole. Where all that was begun has ended,
        // the whole ends as cancelled for the items that will not begin.
        let source = self.source.take();
        let undone = source.is_some() || self.calling.get();
        discard_source(self.whole.handle(), source);
        self.cancelled.set(self.cancelled.get() || undone);
        any || undone
    }

    fn give_up(&self) {
        discard_source(self.whole.handle(), self.source.take());
        for value in self.values.take().into_iter().flatten() {
            discard(self.whole.handle(), value);
        }
    }
}

impl<It, F, T, E> CancelTarget for Mapping<It, F, T, E>
where
    It: Iterator + 'static,
    F: FnMut(It::Item, Completion<T, E>) -> Operation + 'static,
    T: 'static,
    E: From<Cancelled> + From<Panicked> + 'static,
{
    fn cancel(self: Rc<Self>, _ticket: Ticket) -> Cancelling {
        cancel(&self)
    }
}

/// Drops the items and their function, each on its own: their destructors may panic.
fn discard_source<It: 'static, F: 'static>(handle: &LoopHandle, source: Option<(It, F)>) {
    if let Some((items, f)) = source {
        discard(handle, items);
        discard(handle, f);
    }
}

impl<It: 'static, F: 'static, T: 'static, E: 'static> Drop for Taken<'_, It, F, T, E> {
    fn drop(&mut self) {
        self.mapping.calling.set(false);
        match self.goes_on {
            true => self.mapping.source.set(self.source.take()),
            false => discard_source(self.mapping.whole.handle(), self.source.take()),
        }
    }
}

impl<It: 'static, F: 'static, T: 'static, E: 'static> Drop for Mapping<It, F, T, E> {
    fn drop(&mut self) {
        discard_source(self.whole.handle(), self.source.take());
        for value in self.values.take().into_iter().flatten() {
            discard(self.whole.handle(), value);
        }
    }
}
