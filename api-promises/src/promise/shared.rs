//! A promise for many consumers, early and late.

mod branch;
mod hub;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use loop_core::LoopHandle;

use self::branch::Branch;
use self::hub::cloned;
use super::link::Step;
use super::node::Sink;
use super::rejection::Outcome;
use super::release::abandon;
use super::walk::Upstream;
use super::{IntoPromise, Promise, Reason};

/// A promise that is consumed many times, now and later: each [`Shared::promise`] is a branch of it.
///
/// A clone names the same promise. When the last clone and the last pending branch are dropped, what
/// comes before is cancelled; a rejection that no branch ever took is reported then.
///
/// ECMAScript: `Promise`, as it is there. KJ: `ForkedPromise`.
pub struct Shared<T: Clone + 'static, E: Reason + Clone>(Rc<Hub<T, E>>);

/// The consumer of the promise that is shared, and the source of the branches.
struct Hub<T: 'static, E: 'static> {
    handle: LoopHandle,
    created_at: &'static Location<'static>,
    /// What is cancelled when the last user goes, until it is settled.
    upstream: Cell<Option<Rc<dyn Upstream>>>,
    state: RefCell<SharedState<T, E>>,
    /// The number of the next consumer.
    next: Cell<u64>,
    /// How many clones and pending branches there are.
    users: Cell<usize>,
    /// Whether the outcome has come to a branch: a rejection is that branch's matter then.
    taken: Cell<bool>,
}

/// What has come to a hub.
///
/// | | from | to | by | when |
/// |---|---|---|---|---|
/// | 1 | - | `Pending` or `Settled` | [`share`](Promise::share) | the promise is shared: the hub stands at its node, or has its outcome |
/// | 2 | `Pending` | `Pending` | `Branch::subscribe`, `Branch::abandon` | a branch has a consumer, which enters the list, or leaves it |
/// | 3 | `Pending` | `Settled` | `Hub::settle_branch` | the outcome has come: each consumer has a clone of it |
/// | 4 | `Pending` | `Settled` | `Hub::strand` | the loop is closed: the consumers are told so |
/// | 5 | `Pending` | `Never` | `Hub::strand` | no outcome will come |
/// | 6 | any | `Never` | `Hub::leave`, `Hub::settle_branch` | the last user has gone: what was kept is dropped |
enum SharedState<T, E> {
    /// The consumers of the branches, in the order in which they came.
    Pending(BTreeMap<u64, Rc<dyn Sink<T, E>>>),
    /// The outcome, counted, since it is cloned and reported outside of every borrow.
    Settled(Rc<Outcome<T, E>>),
    /// No outcome will come.
    Never,
}

impl<T: Clone + 'static, E: Reason + Clone> Promise<T, E> {
    /// Lets many consume the promise. One that is rejected with an [`io::Error`](std::io::Error), which has no
    /// clone, is shared by [`SharedError`](super::SharedError): `promise.err_into::<SharedError>().share()`.
    ///
    /// ECMAScript's promises are like that from the beginning. KJ: `Promise::fork`.
    #[track_caller]
    pub fn share(self) -> Shared<T, E> {
        let (handle, created_at) = (self.handle().clone(), Location::caller());
        let (state, node) = match self.into_node() {
            Ok(node) => (SharedState::Pending(BTreeMap::new()), Some(node)),
            Err(outcome) => (SharedState::Settled(Rc::new(outcome)), None),
        };
        let hub = Rc::new(Hub {
            handle,
            created_at,
            upstream: Cell::new(node.clone().map(|node| node as Rc<dyn Upstream>)),
            state: RefCell::new(state),
            next: Cell::new(0),
            users: Cell::new(1),
            taken: Cell::new(false),
        });
        if let Some(node) = node {
            node.subscribe(hub.clone());
        }
        Shared(hub)
    }
}

impl<T: Clone + 'static, E: Reason + Clone> Shared<T, E> {
    /// Returns a branch: a promise of a clone of the outcome.
    #[track_caller]
    pub fn promise(&self) -> Promise<T, E> {
        if let Some(outcome) = self.0.outcome() {
            self.0.taken.set(true);
            return match cloned(&outcome, (&self.0.handle, Location::caller())) {
                Some(outcome) => Promise::with_outcome(&self.0.handle, outcome),
                None => Promise::never(&self.0.handle),
            };
        }
        self.0.users.set(self.0.users.get() + 1);
        Promise::at(Branch::of(self.0.clone(), Location::caller()))
    }

    /// Runs `handler` on a clone of the value: [`Promise::then`] of a branch.
    ///
    /// ECMAScript: `Promise.prototype.then`.
    #[track_caller]
    pub fn then<R, U>(&self, handler: impl FnOnce(T) -> R + 'static) -> Promise<U, E>
    where
        R: IntoPromise<Value = U, Reason = E>,
        U: 'static,
    {
        self.promise().then(handler)
    }

    /// Tells whether the outcome is there.
    pub fn is_settled(&self) -> bool {
        self.0.outcome().is_some()
    }

    /// Tells whether both name the same promise.
    pub fn is(&self, other: &Shared<T, E>) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Returns the handle of the promise's loop.
    pub fn handle(&self) -> &LoopHandle {
        &self.0.handle
    }
}

impl<T: Clone + 'static, E: Reason + Clone> Clone for Shared<T, E> {
    fn clone(&self) -> Shared<T, E> {
        self.0.users.set(self.0.users.get() + 1);
        Shared(self.0.clone())
    }
}

impl<T: Clone + 'static, E: Reason + Clone> Drop for Shared<T, E> {
    fn drop(&mut self) {
        if let Some(upstream) = self.0.leave() {
            abandon(upstream);
        }
    }
}

impl<T: Clone + 'static, E: Reason + Clone> IntoPromise for Shared<T, E> {
    type Value = T;
    type Reason = E;

    fn into_step(self) -> Step<T, E> {
        Step::Follow(self.promise())
    }
}

impl<T: Clone + 'static, E: Reason + Clone> fmt::Debug for Shared<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &*self.0.state.borrow() {
            SharedState::Pending(_) | SharedState::Never => "pending",
            SharedState::Settled(outcome) if outcome.is_ok() => "fulfilled",
            SharedState::Settled(_) => "rejected",
        };
        write!(f, "Shared({state})")
    }
}
