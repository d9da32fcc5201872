//! An operation for each item, a few at once.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use loop_core::{Cancelled, LoopHandle};

use super::Completion;
use super::group::Callback;
use crate::operation::{Cancel, Operation, Ticket};

/// What is left to do, what is under way, and what came of the rest.
///
/// No part of it is borrowed while users' code runs.
pub(super) struct Mapping<It, F, T, E> {
    /// The items to come and what is done with each; out of its place while it runs, and gone when
    /// no further operation is to begin.
    source: Cell<Option<(It, F)>>,
    /// Each operation under way, by the index of its item.
    running: RefCell<Vec<(usize, Operation)>>,
    /// Whether items were left undone because the whole was cancelled.
    cancelled: Cell<bool>,
    values: RefCell<Vec<Option<T>>>,
    callback: Callback<Result<Vec<T>, E>>,
}

impl<It, F, T, E> Mapping<It, F, T, E>
where
    It: Iterator + 'static,
    F: FnMut(It::Item, Completion<T, E>) -> Operation + 'static,
    T: 'static,
    E: From<Cancelled> + 'static,
{
    #[track_caller]
    pub(super) fn new(
        handle: &LoopHandle,
        items: It,
        f: F,
        callback: impl FnOnce(Result<Vec<T>, E>) + 'static,
    ) -> Rc<Self> {
        Rc::new(Mapping {
            source: Cell::new(Some((items, f))),
            running: RefCell::default(),
            cancelled: Cell::new(false),
            values: RefCell::default(),
            callback: Callback::new(handle, callback),
        })
    }

    /// Starts the operations of the first items.
    pub(super) fn start(self: &Rc<Self>, limit: usize) {
        let mut left = limit;
        while left > 0 && self.start_next() {
            left -= 1;
        }
    }

    /// Starts the operation of the next item; tells whether there was one.
    fn start_next(self: &Rc<Self>) -> bool {
        let Some((mut items, mut f)) = self.source.take() else { return false };
        let Some(item) = items.next() else { return false };
        let index = self.values.borrow().len();
        self.values.borrow_mut().push(None);
        let mapping = self.clone();
        let operation = f(item, Box::new(move |result| mapping.settle(index, result)));
        self.running.borrow_mut().push((index, operation));
        self.source.set(Some((items, f)));
        true
    }

    /// Names what cancels the whole; of nothing, the callback is queued.
    #[track_caller]
    pub(super) fn operation(self: &Rc<Self>) -> Operation {
        match self.running.borrow().is_empty() {
            true => self.callback.soon(|| Ok(Vec::new())),
            false => Operation::pending(self, Ticket::default()),
        }
    }

    fn settle(self: &Rc<Self>, index: usize, result: Result<T, E>) {
        let mut running = self.running.borrow_mut();
        let place = running.iter().position(|(running, _)| *running == index);
        // It is gone when the whole has ended before.
        let Some(place) = place else { return };
        running.swap_remove(place);
        drop(running);
        match result {
            Ok(value) => {
                self.values.borrow_mut()[index] = Some(value);
                self.start_next();
                if self.running.borrow().is_empty() {
                    self.finish(match self.cancelled.get() {
                        true => Err(Cancelled.into()),
                        false => Ok(self.values.take().into_iter().flatten().collect()),
                    });
                }
            }
            Err(error) => self.finish(Err(error)),
        }
    }

    /// Calls back with the result of the whole, and cancels what is pending still.
    fn finish(&self, result: Result<Vec<T>, E>) {
        drop(self.source.take());
        let running = self.running.take();
        let Some(callback) = self.callback.take() else { return };
        self.callback.call(callback, result, running.into_iter().map(|(_, operation)| operation));
    }
}

impl<It, F, T: 'static, E: 'static> Cancel for Mapping<It, F, T, E> {
    fn cancel(self: Rc<Self>, _ticket: Ticket) -> bool {
        // The first operation to end as cancelled ends the whole. Where all that was begun has ended,
        // the whole ends as cancelled for the items that will not begin.
        let undone = self.source.take().is_some();
        let running = self.running.take();
        let cancelled = running.iter().filter(|(_, operation)| operation.cancel()).count();
        self.running.borrow_mut().extend(running);
        self.cancelled.set(self.cancelled.get() || undone);
        cancelled > 0 || undone
    }
}
