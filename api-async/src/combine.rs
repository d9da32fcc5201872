//! Several operations as one, with async.
//!
//! Whoever loses is dropped, which cancels it. `join`, `try_join`, `select` and streams' `buffered`
//! are those of `futures`.

use std::future::{self, Future};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::{join_all, select_all, try_join_all};
use futures::stream::{FuturesUnordered, StreamExt};
use loop_core::{AggregateError, Backoff, Elapsed, LoopHandle};
use pin_project::pin_project;

use crate::timer::{Sleep, sleep, sleep_until};

/// The future of [`timeout`] and [`timeout_at`].
#[pin_project]
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct Timeout<F> {
    #[pin]
    operation: F,
    #[pin]
    elapsed: Sleep,
}

/// Drives futures together and has all their values, in their order.
///
/// # Errors
/// The first error; what is pending still is dropped.
///
/// ECMAScript: `Promise.all`.
pub async fn all<T, E>(
    futures: impl IntoIterator<Item = impl Future<Output = Result<T, E>>>,
) -> Result<Vec<T>, E> {
    try_join_all(futures).await
}

/// Drives futures together and has all their results, in their order, when the last has ended.
///
/// ECMAScript: `Promise.allSettled`.
pub async fn all_settled<T, E>(
    futures: impl IntoIterator<Item = impl Future<Output = Result<T, E>>>,
) -> Vec<Result<T, E>> {
    join_all(futures).await
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
    let futures = futures.into_iter().enumerate();
    let mut running: FuturesUnordered<_> = futures.map(|(n, future)| numbered(n, future)).collect();
    let mut errors = Vec::new();
    errors.resize_with(running.len(), || None);
    while let Some((number, result)) = running.next().await {
        match result {
            Ok(value) => return Ok(value),
            Err(error) => errors[number] = Some(error),
        }
    }
    Err(AggregateError { errors: errors.into_iter().flatten().collect() })
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
    let futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    if futures.is_empty() {
        return future::pending().await;
    }
    let (result, _index, _others) = select_all(futures).await;
    result
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
    let mut values = Vec::new();
    for item in items {
        values.push(f(item).await?);
    }
    Ok(values)
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
    let (mut running, mut values) = (FuturesUnordered::new(), Vec::new());
    loop {
        for item in items.by_ref().take(limit.max(1) - running.len()) {
            running.push(numbered(values.len(), f(item)));
            values.push(None);
        }
        match running.next().await {
            Some((number, result)) => values[number] = Some(result?),
            None => return Ok(values.into_iter().flatten().collect()),
        }
    }
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
    Timeout { operation, elapsed: sleep(handle, delay) }
}

/// Drives a future, but drops it when the loop's time is `deadline`.
///
/// # Errors
/// As [`timeout`].
///
/// asyncio: `timeout_at`.
pub fn timeout_at<T, E: From<Elapsed>, F: Future<Output = Result<T, E>>>(
    handle: &LoopHandle,
    deadline: Duration,
    operation: F,
) -> Timeout<F> {
    Timeout { operation, elapsed: sleep_until(handle, deadline) }
}

/// Calls `f` until its future has a value, and waits between the tries as `backoff` says.
///
/// # Errors
/// The last error, when there is to be no further try.
pub async fn retry<F, T, E>(
    handle: &LoopHandle,
    mut backoff: Backoff,
    mut f: impl FnMut() -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    loop {
        let error = match f().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        match backoff.next() {
            Some(delay) => sleep(handle, delay).await,
            None => return Err(error),
        }
    }
}

/// Ends with the future's output and the number that the future was given.
async fn numbered<F: Future>(number: usize, future: F) -> (usize, F::Output) {
    (number, future.await)
}

impl<T, E: From<Elapsed>, F: Future<Output = Result<T, E>>> Future for Timeout<F> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        let timeout = self.project();
        if let Poll::Ready(result) = timeout.operation.poll(cx) {
            return Poll::Ready(result);
        }
        if timeout.elapsed.is_over() {
            return Poll::Ready(Err(Elapsed.into()));
        }
        timeout.elapsed.poll(cx).map(|()| Err(Elapsed.into()))
    }
}
