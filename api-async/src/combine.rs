//! Several operations as one, with async.

use std::future::{self, Future};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::{select_all, try_join_all};
use loop_core::{Elapsed, LoopHandle};
use pin_project::pin_project;

use crate::timer::{Sleep, sleep};

/// The future of [`timeout`].
#[pin_project]
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct Timeout<F> {
    #[pin]
    operation: F,
    #[pin]
    elapsed: Sleep,
}

/// Drives futures together and has all their values, in the order of the futures.
///
/// # Errors
/// The first error; the futures that are pending still are dropped.
///
/// ECMAScript: `Promise.all`.
pub async fn all<T, E>(
    futures: impl IntoIterator<Item = impl Future<Output = Result<T, E>>>,
) -> Result<Vec<T>, E> {
    try_join_all(futures).await
}

/// Drives futures together and has the output of the one that ends first; the others are dropped.
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

/// Drives a future, but drops it when `delay` has passed.
///
/// # Errors
/// [`Elapsed`] when the time is over, else what the future says.
///
/// asyncio: `timeout`.
pub fn timeout<T, E: From<Elapsed>, F: Future<Output = Result<T, E>>>(
    handle: &LoopHandle,
    delay: Duration,
    operation: F,
) -> Timeout<F> {
    Timeout { operation, elapsed: sleep(handle, delay) }
}

impl<T, E: From<Elapsed>, F: Future<Output = Result<T, E>>> Future for Timeout<F> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        let timeout = self.project();
        if let Poll::Ready(result) = timeout.operation.poll(cx) {
            return Poll::Ready(result);
        }
        timeout.elapsed.poll(cx).map(|()| Err(Elapsed.into()))
    }
}
