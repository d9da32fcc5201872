//! Promises: one outcome, later, for one consumer.

mod fault;
mod node;
mod outlet;
mod resolver;

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use loop_core::{EventLoop, LoopHandle, RunError};

pub use fault::{Fault, Reason};
use node::{Deferred, Link, Never, Step};
pub(crate) use outlet::Cancel;
use outlet::{Node, Sink, Upstream, abandon, abandon_handled, report};
pub use resolver::Resolver;

/// The outcome, value or reason, of something that has not ended yet.
///
/// A promise is moved along and consumed once: by a handler, by [`Promise::detach`], or by being
/// awaited, since it is a [`Future`] too. Dropping it cancels what it stands for; dropping one that
/// is rejected reports the rejection.
///
/// ECMAScript: `Promise`, but owned by one consumer.
#[must_use = "a promise that is dropped cancels what it stands for"]
pub struct Promise<T: 'static, E: Reason> {
    handle: LoopHandle,
    state: State<T, E>,
}

enum State<T, E> {
    /// The outcome is there, and where it was made.
    Settled(Result<T, E>, &'static Location<'static>),
    /// The outcome is to come from a node.
    Pending(Rc<dyn Node<T, E>>),
    /// The outcome is to come to a task.
    Awaited(Rc<Awaited<T, E>>),
    /// The promise was consumed.
    Consumed,
}

/// What a handler may return: a `Result` or a promise.
///
/// There is no implementation for plain values: use [`Promise::map`] for these.
pub trait IntoPromise {
    /// What the promise resolves to.
    type Value: 'static;
    /// What the promise is rejected with.
    type Reason: Reason;

    /// Returns what the handler came to.
    #[doc(hidden)]
    fn into_step(self) -> Step<Self::Value, Self::Reason>;

    /// Makes a promise of it.
    #[track_caller]
    fn into_promise(self, handle: &LoopHandle) -> Promise<Self::Value, Self::Reason>
    where
        Self: Sized,
    {
        match self.into_step() {
            Step::Settled(outcome) => Promise::settled(handle, outcome),
            Step::Follow(promise) => promise,
        }
    }
}

/// The consumer of a promise that is awaited.
struct Awaited<T, E> {
    outcome: Cell<Option<Result<T, E>>>,
    waker: Cell<Option<Waker>>,
    upstream: Cell<Option<Rc<dyn Upstream>>>,
    created_at: &'static Location<'static>,
}

impl<T: 'static, E: Reason> Promise<T, E> {
    /// Makes a promise that has the value already.
    ///
    /// ECMAScript: `Promise.resolve`.
    #[track_caller]
    pub fn resolve(handle: &LoopHandle, value: T) -> Promise<T, E> {
        Promise::settled(handle, Ok(value))
    }

    /// Makes a promise that is rejected already.
    ///
    /// ECMAScript: `Promise.reject`.
    #[track_caller]
    pub fn reject(handle: &LoopHandle, reason: E) -> Promise<T, E> {
        Promise::settled(handle, Err(reason))
    }

    /// Makes a promise that has its outcome already.
    #[track_caller]
    pub fn settled(handle: &LoopHandle, outcome: Result<T, E>) -> Promise<T, E> {
        let state = State::Settled(outcome, Location::caller());
        Promise { handle: handle.clone(), state }
    }

    /// Makes a promise that stays pending for ever.
    #[track_caller]
    pub fn never(handle: &LoopHandle) -> Promise<T, E> {
        let state = State::Pending(Rc::new(Never(Location::caller())));
        Promise { handle: handle.clone(), state }
    }

    /// Makes a promise and what settles it.
    ///
    /// ```
    /// use api_promises::Promise;
    /// use loop_core::EventLoop;
    ///
    /// let mut event_loop = EventLoop::new()?;
    /// let (promise, resolver) = Promise::<i32, std::io::Error>::with_resolvers(&event_loop.handle());
    /// event_loop.handle().call_soon(|| resolver.resolve(20));
    /// let sum = promise.map(|value| value + 22).run_until_complete(&mut event_loop).unwrap();
    /// assert_eq!(sum?, 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// ECMAScript: `Promise.withResolvers`.
    #[track_caller]
    pub fn with_resolvers(handle: &LoopHandle) -> (Promise<T, E>, Resolver<T, E>) {
        Promise::deferred(handle, None)
    }

    /// Makes a promise whose drop tells `operation` to give up its `part`.
    #[track_caller]
    pub(crate) fn cancelling(
        handle: &LoopHandle,
        operation: Rc<dyn Cancel>,
        part: u64,
    ) -> (Promise<T, E>, Resolver<T, E>) {
        Promise::deferred(handle, Some((operation, part)))
    }

    #[track_caller]
    fn deferred(
        handle: &LoopHandle,
        on_cancel: Option<(Rc<dyn Cancel>, u64)>,
    ) -> (Promise<T, E>, Resolver<T, E>) {
        let node = Deferred::new(handle, on_cancel, Location::caller());
        let state = State::Pending(node.clone());
        (Promise { handle: handle.clone(), state }, Resolver::of(node))
    }

    /// Runs `handler` on the value; the promise that is returned has the handler's outcome. A
    /// rejection passes by.
    ///
    /// The handler returns a `Result` or a promise, and may use `?`.
    ///
    /// ECMAScript: `Promise.prototype.then`.
    #[track_caller]
    pub fn then<R, U>(self, handler: impl FnOnce(T) -> R + 'static) -> Promise<U, E>
    where
        R: IntoPromise<Value = U, Reason = E>,
        U: 'static,
    {
        self.link(|outcome| match outcome {
            Ok(value) => handler(value).into_step(),
            Err(reason) => Step::Settled(Err(reason)),
        })
    }

    /// Runs `handler` on the value and resolves to what it returns.
    #[track_caller]
    pub fn map<U: 'static>(self, handler: impl FnOnce(T) -> U + 'static) -> Promise<U, E> {
        self.link(|outcome| Step::Settled(outcome.map(handler)))
    }

    /// Runs `handler` on the reason of a rejection; a value passes by.
    ///
    /// ECMAScript: `Promise.prototype.catch`.
    #[track_caller]
    pub fn catch<R, F>(self, handler: impl FnOnce(E) -> R + 'static) -> Promise<T, F>
    where
        R: IntoPromise<Value = T, Reason = F>,
        F: Reason,
    {
        self.link(|outcome| match outcome {
            Ok(value) => Step::Settled(Ok(value)),
            Err(reason) => handler(reason).into_step(),
        })
    }

    /// Puts another reason in the place of a rejection's.
    #[track_caller]
    pub fn map_err<F: Reason>(self, handler: impl FnOnce(E) -> F + 'static) -> Promise<T, F> {
        self.link(|outcome| Step::Settled(outcome.map_err(handler)))
    }

    /// Runs `handler` whatever the outcome, and passes the outcome on when the handler has ended. A
    /// failure of the handler takes the outcome's place.
    ///
    /// ECMAScript: `Promise.prototype.finally`.
    #[track_caller]
    pub fn finally<R>(self, handler: impl FnOnce() -> R + 'static) -> Promise<T, E>
    where
        R: IntoPromise<Value = (), Reason = E>,
    {
        self.link(|outcome| match handler().into_step() {
            Step::Settled(Ok(())) => Step::Settled(outcome),
            Step::Settled(Err(reason)) => Step::Settled(Err(reason)),
            Step::Follow(promise) => Step::Follow(promise.then(|()| outcome)),
        })
    }

    /// Lets the chain run without a consumer; a rejection goes to `on_error`.
    #[track_caller]
    pub fn detach(self, on_error: impl FnOnce(E) + 'static) {
        let last = self.inspect_outcome(|outcome| {
            if let Err(reason) = outcome {
                on_error(reason);
            }
        });
        // What is pending keeps the chain alive.
        drop(last.into_node());
    }

    /// Runs `handler` on the outcome, as the last link of a chain.
    #[track_caller]
    pub(crate) fn inspect_outcome(
        self,
        handler: impl FnOnce(Result<T, E>) + 'static,
    ) -> Promise<(), E> {
        self.link(|outcome| {
            handler(outcome);
            Step::Settled(Ok(()))
        })
    }

    /// Cancels a promise whose last link takes every outcome, so that a rejection that waits there
    /// is not reported.
    pub(crate) fn cancel_handled(self) {
        if let Ok(node) = self.into_node() {
            abandon_handled(node);
        }
    }

    /// Runs the loop until the promise is settled, and returns its outcome.
    ///
    /// # Errors
    /// As [`EventLoop::run_until_complete`].
    pub fn run_until_complete(self, event_loop: &mut EventLoop) -> Result<Result<T, E>, RunError> {
        event_loop.run_until_complete(|completer| {
            drop(self.inspect_outcome(|outcome| completer.complete(outcome)).into_node());
        })
    }

    /// Returns the handle of the promise's loop.
    pub fn handle(&self) -> &LoopHandle {
        &self.handle
    }

    #[track_caller]
    fn link<U: 'static, F: Reason>(
        mut self,
        handler: impl FnOnce(Result<T, E>) -> Step<U, F> + 'static,
    ) -> Promise<U, F> {
        let (handle, created_at) = (self.handle.clone(), Location::caller());
        let node: Rc<dyn Node<U, F>> = match mem::replace(&mut self.state, State::Consumed) {
            State::Settled(outcome, _) => {
                Link::queued(outcome, handle.clone(), handler, created_at)
            }
            State::Pending(node) => Link::after(node, handle.clone(), handler, created_at),
            State::Awaited(_) | State::Consumed => panic!("{CONSUMED}"),
        };
        Promise { handle, state: State::Pending(node) }
    }

    /// Takes the promise apart into its node, or its outcome if that is there.
    fn into_node(mut self) -> Result<Rc<dyn Node<T, E>>, Result<T, E>> {
        match mem::replace(&mut self.state, State::Consumed) {
            State::Settled(outcome, _) => Err(outcome),
            State::Pending(node) => Ok(node),
            State::Awaited(_) | State::Consumed => panic!("{CONSUMED}"),
        }
    }
}

/// Only polling leaves a promise behind that is consumed.
const CONSUMED: &str = "a promise that was polled can only be polled on";

impl<T: 'static, E: Reason> Drop for Promise<T, E> {
    fn drop(&mut self) {
        match mem::replace(&mut self.state, State::Consumed) {
            State::Settled(Err(reason), place) => report(&self.handle, &reason, place),
            State::Settled(Ok(_), _) | State::Consumed => {}
            State::Pending(node) => abandon(node),
            State::Awaited(awaited) => {
                if let Some(Err(reason)) = awaited.outcome.take() {
                    report(&self.handle, &reason, awaited.created_at);
                }
                if let Some(upstream) = awaited.upstream.take() {
                    abandon(upstream);
                }
            }
        }
    }
}

/// A promise can be awaited in any task; dropping the future cancels the chain.
impl<T: 'static, E: Reason> Future for Promise<T, E> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<Result<T, E>> {
        let promise = self.get_mut();
        if let State::Pending(node) = &promise.state {
            let awaited = Rc::new(Awaited {
                outcome: Cell::new(None),
                waker: Cell::new(None),
                upstream: Cell::new(Some(node.clone())),
                created_at: node.created_at(),
            });
            node.subscribe(awaited.clone());
            promise.state = State::Awaited(awaited);
        }
        match mem::replace(&mut promise.state, State::Consumed) {
            State::Settled(outcome, _) => Poll::Ready(outcome),
            State::Awaited(awaited) => match awaited.outcome.take() {
                Some(outcome) => Poll::Ready(outcome),
                None => {
                    awaited.waker.set(Some(cx.waker().clone()));
                    promise.state = State::Awaited(awaited);
                    Poll::Pending
                }
            },
            State::Pending(_) | State::Consumed => panic!("a settled promise was polled again"),
        }
    }
}

/// A promise holds nothing that is pinned.
impl<T: 'static, E: Reason> Unpin for Promise<T, E> {}

impl<T, E> Sink<T, E> for Awaited<T, E> {
    fn settle(self: Rc<Self>, outcome: Result<T, E>) {
        drop(self.upstream.take());
        self.outcome.set(Some(outcome));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn follow(&self, upstream: Rc<dyn Upstream>) {
        self.upstream.set(Some(upstream));
    }
}

impl<T: 'static, E: Reason> IntoPromise for Promise<T, E> {
    type Value = T;
    type Reason = E;

    fn into_step(self) -> Step<T, E> {
        Step::Follow(self)
    }
}

impl<T: 'static, E: Reason> IntoPromise for Result<T, E> {
    type Value = T;
    type Reason = E;

    fn into_step(self) -> Step<T, E> {
        Step::Settled(self)
    }
}

impl<T: 'static, E: Reason> fmt::Debug for Promise<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Settled(Ok(_), _) => "resolved",
            State::Settled(Err(_), _) => "rejected",
            State::Pending(_) | State::Awaited(_) => "pending",
            State::Consumed => "consumed",
        };
        write!(f, "Promise({state})")
    }
}
