//! Several operations as one, with async.
//!
//! What loses is dropped, which cancels it. `join`, `try_join`, `select` and streams' `buffered`
//! are those of `futures`.
//!
//! # Panics
//!
//! One rule for all wings: a panic in a function or an operation that a combinator was given ends the
//! whole, once. With async:
//!
//! | what panics | what becomes of the whole | what is told |
//! |---|---|---|
//! | the function of [`map_limit`], [`each`] or [`retry`] | it is not called again and nothing is retried; what is pending is dropped; the panic unwinds in the task that awaits | the task's end: once to the exception handler, and [`TaskError::Panicked`](crate::TaskError) to what joins it |
//! | a future, while it is polled | the same, in [`all`], [`all_settled`], [`any`], [`race`] and [`timeout`] too | the same |
//! | the destructor of a future or a value that is dropped | the rest is dropped all the same; then the panic unwinds in the task that awaits | the first as above, each further one to the exception handler |
//!
//! Under `run_until_complete` the run ends as abandoned, and `run` returns the panic's text.

use std::any::Any;
use std::future::{self, Future};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use loop_core::{AggregateError, Backoff, Elapsed, LoopHandle, LoopTime, is_final};
use pin_project::pin_project;

use crate::task::TaskError;
use crate::task::panics::Panics;
use crate::task::parts::Parts;
use crate::timer::{Sleep, sleep, sleep_until};

/// The future of [`timeout`] and [`timeout_at`].
#[pin_project]
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct Timeout<F> {
    /// Dropped before the result is handed on.
    #[pin]
    operation: Option<F>,
    #[pin]
    elapsed: Sleep,
}

/// Drives futures together and has all their values, in their order.
///
/// # Errors
/// The first error, in the order of their coming; what is pending still is dropped.
///
/// ECMAScript: `Promise.all`.
pub async fn all<T, E>(
    futures: impl IntoIterator<Item = impl Future<Output = Result<T, E>>>,
) -> Result<Vec<T>, E> {
    let mut parts: Parts<_> = futures.into_iter().collect();
    let mut values = Values::of(parts.len());
    let ended = loop {
        match parts.next().await {
            Some((number, Ok(value))) => values.0[number] = Some(value),
            Some((_number, Err(error))) => break Err(error),
            None => break Ok(()),
        }
    };
    drop(parts);
    values.unless_failed(ended)
}

/// Drives futures together and has all their results, in their order, when the last has ended.
///
/// ECMAScript: `Promise.allSettled`.
pub async fn all_settled<T, E>(
    futures: impl IntoIterator<Item = impl Future<Output = Result<T, E>>>,
) -> Vec<Result<T, E>> {
    let mut parts: Parts<_> = futures.into_iter().collect();
    let mut results = Values::of(parts.len());
    while let Some((number, result)) = parts.next().await {
        results.0[number] = Some(result);
    }
    results.in_order()
}

/// Drives futures together and has the first value; the other futures are dropped.
///
/// # Errors
/// Every error, in the order of the futures, when there is no value. Of nothing, none.
///
/// ECMAScript: `Promise.any`.
pub async fn any<T, E>(
    futures: impl IntoIterator<Item = impl Future<Output = Result<T, E>>>,
) -> Result<T, AggregateError<E>> {
    let mut parts: Parts<_> = futures.into_iter().collect();
    let mut errors = Values::of(parts.len());
    let first = loop {
        match parts.next().await {
            Some((_number, Ok(value))) => break Some(value),
            Some((number, Err(error))) => errors.0[number] = Some(error),
            None => break None,
        }
    };
    drop(parts);
    match first {
        Some(value) => {
            drop(errors);
            Ok(value)
        }
        None => Err(AggregateError { errors: errors.in_order() }),
    }
}

/// Drives futures together and has the result of the one that ends first; the others are dropped.
///
/// # Errors
/// The error of the first, if it ends with one.
///
/// # Limits
/// A race of nothing never ends. ECMAScript: `Promise.race`.
pub async fn race<T, E>(
    futures: impl IntoIterator<Item = impl Future<Output = Result<T, E>>>,
) -> Result<T, E> {
    let mut parts: Parts<_> = futures.into_iter().collect();
    let first = parts.next().await;
    drop(parts);
    match first {
        Some((_number, result)) => result,
        None => future::pending().await,
    }
}

/// Calls `f` with each item in turn, the next when the future of the one before has ended, and has
/// the values in their order.
///
/// # Errors
/// The first error; `f` is not called again.
///
/// Bluebird: `Promise.mapSeries`.
pub async fn each<I, F, T, E>(items: I, mut f: impl FnMut(I::Item) -> F) -> Result<Vec<T>, E>
where
    I: IntoIterator,
    F: Future<Output = Result<T, E>>,
{
    let mut values = Values(Vec::new());
    let mut ended = Ok(());
    for item in items {
        match f(item).await {
            Ok(value) => values.0.push(Some(value)),
            Err(error) => {
                ended = Err(error);
                break;
            }
        }
    }
    values.unless_failed(ended)
}

/// Calls `f` with each item, at most `limit` under way at once (0 counts as 1), and has the values
/// in the order of the items.
///
/// # Errors
/// The first error; what is pending still is dropped, and `f` is not called again.
///
/// Bluebird: `Promise.map` with `concurrency`.
pub async fn map_limit<I, F, T, E>(
    items: I,
    limit: usize,
    mut f: impl FnMut(I::Item) -> F,
) -> Result<Vec<T>, E>
where
    I: IntoIterator,
    F: Future<Output = Result<T, E>>,
{
    let mut items = items.into_iter();
    let (mut running, mut values) = (Parts::new(), Values(Vec::new()));
    let ended = loop {
        for item in items.by_ref().take(limit.max(1) - running.len()) {
            running.push(f(item));
            values.0.push(None);
        }
        match running.next().await {
            Some((number, Ok(value))) => values.0[number] = Some(value),
            Some((_number, Err(error))) => break Err(error),
            None => break Ok(()),
        }
    };
    drop(running);
    values.unless_failed(ended)
}

/// Drives a future, but drops it when `delay` has passed.
///
/// With no delay it runs to its first suspension. Timeouts nest: the tighter one ends first.
///
/// # Errors
/// [`Elapsed`] when the time is over, else the future's error.
///
/// asyncio: `timeout`.
pub fn timeout<T, E: From<Elapsed>, F: Future<Output = Result<T, E>>>(
    handle: &LoopHandle,
    delay: Duration,
    operation: F,
) -> Timeout<F> {
    Timeout { operation: Some(operation), elapsed: sleep(handle, delay) }
}

/// Drives a future, but drops it when the loop's time is `deadline`.
///
/// # Errors
/// As [`timeout`].
///
/// asyncio: `timeout_at`.
pub fn timeout_at<T, E: From<Elapsed>, F: Future<Output = Result<T, E>>>(
    handle: &LoopHandle,
    deadline: LoopTime,
    operation: F,
) -> Timeout<F> {
    Timeout { operation: Some(operation), elapsed: sleep_until(handle, deadline) }
}

/// Calls `f` until its future has a value, and waits between the tries as `backoff` says.
///
/// # Errors
/// The last error, when there is to be no further try, or it [`is_final`] or a [`TaskError`].
pub async fn retry<F, T, E>(
    handle: &LoopHandle,
    mut backoff: Backoff,
    mut f: impl FnMut() -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
    E: 'static,
{
    loop {
        let error = match f().await {
            Ok(value) => return Ok(value),
            Err(error) if is_final(&error) || (&error as &dyn Any).is::<TaskError>() => {
                return Err(error);
            }
            Err(error) => error,
        };
        match backoff.next() {
            Some(delay) => sleep(handle, delay).await,
            None => return Err(error),
        }
    }
}

/// The values that have come, by the numbers of their futures. They are dropped one by one, since
/// their destructors may panic.
struct Values<T>(Vec<Option<T>>);

impl<T> Values<T> {
    fn of(count: usize) -> Values<T> {
        Values((0..count).map(|_| None).collect())
    }

    /// Has the values, unless an error ended the whole.
    ///
    /// As with all that is dropped here: explicitly, while what is returned is a variable. A value that
    /// is on its way out of a function is leaked when a destructor panics behind it.
    fn unless_failed<E>(self, ended: Result<(), E>) -> Result<Vec<T>, E> {
        match ended {
            Ok(()) => Ok(self.in_order()),
            Err(error) => {
                drop(self);
                Err(error)
            }
        }
    }

    fn in_order(mut self) -> Vec<T> {
        mem::take(&mut self.0).into_iter().flatten().collect()
    }
}

impl<T> Drop for Values<T> {
    fn drop(&mut self) {
        let mut panics = Panics::default();
        panics.drop_each(mem::take(&mut self.0));
        panics.resume();
    }
}

impl<T, E: From<Elapsed>, F: Future<Output = Result<T, E>>> Future for Timeout<F> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        let mut timeout = self.project();
        let operation = timeout.operation.as_mut().as_pin_mut();
        let operation = operation.expect("a future is not polled after its end");
        let result = match operation.poll(cx) {
            Poll::Ready(result) => result,
            Poll::Pending if timeout.elapsed.is_over() => Err(Elapsed.into()),
            Poll::Pending => {
                ready!(timeout.elapsed.poll(cx));
                Err(Elapsed.into())
            }
        };
        timeout.operation.set(None);
        Poll::Ready(result)
    }
}
