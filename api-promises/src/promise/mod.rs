//! Promises: one outcome, later, for one consumer.

mod adopt;
mod awaited;
mod chain;
mod clean_up;
mod deferred;
mod fault;
mod guarded;
mod into_promise;
mod link;
mod node;
mod outlet;
mod owned;
mod rejection;
mod release;
mod resolver;
mod shared;
mod shared_error;
pub(crate) mod spare;
mod walk;

use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use loop_core::LoopHandle;

pub use adopt::{Adoption, set_adoption};
use awaited::Awaiting;
pub use clean_up::CleanUp;
use deferred::{Cancels, Deferred, Never};
pub use fault::{Fault, Reason};
pub(crate) use guarded::{CutOff, Guarded};
pub use into_promise::IntoPromise;
use link::{Handler, Link};
pub(crate) use node::{Cancel, Node, Owner, Sink};
pub(crate) use outlet::Outlet;
use owned::{Kept, Tail};
pub(crate) use rejection::{Outcome, Rejection, bare, let_go, lose};
pub(crate) use release::{Origin, abandon_knowing, discard, discard_if_any, guard, strand, told};
pub use resolver::Resolver;
pub use shared::Shared;
pub use shared_error::SharedError;
pub(crate) use walk::{Downstream, Stranded, Upstream};

/// The outcome, value or reason, of something that has not ended yet.
///
/// A promise is moved along and consumed once: by a handler, by [`Promise::detach`], or by being
/// awaited, since it is a [`Future`] too. Dropping it cancels what it stands for, and runs the clean-ups of its
/// chain ([`Promise::finally`]); dropping one that is rejected reports the rejection.
///
/// KJ: `Promise`. ECMAScript: `Promise`, but owned by one consumer.
#[must_use = "a promise that is dropped cancels what it stands for"]
pub struct Promise<T: 'static, E: Reason> {
    state: PromiseState<T, E>,
}

/// Where a promise stands.
///
/// | | from | to | by | when |
/// |---|---|---|---|---|
/// | 1 | - | `Settled` | [`settled`](Promise::settled) | the outcome is there when the promise is made |
/// | 2 | - | `Pending` | `at` | a node will have the outcome |
/// | 3 | `Settled`, `Pending` | moved out | `link`, `into_node` | a handler, a combinator or another promise consumes it |
/// | 4 | `Pending` | `Awaited` | `poll` | a task awaits it |
/// | 5 | `Settled`, `Awaited` | `Consumed` | `poll` | the task has the outcome |
/// | 6 | `Settled`, `Pending`, `Awaited` | dropped | `drop` of what the state holds | a rejection is reported, what is pending is cancelled |
enum PromiseState<T: 'static, E: Reason> {
    /// The promise was consumed.
    Consumed,
    /// The outcome is there.
    Settled(Kept<T, E>),
    /// The outcome is to come from a node.
    Pending(Tail<T, E>),
    /// The outcome is to come to a task.
    Awaited(Awaiting<T, E>),
}

/// Only polling leaves a promise behind that is consumed.
const CONSUMED: &str = "a promise that was polled can only be polled on";

impl<T: 'static, E: Reason> Promise<T, E> {
    /// Makes a promise that is fulfilled already.
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
        Promise::with_outcome(handle, outcome.map_err(Into::into))
    }

    #[track_caller]
    pub(crate) fn with_outcome(handle: &LoopHandle, outcome: Outcome<T, E>) -> Promise<T, E> {
        Promise {
            state: PromiseState::Settled(Kept::new(outcome, handle.clone(), Location::caller())),
        }
    }

    /// Calls `function` now, and has the outcome of what it returns. A panic is reported, and
    /// rejects the promise with [`Fault::Panicked`].
    ///
    /// ECMAScript: `Promise.try`.
    #[track_caller]
    pub fn try_from_fn<R>(handle: &LoopHandle, function: impl FnOnce() -> R) -> Promise<T, E>
    where
        R: IntoPromise<Value = T, Reason = E>,
    {
        Promise::calling(handle, || function().into_promise(handle))
            .unwrap_or_else(|rejected| rejected)
    }

    /// Calls a user's function now; its panic is reported, and the promise is rejected with it.
    #[track_caller]
    pub(crate) fn calling<V>(
        handle: &LoopHandle,
        function: impl FnOnce() -> V,
    ) -> Result<V, Promise<T, E>> {
        // Here, since in the closure the caller is this file.
        let origin = (handle, Location::caller());
        catch_unwind(AssertUnwindSafe(function)).map_err(|payload| {
            let message = told(payload, "the function of a promise", origin);
            match Rejection::of(Fault::Panicked(message.into()), origin) {
                Some(rejection) => Promise::with_outcome(handle, Err(rejection)),
                None => Promise::never(handle),
            }
        })
    }

    /// Makes a promise that stays pending for ever.
    #[track_caller]
    pub fn never(handle: &LoopHandle) -> Promise<T, E> {
        let never = Never { handle: handle.clone(), created_at: Location::caller() };
        Promise::at(Rc::new(never))
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
        Promise::deferred(handle, Cancels::Nothing)
    }

    /// Makes a promise whose drop tells `operation` to give up its `part`.
    #[track_caller]
    pub(crate) fn cancelling(
        handle: &LoopHandle,
        operation: Rc<dyn Cancel>,
        part: u64,
    ) -> (Promise<T, E>, Resolver<T, E>) {
        Promise::deferred(handle, Cancels::Operation(operation, part))
    }

    #[track_caller]
    fn deferred(handle: &LoopHandle, cancels: Cancels) -> (Promise<T, E>, Resolver<T, E>) {
        let node = Deferred::new(handle, cancels, Location::caller());
        (Promise::at(node.clone()), Resolver::of(node))
    }

    /// Makes the promise that a node stands for.
    pub(crate) fn at(node: Rc<dyn Node<T, E>>) -> Promise<T, E> {
        Promise { state: PromiseState::Pending(Tail::new(node)) }
    }

    /// Tells whether the promise stands for this node.
    fn is_at(&self, node: &Rc<Deferred<T, E>>) -> bool {
        let PromiseState::Pending(tail) = &self.state else { return false };
        Rc::as_ptr(tail.node()).cast::<()>() == Rc::as_ptr(node).cast()
    }

    /// Returns the address of the consumer that the promise is a branch of, if it is one.
    fn trunk(&self) -> Option<*const ()> {
        let PromiseState::Pending(tail) = &self.state else { return None };
        tail.node().trunk()
    }

    /// Returns the handle of the promise's loop.
    pub fn handle(&self) -> &LoopHandle {
        match &self.state {
            PromiseState::Settled(kept) => kept.handle(),
            PromiseState::Pending(tail) => tail.node().handle(),
            PromiseState::Awaited(awaited) => awaited.handle(),
            PromiseState::Consumed => panic!("{CONSUMED}"),
        }
    }

    #[track_caller]
    fn link<U: 'static, F: Reason>(self, handler: impl Handler<T, E, U, F>) -> Promise<U, F> {
        let created_at = Location::caller();
        let (handle, before) = match self.state {
            PromiseState::Pending(tail) => {
                let node = tail.take();
                (node.handle().clone(), Ok(node))
            }
            PromiseState::Settled(kept) => {
                let (outcome, handle) = kept.take();
                (handle, Err(outcome))
            }
            PromiseState::Awaited(_) | PromiseState::Consumed => panic!("{CONSUMED}"),
        };
        // At one place: what makes a link is much code, of which every type of handler has its own.
        let link = Link::make(handle, handler, created_at);
        match before {
            Ok(node) => link.stand_after(node),
            Err(outcome) => link.clone().settle(outcome),
        }
        Promise::at(link)
    }

    /// Takes the promise apart into its node, or its outcome if that is there.
    pub(crate) fn into_node(self) -> Result<Rc<dyn Node<T, E>>, Outcome<T, E>> {
        match self.state {
            PromiseState::Pending(tail) => Ok(tail.take()),
            PromiseState::Settled(kept) => Err(kept.take().0),
            PromiseState::Awaited(_) | PromiseState::Consumed => panic!("{CONSUMED}"),
        }
    }
}

impl<T: 'static, E: Reason> fmt::Debug for Promise<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            PromiseState::Settled(ref kept) if kept.is_fulfilled() => "fulfilled",
            PromiseState::Settled(_) => "rejected",
            PromiseState::Pending(_) | PromiseState::Awaited(_) => "pending",
            PromiseState::Consumed => "consumed",
        };
        write!(f, "Promise({state})")
    }
}
