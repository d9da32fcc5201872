//! Several operations as one, with promises.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use loop_core::{Elapsed, LoopHandle};

use crate::promise::{Cancel, Promise, Reason, Resolver};
use crate::timer::sleep_for;

/// Promises that are consumed together, and the resolver of the whole.
struct Group<T, R: 'static, E: Reason> {
    parts: RefCell<Vec<Promise<(), E>>>,
    values: RefCell<Vec<Option<T>>>,
    missing: Cell<usize>,
    resolver: Cell<Option<Resolver<R, E>>>,
}

/// Resolves to the values of all promises, in their order.
///
/// # Errors
/// The first rejection; what is pending still is cancelled.
///
/// ECMAScript: `Promise.all`.
#[track_caller]
pub fn all<T: 'static, E: Reason>(
    handle: &LoopHandle,
    promises: impl IntoIterator<Item = Promise<T, E>>,
) -> Promise<Vec<T>, E> {
    let group = Group::new();
    let promise = group.promise(handle);
    let settle = |group: &Group<T, _, E>, index: usize, outcome| match outcome {
        Ok(value) => {
            if let Some(values) = group.put(index, value) {
                group.finish(Ok(values));
            }
        }
        Err(reason) => group.finish(Err(reason)),
    };
    if group.consume(promises, settle) == 0 {
        group.finish(Ok(Vec::new()));
    }
    promise
}

/// Has the outcome of the promise that is settled first; the others are cancelled.
///
/// # Errors
/// The rejection of the first, if it is rejected.
///
/// # Limits
/// A race of nothing never ends. ECMAScript: `Promise.race`.
#[track_caller]
pub fn race<T: 'static, E: Reason>(
    handle: &LoopHandle,
    promises: impl IntoIterator<Item = Promise<T, E>>,
) -> Promise<T, E> {
    let group = Group::<(), _, E>::new();
    let promise = group.promise(handle);
    group.consume(promises, |group, _index, outcome| group.finish(outcome));
    promise
}

/// Has the outcome of a promise, but cancels it when `delay` has passed.
///
/// # Errors
/// [`Elapsed`] when the time is over, else the promise's rejection.
///
/// asyncio: `timeout`.
#[track_caller]
pub fn timeout<T: 'static, E: Reason + From<Elapsed>>(
    handle: &LoopHandle,
    delay: Duration,
    promise: Promise<T, E>,
) -> Promise<T, E> {
    let elapsed = sleep_for(handle, delay).then(|()| Err(Elapsed.into()));
    race(handle, [promise, elapsed])
}

impl<T: 'static, R: 'static, E: Reason> Group<T, R, E> {
    fn new() -> Rc<Group<T, R, E>> {
        Rc::new(Group {
            parts: RefCell::default(),
            values: RefCell::default(),
            missing: Cell::new(0),
            resolver: Cell::new(None),
        })
    }

    /// Makes the promise of the whole.
    #[track_caller]
    fn promise(self: &Rc<Self>, handle: &LoopHandle) -> Promise<R, E> {
        let (promise, resolver) = Promise::cancelling(handle, self.clone(), 0);
        self.resolver.set(Some(resolver));
        promise
    }

    /// Consumes every promise; each hands its outcome and its index to `settle`. Returns how many
    /// there were.
    fn consume<V: 'static>(
        self: &Rc<Self>,
        promises: impl IntoIterator<Item = Promise<V, E>>,
        settle: impl Fn(&Group<T, R, E>, usize, Result<V, E>) + Copy + 'static,
    ) -> usize {
        let mut count = 0;
        for promise in promises {
            let (group, index) = (self.clone(), count);
            let part = promise.inspect_outcome(move |outcome| settle(&group, index, outcome));
            self.parts.borrow_mut().push(part);
            count += 1;
        }
        self.values.borrow_mut().resize_with(count, || None);
        self.missing.set(count);
        count
    }

    /// Keeps a value, and returns all of them if it was the last that was missing.
    fn put(&self, index: usize, value: T) -> Option<Vec<T>> {
        self.values.borrow_mut()[index] = Some(value);
        self.missing.set(self.missing.get() - 1);
        (self.missing.get() == 0).then(|| self.values.take().into_iter().flatten().collect())
    }

    /// Settles the whole, and cancels what is pending still.
    fn finish(&self, outcome: Result<R, E>) {
        let Some(resolver) = self.resolver.take() else { return };
        self.parts.take().into_iter().for_each(Promise::cancel_handled);
        resolver.settle(outcome);
    }
}

impl<T: 'static, R: 'static, E: Reason> Cancel for Group<T, R, E> {
    fn cancel(&self, _part: u64) {
        drop(self.resolver.take());
        self.parts.take().into_iter().for_each(Promise::cancel_handled);
    }
}
