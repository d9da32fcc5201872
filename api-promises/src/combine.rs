//! Several operations as one, with promises.
//!
//! What loses is cancelled, and leaves nothing behind.
//!
//! # Panics
//!
//! A panic in a function or an operation that was given to a combinator ends the whole, once: the
//! function is not called again, nothing is tried again, and what is pending is cancelled. No panic
//! unwinds into the caller, as with ECMAScript's `Promise.try`.
//!
//! | what panics | what the exception handler hears | what the whole becomes |
//! |---|---|---|
//! | the iterator of promises or items, in the call | once | rejected with `Fault::Panicked` |
//! | `f` of `map_limit` or `each`, from the queue | once | rejected with `Fault::Panicked` |
//! | `f` of `retry`, or a handler of its promise | once | rejected with it at once, as with a cancellation |
//! | a handler of a part of `all`, `race`, `timeout` | once | rejected with it, when it decides the whole |
//! | a handler of a part of `any`, `all_settled` | once | has it among the failures, as handled; `any` of nothing but these is not told again |
//! | a destructor of a value, a reason or a capture | once | what it would have been |

mod group;
mod rules;
mod slots;
mod tuples;

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use loop_core::{AggregateError, Backoff, Elapsed, LoopHandle};

use crate::promise::{IntoPromise, Promise, Reason, discard};
use crate::timer::sleep_for;
use group::together;

pub use tuples::{Together, all_of};

/// Is fulfilled with the values of all promises, in their order.
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
    together::<T, E, rules::All<T>>(handle, promises)
}

/// Is fulfilled with the outcomes of all promises, in their order, when the last is settled.
///
/// # Errors
/// None of its own.
///
/// ECMAScript: `Promise.allSettled`.
#[track_caller]
pub fn all_settled<T: 'static, E: Reason>(
    handle: &LoopHandle,
    promises: impl IntoIterator<Item = Promise<T, E>>,
) -> Promise<Vec<Result<T, E>>, E> {
    together::<T, E, rules::AllSettled<T, E>>(handle, promises)
}

/// Is fulfilled with the first value; the other promises are cancelled.
///
/// # Errors
/// Every rejection, in the order of the promises, when there is no value. Of nothing, none.
///
/// ECMAScript: `Promise.any`.
#[track_caller]
pub fn any<T: 'static, E: Reason>(
    handle: &LoopHandle,
    promises: impl IntoIterator<Item = Promise<T, E>>,
) -> Promise<T, AggregateError<E>> {
    together::<T, E, rules::Any<E>>(handle, promises)
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
    together::<T, E, rules::Race>(handle, promises)
}

/// Calls `f` with each item in turn, the next when the promise of the one before is fulfilled, and
/// is fulfilled with the values in their order.
///
/// # Errors
/// The first rejection; `f` is not called again.
///
/// Bluebird: `Promise.mapSeries`.
#[track_caller]
pub fn each<I, R, T>(
    handle: &LoopHandle,
    items: I,
    f: impl FnMut(I::Item) -> R + 'static,
) -> Promise<Vec<T>, R::Reason>
where
    I: IntoIterator<IntoIter: 'static>,
    R: IntoPromise<Value = T> + 'static,
    T: 'static,
{
    map_limit(handle, items, 1, f)
}

/// Calls `f` with each item, at most `limit` under way at once (0 counts as 1), and is fulfilled with the
/// values in the order of the items.
///
/// # Errors
/// The first rejection; what is pending still is cancelled, and `f` is not called again.
///
/// Bluebird: `Promise.map` with `concurrency`.
#[track_caller]
pub fn map_limit<I, R, T>(
    handle: &LoopHandle,
    items: I,
    limit: usize,
    f: impl FnMut(I::Item) -> R + 'static,
) -> Promise<Vec<T>, R::Reason>
where
    I: IntoIterator<IntoIter: 'static>,
    R: IntoPromise<Value = T> + 'static,
    T: 'static,
{
    let begun = Promise::calling(handle, || {
        let mut items = items.into_iter();
        let first: Vec<I::Item> = items.by_ref().take(limit.max(1)).collect();
        (items, first)
    });
    let (items, first) = match begun {
        Ok(begun) => begun,
        Err(rejected) => {
            discard(f, (handle, Location::caller()));
            return rejected;
        }
    };
    let mapping = Rc::new(Mapping {
        handle: handle.clone(),
        next: Cell::new(first.len()),
        source: Cell::new(Some((items, f))),
        values: RefCell::default(),
    });
    let lanes =
        first.into_iter().enumerate().map(|(index, item)| lane(mapping.clone(), index, item));
    let lanes = all(handle, lanes.collect::<Vec<_>>());
    lanes.map(move |_| {
        let values = mapping.values.take();
        // Before the values are on their way: the function's destructor may panic.
        drop(mapping);
        values.into_iter().flatten().collect()
    })
}

/// Has the outcome of a promise, but cancels it when `delay` has passed.
///
/// # Errors
/// [`Elapsed`] when the time is over, else the promise's rejection.
///
/// asyncio: `timeout`. In a chain that reads from left to right it is [`Promise::timeout`].
#[track_caller]
pub fn timeout<T: 'static, E: Reason + From<Elapsed>>(
    handle: &LoopHandle,
    delay: Duration,
    promise: Promise<T, E>,
) -> Promise<T, E> {
    let elapsed = sleep_for(handle, delay).then(|()| Err(Elapsed.into()));
    race(handle, [promise, elapsed])
}

/// Calls `f` until its promise is fulfilled, and waits between the tries as `backoff` says.
///
/// # Errors
/// The last rejection, when there is to be no further try; at once, when it is a panic or a
/// cancellation ([`Fault::Panicked`](crate::Fault::Panicked), [`Fault::Cancelled`](crate::Fault), whatever
/// reason was made of it; [`is_final`](loop_core::is_final); a failed `any` that has one among its own).
#[track_caller]
pub fn retry<R, T>(
    handle: &LoopHandle,
    mut backoff: Backoff,
    mut f: impl FnMut() -> R + 'static,
) -> Promise<T, R::Reason>
where
    R: IntoPromise<Value = T>,
    T: 'static,
{
    let handle = handle.clone();
    Promise::resolve(&handle.clone(), ()).then(move |()| {
        f().into_promise(&handle).catch_failure(move |reason| match backoff.next() {
            Some(delay) => {
                drop(reason);
                sleep_for(&handle, delay).then(move |()| retry(&handle, backoff, f))
            }
            None => {
                drop(f);
                Promise::reject(&handle, reason)
            }
        })
    })
}

/// Items on their way through a function.
struct Mapping<I, F, T> {
    handle: LoopHandle,
    /// The number of the next item.
    next: Cell<usize>,
    /// The items to come and the function; out of their place while they are called.
    source: Cell<Option<(I, F)>>,
    values: RefCell<Vec<Option<T>>>,
}

/// Takes an item through, and then those that are not taken yet, one after the other.
fn lane<I, F, R, T>(
    mapping: Rc<Mapping<I, F, T>>,
    index: usize,
    item: I::Item,
) -> Promise<(), R::Reason>
where
    I: Iterator + 'static,
    F: FnMut(I::Item) -> R + 'static,
    R: IntoPromise<Value = T> + 'static,
    T: 'static,
{
    let handle = mapping.handle.clone();
    Promise::resolve(&handle, item).then(move |item| {
        let mapped = mapping.call(item);
        mapped.then(move |value| match mapping.put(index, value) {
            Some((index, item)) => lane(mapping, index, item),
            None => {
                drop(mapping);
                Promise::resolve(&handle, ())
            }
        })
    })
}

impl<I, F, R, T> Mapping<I, F, T>
where
    I: Iterator,
    F: FnMut(I::Item) -> R,
    R: IntoPromise<Value = T>,
    T: 'static,
{
    /// Calls the function with an item.
    fn call(&self, item: I::Item) -> Promise<T, R::Reason> {
        let Some((items, mut f)) = self.source.take() else {
            // It panicked in another lane, of which the whole hears next.
            return Promise::never(&self.handle);
        };
        let mapped = f(item);
        self.source.set(Some((items, f)));
        mapped.into_promise(&self.handle)
    }

    /// Keeps a value, and takes the next item.
    fn put(&self, index: usize, value: T) -> Option<(usize, I::Item)> {
        let mut values = self.values.borrow_mut();
        if values.len() <= index {
            values.resize_with(index + 1, || None);
        }
        values[index] = Some(value);
        drop(values);
        let (mut items, f) = self.source.take()?;
        let item = items.next();
        self.source.set(Some((items, f)));
        let next = self.next.get();
        self.next.set(next + 1);
        Some((next, item?))
    }
}
