//! A promise for many consumers, early and late.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use loop_core::LoopHandle;

use super::link::Step;
use super::outlet::{Node, Settling, Sink};
use super::rejection::{Outcome, Rejection};
use super::release::{Place, abandon, discard, strand, told};
use super::walk::{Downstream, Stranded, Upstream};
use super::{Fault, IntoPromise, Promise, Reason};

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
    upstream: Cell<Option<Rc<dyn Upstream>>>,
    state: RefCell<State<T, E>>,
    /// The number of the next consumer.
    next: Cell<u64>,
    /// How many clones and pending branches there are.
    users: Cell<usize>,
    /// Whether the outcome has come to a branch: a rejection is that branch's matter then.
    taken: Cell<bool>,
}

enum State<T, E> {
    /// The consumers of the branches, in the order in which they came.
    Pending(BTreeMap<u64, Rc<dyn Sink<T, E>>>),
    /// The outcome, counted, since it is cloned and reported outside of every borrow.
    Settled(Rc<Outcome<T, E>>),
    /// No outcome will come.
    Never,
}

/// How a branch stands to its hub, which counts the branches that are pending: whoever takes a branch
/// out of the count says so here, or takes its consumer out of the list.
#[derive(Clone, Copy)]
enum Stands {
    /// The branch has no consumer yet, and is counted.
    Unconsumed,
    /// The branch is counted while its consumer is in the list under this number.
    Consumed(u64),
    /// The branch is not counted.
    Left,
}

/// The node of one branch.
struct Branch<T: Clone + 'static, E: Reason + Clone> {
    hub: Rc<Hub<T, E>>,
    stands: Cell<Stands>,
    created_at: &'static Location<'static>,
}

impl<T: Clone + 'static, E: Reason + Clone> Promise<T, E> {
    /// Lets many consume the promise. ECMAScript's promises are like that from the beginning.
    #[track_caller]
    pub fn share(self) -> Shared<T, E> {
        let (handle, created_at) = (self.handle().clone(), Location::caller());
        let (state, node) = match self.into_node() {
            Ok(node) => (State::Pending(BTreeMap::new()), Some(node)),
            Err(outcome) => (State::Settled(Rc::new(outcome)), None),
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
        let (hub, stands) = (self.0.clone(), Cell::new(Stands::Unconsumed));
        Promise::at(Rc::new(Branch { hub, stands, created_at: Location::caller() }))
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

impl<T: 'static, E: Reason> Hub<T, E> {
    /// Returns the outcome if it is there.
    fn outcome(&self) -> Option<Rc<Outcome<T, E>>> {
        match &*self.state.borrow() {
            State::Settled(outcome) => Some(outcome.clone()),
            State::Pending(_) | State::Never => None,
        }
    }

    fn place(&self) -> Place<'_> {
        (&self.handle, self.created_at)
    }

    /// One user has gone; returns what is to be cancelled if it was the last.
    fn leave(&self) -> Option<Rc<dyn Upstream>> {
        self.users.set(self.users.get() - 1);
        if self.users.get() > 0 {
            return None;
        }
        let upstream = self.upstream.take();
        let state = self.state.replace(State::Never);
        if let (State::Settled(outcome), false) = (&state, self.taken.get())
            && let Err(rejection) = &**outcome
        {
            rejection.report(&self.handle, self.created_at);
        }
        discard(state, self.place());
        upstream
    }

    /// Takes the consumers, who have their end, and leaves `end` in their place.
    fn end(&self, end: State<T, E>) -> Vec<Rc<dyn Sink<T, E>>> {
        drop(self.upstream.take());
        match self.state.replace(end) {
            State::Pending(sinks) => {
                let sinks: Vec<_> = sinks.into_values().collect();
                self.users.set(self.users.get() - sinks.len());
                sinks
            }
            before => {
                discard(before, self.place());
                Vec::new()
            }
        }
    }
}

impl<T: Clone + 'static, E: Reason + Clone> Sink<T, E> for Hub<T, E> {
    fn settle(self: Rc<Self>, outcome: Outcome<T, E>) {
        let (handle, created_at) = (self.handle.clone(), self.created_at);
        let mut next = Vec::new();
        self.settle_branch(outcome, &mut next);
        while let Some((sink, outcome)) = next.pop() {
            match cloned(&outcome, (&handle, created_at)) {
                Some(outcome) => sink.settle_branch(outcome, &mut next),
                None => strand(sink, Stranded::Never),
            }
            // The last to refer to it, if the hub has gone meanwhile.
            discard(outcome, (&handle, created_at));
        }
    }

    fn settle_branch(self: Rc<Self>, outcome: Outcome<T, E>, next: &mut Vec<Settling<T, E>>) {
        let outcome = Rc::new(outcome);
        let sinks = self.end(State::Settled(outcome.clone()));
        if !sinks.is_empty() {
            self.taken.set(true);
        }
        // The last in the list is the next: each branch with all that follows from it, in order.
        next.extend(sinks.into_iter().rev().map(|sink| (sink, outcome.clone())));
        if self.users.get() == 0 {
            // The branches that were pending were the last users.
            discard(self.state.replace(State::Never), self.place());
        }
        discard(outcome, self.place());
    }

    fn follow(&self, upstream: Rc<dyn Upstream>) -> Option<Rc<dyn Sink<T, E>>> {
        self.upstream.set(Some(upstream));
        None
    }
}

impl<T: Clone + 'static, E: Reason + Clone> Downstream for Hub<T, E> {
    fn strand(&self, why: Stranded, next: &mut Vec<Rc<dyn Downstream>>) {
        let closed = match why {
            Stranded::Closed => Rejection::of(Fault::Cancelled, self.place()),
            Stranded::Never => None,
        };
        let end = closed.map_or(State::Never, |reason| State::Settled(Rc::new(Err(reason))));
        next.extend(self.end(end).into_iter().map(|sink| sink as Rc<dyn Downstream>));
        if self.users.get() == 0 {
            discard(self.state.replace(State::Never), self.place());
        }
    }
}

impl<T: 'static, E: 'static> Drop for Hub<T, E> {
    fn drop(&mut self) {
        discard(self.state.replace(State::Never), (&self.handle, self.created_at));
    }
}

impl<T: Clone + 'static, E: Reason + Clone> Branch<T, E> {
    /// Takes the branch out of the count, now that the hub knows its consumer no more.
    fn leave(&self) -> Option<Rc<dyn Upstream>> {
        self.stands.set(Stands::Left);
        self.hub.leave()
    }
}

impl<T: Clone + 'static, E: Reason + Clone> Node<T, E> for Branch<T, E> {
    fn subscribe(&self, sink: Rc<dyn Sink<T, E>>) {
        if Rc::as_ptr(&sink).cast::<()>() == Rc::as_ptr(&self.hub).cast() {
            // The trunk is to follow its own branch.
            self.stands.set(Stands::Left);
            self.hub.users.set(self.hub.users.get() - 1);
            return match Rejection::by(Fault::Cycle, false, self.hub.place()) {
                Some(rejection) => sink.settle(Err(rejection)),
                None => strand(sink, Stranded::Never),
            };
        }
        let mut state = self.hub.state.borrow_mut();
        match &mut *state {
            State::Pending(sinks) => {
                let number = self.hub.next.replace(self.hub.next.get() + 1);
                self.stands.set(Stands::Consumed(number));
                sinks.insert(number, sink);
                return;
            }
            State::Settled(outcome) => {
                let outcome = outcome.clone();
                drop(state);
                self.hub.taken.set(true);
                match cloned(&outcome, (&self.hub.handle, self.created_at)) {
                    Some(outcome) => sink.settle(outcome),
                    None => strand(sink, Stranded::Never),
                }
                discard(outcome, self.hub.place());
            }
            State::Never => {
                drop(state);
                strand(sink, Stranded::Never);
            }
        }
        if let Some(upstream) = self.leave() {
            abandon(upstream);
        }
    }

    fn handle(&self) -> &LoopHandle {
        &self.hub.handle
    }

    fn created_at(&self) -> &'static Location<'static> {
        self.created_at
    }

    fn is_pending(&self) -> bool {
        !matches!(*self.hub.state.borrow(), State::Settled(_))
    }
}

impl<T: Clone + 'static, E: Reason + Clone> Upstream for Branch<T, E> {
    fn abandon(&self, _handled: bool) -> Option<Rc<dyn Upstream>> {
        match self.stands.get() {
            Stands::Unconsumed => {
                if let Some(Err(rejection)) = self.hub.outcome().as_deref() {
                    self.hub.taken.set(true);
                    rejection.report(&self.hub.handle, self.created_at);
                }
                self.leave()
            }
            Stands::Consumed(number) => {
                let sink = match &mut *self.hub.state.borrow_mut() {
                    State::Pending(sinks) => sinks.remove(&number),
                    State::Settled(_) | State::Never => None,
                };
                // Without a consumer in the list, the branch has had its end.
                let counted = sink.is_some();
                discard(sink, self.hub.place());
                if counted { self.leave() } else { None }
            }
            Stands::Left => None,
        }
    }

    fn trunk(&self) -> Option<*const ()> {
        Some(Rc::as_ptr(&self.hub).cast())
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
            State::Pending(_) | State::Never => "pending",
            State::Settled(outcome) if outcome.is_ok() => "resolved",
            State::Settled(_) => "rejected",
        };
        write!(f, "Shared({state})")
    }
}

/// Clones an outcome for a branch. A clone that panics is reported, and rejects this branch alone.
fn cloned<T: Clone + 'static, E: Reason + Clone>(
    outcome: &Outcome<T, E>,
    place: Place<'_>,
) -> Option<Outcome<T, E>> {
    let clone = catch_unwind(AssertUnwindSafe(|| outcome.clone()));
    clone.map_or_else(
        |payload| {
            let message = told(payload, "the clone of a shared promise's outcome", place);
            Rejection::of(Fault::Panicked(message.into()), place).map(Err)
        },
        Some,
    )
}
