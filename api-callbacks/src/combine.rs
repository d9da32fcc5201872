//! Several operations as one, with callbacks.
//!
//! An operation that has not begun is a closure that is given its callback and returns its handle.
//!
//! Cancelling a whole cancels its parts. It ends with the first of them that ends: as cancelled, unless
//! one had failed before and its error is on its way. A whole calls back behind every part that was
//! cancelled, and behind the parts of those.
//!
//! # Panics
//!
//! A panic counts once: the consumer of the whole hears of it once, `f` is not called again, nothing
//! is retried, and what is pending is cancelled.
//!
//! | what panics | when | what the consumer hears |
//! |---|---|---|
//! | an operation's function, `f`, or the iterator | inside the call of the combinator | the panic unwinds to the caller; what has begun is cancelled, and the callback is dropped without a report |
//! | `f` or the iterator of [`map_limit`], [`each`], [`retry`], a step of a [`Sequence`] | later, from the queue | the exception handler is told once; the callback gets [`Panicked`] |
//! | an operation's own callback, which drops its completion | later, from the queue | the same: that operation ends as [`Panicked`] (*) |
//! | a part's [`Composed::cancel`](crate::Composed::cancel), or a destructor of what was captured | at any time | the exception handler is told; everything else goes on |
//!
//! (*) [`any`] and [`all_settled`] take it as one error among the others. An error type that is neither
//! made for [`Panicked`] by its combinator's bound nor an [`io::Error`](std::io::Error) cannot say so:
//! the callback is dropped, which is reported.
//!
//! # Completions that break the rules
//!
//! | an operation | what becomes of it |
//! |---|---|
//! | calls its completion before it has returned | nothing is lost: the result is delivered from the queue, and counts as one that has ended before it was returned |
//! | drops its completion uncalled | [`all`], [`all_settled`], [`map_limit`], [`each`], [`retry`] and a [`Sequence`] are given up: what is pending is cancelled, nothing more begins, and the callback is dropped, which is reported; the others go on without it |
//! | calls its completion from inside its cancel | the whole may call back before the parts behind it are cancelled, and a map may begin an item that this cancel does not reach |
//!
//! # Limits
//!
//! Wholes inside one another are settled, cancelled and dropped without recursion, however deep they
//! are. To begin them inside one another takes the stack, as any call does.

mod callback;
mod ending;
mod group;
mod mapping;
mod part;
mod sequence;
mod trying;
mod whole;

use std::rc::Rc;
use std::time::Duration;

use loop_core::{AggregateError, Backoff, Cancelled, Elapsed, LoopHandle, Panicked};

pub(crate) use self::callback::Callback;
pub use self::sequence::Sequence;

use self::group::Group;
use self::mapping::Mapping;
use self::trying::Trying;
use crate::operation::Operation;
use crate::timer::sleep;

/// The callback that a combinator gives to an operation.
pub type Completion<T, E> = Box<dyn FnOnce(Result<T, E>)>;

/// An operation that has not begun, where several of different make go together.
pub type Start<T, E> = Box<dyn FnOnce(Completion<T, E>) -> Operation>;

/// Runs operations at once and calls back with all their values, in the order of the operations.
///
/// # Errors
/// The first error; the operations that are pending still are cancelled.
///
/// ECMAScript: `Promise.all`.
#[track_caller]
pub fn all<T: 'static, E: 'static>(
    handle: &LoopHandle,
    operations: impl IntoIterator<Item = impl FnOnce(Completion<T, E>) -> Operation>,
    callback: impl FnOnce(Result<Vec<T>, E>) + 'static,
) -> Operation {
    let group = Group::new(handle, true, callback, |group, index, result| match result {
        Ok(value) => {
            if let Some(values) = group.put(index, value) {
                group.finish(Ok(values));
            }
        }
        Err(error) => group.finish(Err(error)),
    });
    group.start(operations);
    group.operation_or(|| Ok(Vec::new()))
}

/// Runs operations at once and calls back with the results of all, in the order of the operations.
///
/// ECMAScript: `Promise.allSettled`.
#[track_caller]
pub fn all_settled<T: 'static, E: 'static>(
    handle: &LoopHandle,
    operations: impl IntoIterator<Item = impl FnOnce(Completion<T, E>) -> Operation>,
    callback: impl FnOnce(Vec<Result<T, E>>) + 'static,
) -> Operation {
    let group = Group::new(handle, true, callback, |group, index, result| {
        if let Some(results) = group.put(index, result) {
            group.finish(results);
        }
    });
    group.start(operations);
    group.operation_or(Vec::new)
}

/// Runs operations at once and calls back with the first value; the others are cancelled.
///
/// # Errors
/// Every error, in the order of the operations, when none has a value: of nothing, none.
///
/// ECMAScript: `Promise.any`.
#[track_caller]
pub fn any<T: 'static, E: 'static>(
    handle: &LoopHandle,
    operations: impl IntoIterator<Item = impl FnOnce(Completion<T, E>) -> Operation>,
    callback: impl FnOnce(Result<T, AggregateError<E>>) + 'static,
) -> Operation {
    let group = Group::new(handle, false, callback, |group, index, result| match result {
        Ok(value) => group.finish(Ok(value)),
        Err(error) => {
            if let Some(errors) = group.put(index, error) {
                group.finish(Err(AggregateError { errors }));
            }
        }
    });
    group.start(operations);
    group.operation_or(|| Err(AggregateError { errors: Vec::new() }))
}

/// Runs operations at once and calls back with the result of the one that ends first; the others
/// are cancelled.
///
/// # Errors
/// The error of the first, if it ends with one.
///
/// # Limits
/// A race of nothing never ends: its callback is dropped, which is reported. ECMAScript:
/// `Promise.race`.
#[track_caller]
pub fn race<T: 'static, E: 'static>(
    handle: &LoopHandle,
    operations: impl IntoIterator<Item = impl FnOnce(Completion<T, E>) -> Operation>,
    callback: impl FnOnce(Result<T, E>) + 'static,
) -> Operation {
    let group = first_to_end(handle, callback);
    group.start(operations);
    if group.has_ended_part() {
        // The first of those is the winner; its result is on its way, before those of the others.
        group.cancel_parts();
        return Operation::ended();
    }
    group.operation()
}

/// Calls `f` with each item in turn, the next when the operation of the one before has ended, and
/// calls back with the values in their order.
///
/// # Errors
/// As [`map_limit`].
///
/// Bluebird: `Promise.mapSeries`.
#[track_caller]
pub fn each<I, T: 'static, E: From<Cancelled> + From<Panicked> + 'static>(
    handle: &LoopHandle,
    items: impl IntoIterator<Item = I, IntoIter: 'static>,
    f: impl FnMut(I, Completion<T, E>) -> Operation + 'static,
    callback: impl FnOnce(Result<Vec<T>, E>) + 'static,
) -> Operation {
    map_limit(handle, items, 1, f, callback)
}

/// Calls `f` with each item, at most `limit` under way at once (0 counts as 1), and calls back with
/// the values in the order of the items.
///
/// # Errors
/// The first error; what is pending still is cancelled, and `f` is not called again. `Cancelled` when
/// it is cancelled between two items; `Panicked` when `f` panics later than in this call.
///
/// Bluebird: `Promise.map` with `concurrency`.
#[track_caller]
pub fn map_limit<I, T: 'static, E: From<Cancelled> + From<Panicked> + 'static>(
    handle: &LoopHandle,
    items: impl IntoIterator<Item = I, IntoIter: 'static>,
    limit: usize,
    f: impl FnMut(I, Completion<T, E>) -> Operation + 'static,
    callback: impl FnOnce(Result<Vec<T>, E>) + 'static,
) -> Operation {
    let mapping = Mapping::new(handle, items.into_iter(), f, callback);
    mapping.start(limit.max(1));
    mapping.operation()
}

/// Runs an operation, but cancels it when `delay` has passed. One that has ended before it was
/// returned takes no timer.
///
/// # Errors
/// [`Elapsed`] when the time is over and the operation was pending still, else what the operation says:
/// a result that is on its way when the time is over is not lost.
///
/// asyncio: `timeout`.
#[track_caller]
pub fn timeout<T: 'static, E: From<Elapsed> + 'static>(
    handle: &LoopHandle,
    delay: Duration,
    operation: impl FnOnce(Completion<T, E>) -> Operation,
    callback: impl FnOnce(Result<T, E>) + 'static,
) -> Operation {
    let group = first_to_end(handle, callback);
    group.start([operation]);
    if group.has_ended_part() {
        // The result is on its way; nothing is left to wait for.
        return Operation::ended();
    }
    let elapsed = group.clone();
    let timer = sleep(handle, delay, move |slept| match slept {
        Ok(()) => elapsed.expire(Err(Elapsed.into())),
        Err(cancelled) => elapsed.finish_if_closing(cancelled),
    });
    group.end_with(timer);
    group.operation()
}

/// Calls `f` until its operation has a value, and waits between the tries as `backoff` says.
///
/// # Errors
/// The last error, when there is to be no further try, at once when it is a panic or a cancellation
/// ([`is_final`](loop_core::is_final)); `Cancelled` when it is cancelled in a pause.
#[track_caller]
pub fn retry<T: 'static, E: From<Cancelled> + From<Panicked> + 'static>(
    handle: &LoopHandle,
    backoff: Backoff,
    f: impl FnMut(Completion<T, E>) -> Operation + 'static,
    callback: impl FnOnce(Result<T, E>) + 'static,
) -> Operation {
    let trying = Trying::new(handle, backoff, f, callback);
    trying.start();
    trying.operation()
}

/// Begins an operation under a token: cancelling `forgets` is telling the token that it has ended. Returns
/// its handle, and what the token keeps to cancel it, unless it has ended.
#[track_caller]
pub(crate) fn guarded<T: 'static, E: 'static>(
    handle: &LoopHandle,
    operation: impl FnOnce(Completion<T, E>) -> Operation,
    forgets: Operation,
    callback: impl FnOnce(Result<T, E>) + 'static,
) -> (Operation, Option<Operation>) {
    let group = first_to_end(handle, callback);
    group.start([operation]);
    if group.has_ended_part() {
        // The result is on its way; nothing is left to cancel.
        return (Operation::ended(), None);
    }
    group.end_with(forgets);
    (group.operation(), Some(group.operation()))
}

/// Makes a group that ends as the first of its operations does.
#[track_caller]
fn first_to_end<T: 'static, E: 'static>(
    handle: &LoopHandle,
    callback: impl FnOnce(Result<T, E>) + 'static,
) -> Rc<Group<(), Result<T, E>, T, E>> {
    Group::new(handle, false, callback, |group, _index, result| group.finish(result))
}
