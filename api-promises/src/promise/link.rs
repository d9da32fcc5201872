//! The links of a chain.
//!
//! A link is one allocation, and none where a spare one is at hand. It is the sink of the node before
//! it, the job that runs the handler, and the node that the next link consumes. Downstream is held by
//! a strong reference until the link is settled, upstream by another until then, so that dropping the
//! last promise can walk the chain back and cancel it, one link after the other, without recursion.

mod ending;
mod panics;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use loop_core::{Job, LoopHandle};

use super::adopt::{Adopter, adopt, adopt_by_relay, adopt_node};
use super::node::{Node, Owner, Sink};
use super::outlet::{Outlet, put};
use super::rejection::{Outcome, Rejection, let_go};
use super::release::{Origin, strand};
use super::walk::{Stranded, Upstream};
use super::{Promise, PromiseState, Reason, spare};

/// Only a spare link has no handle.
const IN_USE: &str = "a link in use has a handle";

/// What a handler came to.
pub enum Step<T: 'static, E: Reason> {
    /// An outcome.
    Settled(Result<T, Rejection<E>>),
    /// A promise whose outcome will be this link's.
    Follow(Promise<T, E>),
}

/// What a link runs.
pub(crate) trait Handler<T, E, U: 'static, F: Reason>:
    FnOnce(Outcome<T, E>) -> Step<U, F> + 'static
{
}

impl<T, E, U: 'static, F: Reason, H> Handler<T, E, U, F> for H where
    H: FnOnce(Outcome<T, E>) -> Step<U, F> + 'static
{
}

/// A link that runs a handler on the outcome of the link before.
///
/// | | from | to | by | when |
/// |---|---|---|---|---|
/// | 1 | spare, or new | waits | [`make`](Link::make), [`stand_after`](Link::stand_after) | a handler is chained: the link stands at the node before as its sink |
/// | 2 | waits | waits | [`follow`](Sink::follow) | another node has taken the place of the one before |
/// | 3 | waits | queued | [`settle`](Sink::settle), [`settle_and_run`](Sink::settle_and_run) | the node before is settled: the outcome is kept and the job queued, or run at once if its turn has come |
/// | 4 | queued | settled | [`run`](Job::run), `come_to` | the handler has returned an outcome, which goes to the outlet |
/// | 5 | queued | settled | [`run`](Job::run), `panics::panicked` | the handler has panicked: a fault goes to the outlet |
/// | 6 | queued | handed over | [`run`](Job::run), `adopt` | the handler has returned a promise: the consumer turns to it |
/// | 7 | queued | adopts | [`run`](Job::run), `adopt_by_relay` | so it has, and no consumer is there yet: a relay will bring the outcome |
/// | 8 | settled, handed over | spare | [`retire`](Link::retire) | nothing else refers to the link |
/// | 9 | waits, queued, adopts | given up | [`abandon`](Upstream::abandon) | the consumer has gone: the walk goes on with the node before |
/// | 10 | waits, queued | given up | `strand` | no outcome will come: the walk goes on with the consumer |
/// | 11 | given up, queued | given up | [`run`](Job::run) | there is no handler any more: the outcome is dropped |
pub(crate) struct Link<T: 'static, E: 'static, U: 'static, F: 'static, H: 'static> {
    /// Gone while the link is spare: it must not keep the loop.
    handle: Option<LoopHandle>,
    /// Out of its place once it runs, or the chain is cancelled.
    handler: Cell<Option<H>>,
    /// There while the link waits for its turn in the ready queue.
    outcome: Cell<Option<Outcome<T, E>>>,
    /// What is cancelled when the consumer goes, until it is settled.
    upstream: Cell<Option<Rc<dyn Upstream>>>,
    /// Where the next link stands.
    outlet: Outlet<U, F>,
    /// Where the program chained the handler: what a report names.
    created_at: &'static Location<'static>,
    /// Whether a panic of the handler is a plain rejection.
    catches: Cell<bool>,
}

impl<T, E, U, F, H> Link<T, E, U, F, H>
where
    T: 'static,
    E: Reason,
    U: 'static,
    F: Reason,
    H: Handler<T, E, U, F>,
{
    /// Consumes `upstream`.
    pub(crate) fn stand_after(self: &Rc<Self>, upstream: Rc<dyn Node<T, E>>) {
        put(&self.upstream, upstream.clone());
        upstream.subscribe(self.clone());
    }

    /// Makes a link: of a spare one, or a new one.
    pub(crate) fn make(
        handle: LoopHandle,
        handler: H,
        created_at: &'static Location<'static>,
    ) -> Rc<Self> {
        let mut link = spare::take_or(&handle, || Link::unused(created_at));
        let fresh = Rc::get_mut(&mut link).expect("a spare link has one owner");
        put(Cell::from_mut(&mut fresh.handle), handle);
        put(&fresh.handler, handler);
        fresh.outlet.open_unused();
        fresh.created_at = created_at;
        link
    }

    /// Runs the handler on the outcome, and settles the outlet.
    fn handle_with(self: &Rc<Self>, handler: H) {
        let Some(outcome) = self.outcome.take() else { return };
        match catch_unwind(AssertUnwindSafe(|| handler(outcome))) {
            Ok(Step::Follow(Promise { state: PromiseState::Pending(tail) })) => {
                // Apart, since it is what a loop's handlers return: a node passes in registers.
                if let Some(node) = adopt_node(&self.outlet, tail.take()) {
                    self.adopt_by_relay(Promise::at(node));
                }
            }
            Ok(step) => {
                if let Some(promise) = come_to(&self.outlet, &**self, step) {
                    self.adopt_by_relay(promise);
                }
            }
            Err(payload) => panics::panicked(&self.outlet, self.catches.get(), &**self, payload),
        }
    }

    fn adopt_by_relay(self: &Rc<Self>, promise: Promise<U, F>) {
        adopt_by_relay(self.clone(), promise);
    }

    /// Keeps the link for the next of its kind, if nothing else refers to it.
    fn retire(mut self: Rc<Self>) {
        if let Some(link) = Rc::get_mut(&mut self) {
            debug_assert!(link.upstream.get_mut().is_none(), "what is followed refers to the link");
            // The last link of a chain that runs by itself has no consumer to take its outcome.
            let handle = link.handle.take().expect(IN_USE);
            let created_at = link.created_at;
            link.outlet.clear((&handle, created_at));
            link.catches.set(false);
            drop(handle);
            spare::keep(self);
        }
    }
}

impl<T, E, U, F, H> Link<T, E, U, F, H> {
    fn unused(created_at: &'static Location<'static>) -> Self {
        Link {
            handle: None,
            handler: Cell::new(None),
            outcome: Cell::new(None),
            upstream: Cell::new(None),
            outlet: Outlet::unused(),
            created_at,
            catches: Cell::new(false),
        }
    }

    fn handle(&self) -> &LoopHandle {
        self.handle.as_ref().expect(IN_USE)
    }
}

impl<T, E, U, F, H> Sink<T, E> for Link<T, E, U, F, H>
where
    T: 'static,
    E: Reason,
    U: 'static,
    F: Reason,
    H: Handler<T, E, U, F>,
{
    fn settle(self: Rc<Self>, outcome: Outcome<T, E>) {
        drop(self.upstream.take());
        put(&self.outcome, outcome);
        let handle = self.handle().clone();
        if handle.is_closed() {
            return strand(self, Stranded::Closed);
        }
        handle.queue(self, 0);
    }

    fn runs_a_handler(&self) -> bool {
        true
    }

    fn settle_and_run(self: Rc<Self>, outcome: Outcome<T, E>) {
        drop(self.upstream.take());
        put(&self.outcome, outcome);
        self.run(0);
    }

    fn follow(&self, upstream: Rc<dyn Upstream>) -> Option<Rc<dyn Sink<T, E>>> {
        self.upstream.set(Some(upstream));
        None
    }
}

impl<T, E, U, F, H> Job for Link<T, E, U, F, H>
where
    T: 'static,
    E: Reason,
    U: 'static,
    F: Reason,
    H: Handler<T, E, U, F>,
{
    fn run(self: Rc<Self>, _part: u64) {
        let Some(handler) = self.handler.take() else {
            // The chain was cancelled after its outcome had come.
            return let_go(self.outcome.take(), true, self.origin());
        };
        self.handle_with(handler);
        self.retire();
    }

    fn kind(&self) -> &'static str {
        "promise"
    }
}

impl<T, E, U, F, H> Node<U, F> for Link<T, E, U, F, H>
where
    T: 'static,
    E: Reason,
    U: 'static,
    F: Reason,
    H: Handler<T, E, U, F>,
{
    fn subscribe(&self, sink: Rc<dyn Sink<U, F>>) {
        self.outlet.subscribe(sink);
    }

    fn handle(&self) -> &LoopHandle {
        Link::handle(self)
    }

    fn created_at(&self) -> &'static Location<'static> {
        self.created_at
    }

    fn catch_panics(&self) {
        self.catches.set(true);
    }
}

impl<T, E, U, F, H> Owner for Link<T, E, U, F, H> {
    fn origin(&self) -> Origin<'_> {
        (self.handle(), self.created_at)
    }
}

impl<T, E, U, F, H> Adopter<U, F> for Link<T, E, U, F, H>
where
    T: 'static,
    E: Reason,
    U: 'static,
    F: Reason,
    H: Handler<T, E, U, F>,
{
    fn outlet(&self) -> &Outlet<U, F> {
        &self.outlet
    }

    fn stand_behind(&self, upstream: Option<Rc<dyn Upstream>>) {
        self.upstream.set(upstream);
    }
}

/// Settles a link's outlet with what the handler came to. Gives a promise back as [`adopt`] does.
fn come_to<U: 'static, F: Reason>(
    outlet: &Outlet<U, F>,
    owner: &dyn Owner,
    step: Step<U, F>,
) -> Option<Promise<U, F>> {
    match step {
        Step::Settled(mut outcome) => {
            if let Err(rejection) = &mut outcome {
                rejection.passed(owner.origin());
            }
            outlet.settle(outcome, owner);
            None
        }
        Step::Follow(promise) => adopt(outlet, owner, promise),
    }
}
