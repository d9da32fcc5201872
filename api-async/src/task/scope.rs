//! Scopes: children that end before who began them.
//!
//! A scope is a future that owns its children and polls them itself. They may therefore borrow
//! whatever outlives the scope, without `unsafe`: a task of the loop may not, since it is the loop that
//! would own it. What the body of the scope owns itself, children cannot borrow: the body is moved.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{Location, resume_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture};
use loop_core::{AggregateError, Cancelled, Elapsed, LoopHandle};

use crate::combine::timeout;
use crate::task::cancel::CancellationToken;
use crate::task::contain::{self, Payload};
use crate::task::current::{self, Wait};
use crate::task::panics::{Panics, in_drop};
use crate::task::parts::{Ended, Parts};

/// How often a scope looks for children that have begun or ended before it lets others run.
const ROUNDS_MAX: usize = 64;

/// A child or the body.
type Child<'a, E> = LocalBoxFuture<'a, Result<(), E>>;

/// Where children begin; clones are one scope.
pub struct Scope<'a, E>(Rc<Shared<'a, E>>);

/// The value that a child will have, for its siblings and the body.
///
/// It is pending for ever if the child fails: the scope is cancelled then, and who waits with it.
/// Dropping it lets the child go on.
pub struct ScopedTask<T>(Rc<Value<T>>);

struct Value<T> {
    value: Cell<Option<T>>,
    waiter: Cell<Option<Waker>>,
}

struct Shared<'a, E> {
    handle: LoopHandle,
    /// The children that have begun since the scope was polled.
    begun: RefCell<Vec<(Child<'a, E>, bool)>>,
    /// Cancelled with the scope.
    token: CancellationToken,
    /// Whether the scope has ended: what begins now is dropped.
    over: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

/// The future of [`scope`].
#[must_use = "a future does nothing unless it is polled"]
pub struct Scoped<'a, T, E> {
    shared: Rc<Shared<'a, E>>,
    /// The body's value, when it has one.
    value: Rc<Cell<Option<T>>>,
    /// The body and the children that end when the scope is cancelled.
    plain: Parts<Child<'a, E>>,
    /// The children that are waited for even then.
    shielded: Parts<Child<'a, E>>,
    errors: Vec<E>,
    panic: Option<Payload>,
    begun_at: &'static Location<'static>,
}

/// Runs `body`, which begins children, and ends when all have ended.
///
/// The first failure, of the body or a child, cancels the others: they are dropped, but for
/// [shielded](Scope::spawn_shielded) ones, which are waited for within their limit. Dropping the
/// scope drops all of it. A panic is a failure too, and goes on to whoever awaits the scope when the
/// children have ended. What nobody can hear of so is reported to the loop's exception handler: a
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
    let shared = Rc::new(Shared {
        handle: handle.clone(),
        begun: RefCell::default(),
        token: CancellationToken::new(),
        over: Cell::new(false),
        waker: Cell::default(),
    });
    let value = Rc::new(Cell::new(None));
    let (body, kept) = (body(Scope(shared.clone())), value.clone());
    let body = async move { body.await.map(|value| kept.set(Some(value))) };
    let (mut plain, shielded) = (Parts::new(), Parts::new());
    plain.push(body.boxed_local());
    let (errors, begun_at) = (Vec::new(), Location::caller());
    Scoped { shared, value, plain, shielded, errors, panic: None, begun_at }
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
        let (handle, token) = (self.0.handle.clone(), self.token());
        let future = begin(token.clone());
        self.begin(
            async move {
                let mut future = pin!(future);
                match token.run(future.as_mut()).await {
                    Ok(result) => result,
                    Err(Cancelled) => timeout(&handle, limit, future).await,
                }
            },
            true,
        )
    }

    /// Returns a token that is cancelled with the scope.
    pub fn token(&self) -> CancellationToken {
        self.0.token.child()
    }

    /// Cancels the scope without a failure: its error lists none. trio: `CancelScope.cancel`.
    pub fn cancel(&self) {
        self.0.token.cancel();
        self.0.waker.take().into_iter().for_each(Waker::wake);
    }

    fn begin<T: 'a>(
        &self,
        future: impl Future<Output = Result<T, E>> + 'a,
        shielded: bool,
    ) -> ScopedTask<T> {
        let value = Rc::new(Value { value: Cell::new(None), waiter: Cell::default() });
        let kept = value.clone();
        let child = async move {
            kept.value.set(Some(future.await?));
            kept.waiter.take().into_iter().for_each(Waker::wake);
            Ok(())
        };
        if !self.0.over.get() {
            self.0.begun.borrow_mut().push((child.boxed_local(), shielded));
            self.0.waker.take().into_iter().for_each(Waker::wake);
        }
        ScopedTask(value)
    }
}

impl<T, E> Scoped<'_, T, E> {
    /// Takes in the children that have begun; tells whether there were any.
    fn take_in(&mut self) -> bool {
        let begun = mem::take(&mut *self.shared.begun.borrow_mut());
        let any = !begun.is_empty();
        for (child, shielded) in begun {
            if shielded { self.shielded.push(child) } else { self.plain.push(child) }
        }
        any
    }

    /// Polls the children that can go on; tells whether one has ended.
    fn poll_children(&mut self, cx: &mut Context<'_>) -> bool {
        let mut any = false;
        if self.shared.token.is_cancelled() {
            // Who began as the scope was cancelled is not polled at all.
            self.drop_plain();
        }
        // What fails in this pass is all told, before the first failure cancels the others.
        while let Poll::Ready(Some((_, ended))) = self.plain.poll_next(cx) {
            any = true;
            self.ended(ended);
        }
        if self.shared.token.is_cancelled() {
            self.drop_plain();
        }
        while let Poll::Ready(Some((_, ended))) = self.shielded.poll_next(cx) {
            any = true;
            self.ended(ended);
        }
        any
    }

    /// Takes note of how a child has ended.
    fn ended(&mut self, ended: Ended<Result<(), E>>) {
        match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => self.errors.push(error),
            Err(payload) if self.panic.is_none() => self.panic = Some(payload),
            Err(payload) => self.tell_panic(payload),
        }
        self.shared.token.cancel();
    }

    /// Drops what is not shielded. A destructor that panics is a failure of the scope.
    fn drop_plain(&mut self) {
        let mut plain = mem::replace(&mut self.plain, Parts::new());
        let mut panics = Panics::default();
        plain.clear(&mut panics);
        if let Some(payload) = panics.take() {
            self.ended(Err(payload));
        }
    }

    fn tell_panic(&self, payload: Payload) {
        let (handle, place) = (&self.shared.handle, Some(self.begun_at));
        contain::tell_panic(handle, "a child of a scope panicked", payload, place);
    }

    /// Tells of errors that nobody can hear of any more.
    fn tell_errors(&mut self) {
        let errors = mem::take(&mut self.errors);
        let count = match errors.len() {
            0 => return,
            1 => "1 failure".into(),
            several => format!("{several} failures"),
        };
        let message = format!("{count} of a scope that was dropped, or panicked, were not told");
        let context = loop_core::Context::new(message).created_at(self.begun_at);
        contain::tell(&self.shared.handle, &context);
        let mut panics = Panics::default();
        panics.drop_each(errors);
        panics.tell();
    }

    fn is_empty(&self) -> bool {
        let begun = self.shared.begun.borrow().is_empty();
        begun && self.plain.len() + self.shielded.len() == 0
    }
}

// Children are boxed: a scope is never pinned itself.
impl<T, E> Unpin for Scoped<'_, T, E> {}

impl<T, E> Future for Scoped<'_, T, E> {
    type Output = Result<T, AggregateError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.shared.waker.set(Some(cx.waker().clone()));
        for _ in 0..ROUNDS_MAX {
            let begun = self.take_in();
            let ended = self.poll_children(cx);
            if self.is_empty() {
                if let Some(payload) = self.panic.take() {
                    self.tell_errors();
                    resume_unwind(payload);
                }
                let errors = mem::take(&mut self.errors);
                let value = self.value.take().filter(|_| errors.is_empty());
                return Poll::Ready(value.ok_or(AggregateError { errors }));
            }
            if !begun && !ended {
                return Poll::Pending;
            }
        }
        // Children that end and begin without a pause must not keep the loop.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<T, E> Drop for Scoped<'_, T, E> {
    fn drop(&mut self) {
        let mut panics = Panics::default();
        self.shared.over.set(true);
        panics.catch(|| self.shared.token.cancel());
        let waker = self.shared.waker.take();
        panics.catch(|| drop(waker));
        self.plain.clear(&mut panics);
        self.shielded.clear(&mut panics);
        // A child that holds the scope must not keep itself.
        let begun = mem::take(&mut *self.shared.begun.borrow_mut());
        panics.drop_each(begun);
        if let Some(payload) = self.panic.take() {
            self.tell_panic(payload);
        }
        self.tell_errors();
        let value = self.value.take();
        panics.catch(|| drop(value));
        panics.resume();
    }
}

impl<T> Drop for ScopedTask<T> {
    fn drop(&mut self) {
        in_drop(|| drop(self.0.waiter.take()));
    }
}

impl<T> Future for ScopedTask<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.0.value.take() {
            Some(value) => Poll::Ready(value),
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
        f.debug_struct("Scope").field("over", &self.0.over.get()).finish_non_exhaustive()
    }
}

impl<T, E> fmt::Debug for Scoped<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let children = self.plain.len() + self.shielded.len();
        f.debug_struct("Scoped").field("children", &children).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for ScopedTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScopedTask(..)")
    }
}
