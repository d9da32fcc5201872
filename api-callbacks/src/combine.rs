//! Several operations as one, with callbacks.
//!
//! An operation that has not begun is a closure that is given its callback and returns its handle.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use loop_core::{Elapsed, LoopHandle};

use crate::operation::{Cancel, Operation, Ticket};
use crate::timer::sleep;

/// The callback that a combinator gives to an operation.
pub type Completion<T, E> = Box<dyn FnOnce(Result<T, E>)>;

/// An operation that has not begun, where several of different make go together.
pub type Start<T, E> = Box<dyn FnOnce(Completion<T, E>) -> Operation>;

type Callback<R> = Box<dyn FnOnce(R)>;

/// Operations that run together, and the callback of the whole.
struct Group<T, R> {
    operations: RefCell<Vec<Operation>>,
    /// What ends the whole with no result of an operation.
    timer: Cell<Option<Operation>>,
    values: RefCell<Vec<Option<T>>>,
    missing: Cell<usize>,
    callback: Cell<Option<Callback<R>>>,
}

/// Runs operations at once and calls back with all their values, in the order of the operations.
///
/// # Errors
/// The first error; the operations that are pending still are cancelled.
///
/// ECMAScript: `Promise.all`.
pub fn all<T: 'static, E: 'static>(
    handle: &LoopHandle,
    operations: impl IntoIterator<Item = impl FnOnce(Completion<T, E>) -> Operation>,
    callback: impl FnOnce(Result<Vec<T>, E>) + 'static,
) -> Operation {
    let group = Group::new(callback);
    let settle = |group: &Group<T, _>, index: usize, result| match result {
        Ok(value) => {
            if let Some(values) = group.put(index, value) {
                group.finish(Ok(values));
            }
        }
        Err(error) => group.finish(Err(error)),
    };
    if group.start(operations, settle) == 0 {
        let group = group.clone();
        return Operation::ended_with(handle, move || group.finish(Ok(Vec::new())));
    }
    Operation::pending(&group, Ticket::default())
}

/// Runs operations at once and calls back with the result of the one that ends first; the others
/// are cancelled.
///
/// # Errors
/// The error of the first, if it ends with one.
///
/// # Limits
/// A race of nothing never ends: its callback is dropped. ECMAScript: `Promise.race`.
pub fn race<T: 'static, E: 'static>(
    operations: impl IntoIterator<Item = impl FnOnce(Completion<T, E>) -> Operation>,
    callback: impl FnOnce(Result<T, E>) + 'static,
) -> Operation {
    let group = Group::<(), _>::new(callback);
    group.start(operations, |group, _index, result| group.finish(result));
    Operation::pending(&group, Ticket::default())
}

/// Runs an operation, but cancels it when `delay` has passed.
///
/// # Errors
/// [`Elapsed`] when the time is over, else what the operation says.
///
/// asyncio: `timeout`.
#[track_caller]
pub fn timeout<T: 'static, E: From<Elapsed> + 'static>(
    handle: &LoopHandle,
    delay: Duration,
    operation: impl FnOnce(Completion<T, E>) -> Operation,
    callback: impl FnOnce(Result<T, E>) + 'static,
) -> Operation {
    let group = Group::<(), _>::new(callback);
    let elapsed = group.clone();
    let timer = sleep(handle, delay, move |slept| {
        if slept.is_ok() {
            elapsed.finish(Err(Elapsed.into()));
        }
    });
    group.timer.set(Some(timer));
    group.start([operation], |group, _index, result| group.finish(result));
    Operation::pending(&group, Ticket::default())
}

impl<T: 'static, R: 'static> Group<T, R> {
    fn new(callback: impl FnOnce(R) + 'static) -> Rc<Group<T, R>> {
        Rc::new(Group {
            operations: RefCell::default(),
            timer: Cell::new(None),
            values: RefCell::default(),
            missing: Cell::new(0),
            callback: Cell::new(Some(Box::new(callback))),
        })
    }

    /// Starts every operation; each hands its result and its index to `settle`. Returns how many
    /// there were.
    fn start<V: 'static, E: 'static>(
        self: &Rc<Self>,
        operations: impl IntoIterator<Item = impl FnOnce(Completion<V, E>) -> Operation>,
        settle: impl Fn(&Group<T, R>, usize, Result<V, E>) + Copy + 'static,
    ) -> usize {
        let mut count = 0;
        for operation in operations {
            let (group, index) = (self.clone(), count);
            let operation = operation(Box::new(move |result| settle(&group, index, result)));
            self.operations.borrow_mut().push(operation);
            count += 1;
        }
        self.values.borrow_mut().resize_with(count, || None);
        self.missing.set(count);
        count
    }

    /// Keeps a value, and returns all of them if it was the last that was missing.
    fn put(&self, index: usize, value: T) -> Option<Vec<T>> {
        let mut values = self.values.borrow_mut();
        let place = values.get_mut(index);
        *place.expect("an operation calls back only after it has returned") = Some(value);
        drop(values);
        self.missing.set(self.missing.get() - 1);
        (self.missing.get() == 0).then(|| self.values.take().into_iter().flatten().collect())
    }

    /// Calls back with the result of the whole, and cancels what is pending still.
    fn finish(&self, result: R) {
        let operations = self.operations.take();
        let Some(callback) = self.callback.take() else { return };
        for operation in operations.into_iter().chain(self.timer.take()) {
            operation.cancel();
        }
        callback(result);
    }
}

impl<T: 'static, R: 'static> Cancel for Group<T, R> {
    fn cancel(self: Rc<Self>, _ticket: Ticket) -> bool {
        // The first operation to end as cancelled ends the whole. When all have ended already, the
        // callback of the whole is on its way.
        let operations = self.operations.take();
        let cancelled = operations.iter().filter(|operation| operation.cancel()).count();
        self.operations.borrow_mut().extend(operations);
        cancelled > 0
    }
}
