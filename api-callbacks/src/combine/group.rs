//! Operations that run together, and the callback of the whole.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;

use loop_core::LoopHandle;

use super::Completion;
use crate::operation::{Cancel, Operation, Ticket, report_dropped};

type Boxed<R> = Box<dyn FnOnce(R)>;

/// The callback of a whole, which is called once or reported.
pub(crate) struct Callback<R> {
    callback: Cell<Option<Boxed<R>>>,
    handle: LoopHandle,
    called_at: &'static Location<'static>,
}

/// Operations that run together.
pub(super) struct Group<T, R> {
    operations: RefCell<Vec<Operation>>,
    /// What ends the whole with no result of an operation.
    timer: Cell<Option<Operation>>,
    values: RefCell<Vec<Option<T>>>,
    missing: Cell<usize>,
    callback: Callback<R>,
}

impl<R: 'static> Callback<R> {
    #[track_caller]
    pub(crate) fn new(handle: &LoopHandle, callback: impl FnOnce(R) + 'static) -> Callback<R> {
        let (callback, called_at): (Boxed<R>, _) = (Box::new(callback), Location::caller());
        Callback { callback: Cell::new(Some(callback)), handle: handle.clone(), called_at }
    }

    /// Takes the callback, to be called now.
    pub(crate) fn take(&self) -> Option<Boxed<R>> {
        self.callback.take()
    }

    pub(crate) fn handle(&self) -> &LoopHandle {
        &self.handle
    }

    /// Cancels what is pending and calls back: behind the callbacks of what was cancelled, which are
    /// queued, so that whoever is called finds the sockets free.
    pub(super) fn call(
        &self,
        callback: Boxed<R>,
        result: R,
        pending: impl IntoIterator<Item = Operation>,
    ) {
        let cancelled = pending.into_iter().filter(|operation| operation.cancel()).count();
        if cancelled == 0 {
            return callback(result);
        }
        Operation::ended_at(&self.handle, self.called_at, move || callback(result));
    }

    /// Calls back from the queue.
    #[track_caller]
    pub(crate) fn soon(&self, result: impl FnOnce() -> R + 'static) -> Operation {
        match self.take() {
            Some(callback) => Operation::ended_with(&self.handle, move || callback(result())),
            None => Operation::ended(),
        }
    }
}

impl<R> Drop for Callback<R> {
    fn drop(&mut self) {
        if self.callback.take().is_some() {
            report_dropped(&self.handle, Some(self.called_at));
        }
    }
}

impl<T: 'static, R: 'static> Group<T, R> {
    #[track_caller]
    pub(super) fn new(handle: &LoopHandle, callback: impl FnOnce(R) + 'static) -> Rc<Group<T, R>> {
        Rc::new(Group {
            operations: RefCell::default(),
            timer: Cell::new(None),
            values: RefCell::default(),
            missing: Cell::new(0),
            callback: Callback::new(handle, callback),
        })
    }

    /// Starts every operation; each hands its result and its index to `settle`. Returns how many had
    /// ended before they were returned: their results are on their way.
    pub(super) fn start<V: 'static, E: 'static>(
        self: &Rc<Self>,
        operations: impl IntoIterator<Item = impl FnOnce(Completion<V, E>) -> Operation>,
        settle: impl Fn(&Group<T, R>, usize, Result<V, E>) + Copy + 'static,
    ) -> usize {
        let (mut count, mut ended) = (0, 0);
        for operation in operations {
            let (group, index) = (self.clone(), count);
            let operation = operation(Box::new(move |result| settle(&group, index, result)));
            ended += usize::from(operation.has_ended());
            self.operations.borrow_mut().push(operation);
            count += 1;
        }
        self.values.borrow_mut().resize_with(count, || None);
        self.missing.set(count);
        ended
    }

    /// Names what cancels the whole.
    pub(super) fn operation(self: &Rc<Self>) -> Operation {
        Operation::pending(self, Ticket::default())
    }

    /// Names what cancels the whole; of nothing, the callback gets `empty` from the queue.
    #[track_caller]
    pub(super) fn operation_or(self: &Rc<Self>, empty: impl FnOnce() -> R + 'static) -> Operation {
        if self.missing.get() == 0 {
            return self.callback.soon(empty);
        }
        // Where each part has ended, so has the whole: whoever holds it need not wait for it.
        let all_ended = self.operations.borrow().iter().all(Operation::has_ended);
        if all_ended { Operation::ended() } else { self.operation() }
    }

    /// Has the whole end when a timer does.
    pub(super) fn end_with(&self, timer: Operation) {
        self.timer.set(Some(timer));
    }

    /// Cancels what is pending; tells whether anything was.
    pub(super) fn cancel_parts(&self) -> bool {
        let operations = self.operations.take();
        let cancelled = operations.iter().filter(|operation| operation.cancel()).count();
        self.operations.borrow_mut().extend(operations);
        cancelled > 0
    }

    /// Keeps a value, and returns all of them if it was the last that was missing.
    pub(super) fn put(&self, index: usize, value: T) -> Option<Vec<T>> {
        let mut values = self.values.borrow_mut();
        let place = values.get_mut(index);
        *place.expect("an operation calls back only after it has returned") = Some(value);
        drop(values);
        self.missing.set(self.missing.get() - 1);
        (self.missing.get() == 0).then(|| self.values.take().into_iter().flatten().collect())
    }

    /// Calls back with the result of the whole, and cancels what is pending still.
    pub(super) fn finish(&self, result: R) {
        let operations = self.operations.take();
        let Some(callback) = self.callback.take() else { return };
        // What the timer would have said concerns nobody.
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
        self.callback.call(callback, result, operations);
    }
}

impl<T: 'static, R: 'static> Cancel for Group<T, R> {
    fn cancel(self: Rc<Self>, _ticket: Ticket) -> bool {
        // The first operation to end as cancelled ends the whole. When all have ended already, the
        // callback of the whole is on its way.
        let cancelled = self.cancel_parts();
        if cancelled && let Some(timer) = self.timer.take() {
            timer.cancel();
        }
        cancelled
    }
}
