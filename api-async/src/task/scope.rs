//! Scopes: children that end before the task that began them.
//!
//! A scope is a future that owns its children and polls them itself (`scoped.rs`). They may therefore
//! borrow whatever outlives the scope, without `unsafe`: a task of the loop may not, since it is the loop
//! that would own it. What the body of the scope owns itself, children cannot borrow: the body is moved.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::future::FutureExt;
use loop_core::{Cancelled, Elapsed, LoopHandle};

use crate::combine::timeout;
use crate::task::current::{self, Wait};
use crate::task::panics::in_drop;
use crate::task::scoped::{Scoped, Shared};
use crate::task::token::CancellationToken;

/// Where children begin; clones are one scope.
pub struct Scope<'a, E>(Rc<Shared<'a, E>>);

/// The value that a child will have, for its siblings and the body; or [`Cancelled`], if the child has
/// failed, has panicked or was dropped. Why it failed, the scope tells.
///
/// Dropping it lets the child go on.
pub struct ScopedTask<T>(Rc<Value<T>>);

struct Value<T> {
    /// Set by the child, taken by the future.
    value: Cell<Option<T>>,
    /// Whether the child is gone: without a value there will be none.
    gone: Cell<bool>,
    /// Wakes the task that polls the future.
    waiter: Cell<Option<Waker>>,
}

/// Held by a child, and dropped with it, however it ends: from then on its value is there or never comes.
struct ValueGuard<T>(Rc<Value<T>>);

/// Runs `body`, which begins children, and ends when all have ended.
///
/// The first failure, of the body or a child, cancels the others: they are dropped, but for
/// [shielded](Scope::spawn_shielded) ones, which are waited for within their limit. Dropping the
/// scope drops all of it. A panic is a failure too, and goes on to the task that awaits the scope when
/// the children have ended. What cannot be returned so is reported to the loop's exception handler: a
/// second panic, errors beside a panic, and what had failed when the scope was dropped.
///
/// ```
/// use api_async::{run_until_complete, scope, sleep};
/// use std::{cell::Cell, io, time::Duration};
///
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let sum = run_until_complete(&mut event_loop, async move {
///     let sum = Cell::new(0);
///     let (counted, timers) = (&sum, &handle);
///     scope(&handle, |scope| async move {
///         for n in 1..=3 {
///             scope.spawn(async move {
///                 sleep(timers, Duration::from_millis(1)).await;
///                 counted.set(counted.get() + n);
///                 io::Result::Ok(())
///             });
///         }
///         Ok(())
///     })
///     .await?;
///     Ok::<i32, loop_core::AggregateError<io::Error>>(sum.get())
/// });
/// assert_eq!(sum.unwrap().unwrap(), 6);
/// # Ok::<(), io::Error>(())
/// ```
///
/// # Errors
/// Every failure, in the order of their coming; none when the scope was cancelled by hand.
///
/// # Limits
/// Children share the poll of the task that awaits the scope, and its budget. trio: `open_nursery`.
/// asyncio: `TaskGroup`.
#[track_caller]
pub fn scope<'a, T, E, F>(
    handle: &LoopHandle,
    body: impl FnOnce(Scope<'a, E>) -> F,
) -> Scoped<'a, T, E>
where
    T: 'a,
    E: 'a,
    F: Future<Output = Result<T, E>> + 'a,
{
    let shared = Rc::new(Shared::new(handle));
    let value = Rc::new(Cell::new(None));
    let (body, kept) = (body(Scope(shared.clone())), value.clone());
    let body = async move { body.await.map(|value| kept.set(Some(value))) };
    Scoped::new(shared, value, body.boxed_local(), Location::caller())
}

impl<'a, E: 'a> Scope<'a, E> {
    /// Begins a child. It is dropped when the scope is cancelled; on a scope that is over, at once.
    pub fn spawn<T: 'a>(&self, future: impl Future<Output = Result<T, E>> + 'a) -> ScopedTask<T> {
        self.begin(future, false)
    }

    /// Begins a child that may go on when the scope is cancelled, for `limit` at most. `begin` is
    /// given the scope's token, by which the child learns of it.
    pub fn spawn_shielded<T: 'a, F>(
        &self,
        limit: Duration,
        begin: impl FnOnce(CancellationToken) -> F,
    ) -> ScopedTask<T>
    where
        E: From<Elapsed>,
        F: Future<Output = Result<T, E>> + 'a,
    {
        let (handle, token) = (self.0.handle().clone(), self.token());
        let future = begin(token.clone());
        self.begin(
            async move {
                let mut future = pin!(future);
                match token.guard(future.as_mut()).await {
                    Ok(result) => result,
                    Err(Cancelled) => timeout(&handle, limit, future).await,
                }
            },
            true,
        )
    }

    /// Returns a token that is cancelled with the scope.
    pub fn token(&self) -> CancellationToken {
        self.0.token().child()
    }

    /// Cancels the scope without a failure: its error lists none. trio: `CancelScope.cancel`.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    fn begin<T: 'a>(
        &self,
        future: impl Future<Output = Result<T, E>> + 'a,
        shielded: bool,
    ) -> ScopedTask<T> {
        let value = Rc::new(Value {
            value: Cell::new(None),
            gone: Cell::new(false),
            waiter: Cell::default(),
        });
        let guard = ValueGuard(value.clone());
        let child = async move {
            guard.0.value.set(Some(future.await?));
            Ok(())
        };
        self.0.begin(child, shielded);
        ScopedTask(value)
    }
}

impl<T> Drop for ValueGuard<T> {
    fn drop(&mut self) {
        self.0.gone.set(true);
        in_drop(|| self.0.waiter.take().into_iter().for_each(Waker::wake));
    }
}

impl<T> Drop for ScopedTask<T> {
    fn drop(&mut self) {
        in_drop(|| drop(self.0.waiter.take()));
    }
}

impl<T> Future for ScopedTask<T> {
    type Output = Result<T, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, Cancelled>> {
        match self.0.value.take() {
            Some(value) => Poll::Ready(Ok(value)),
            None if self.0.gone.get() => Poll::Ready(Err(Cancelled)),
            None => {
                self.0.waiter.set(Some(cx.waker().clone()));
                current::wait(Wait::Joining);
                Poll::Pending
            }
        }
    }
}

impl<E> Clone for Scope<'_, E> {
    fn clone(&self) -> Self {
        Scope(self.0.clone())
    }
}

impl<E> fmt::Debug for Scope<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("over", &self.0.is_over()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for ScopedTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScopedTask(..)")
    }
}
