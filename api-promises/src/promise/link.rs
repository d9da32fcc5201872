//! The links of a chain.
//!
//! A link is one allocation, and none where a spare one is at hand. It is the sink of the node before
//! it, the job that runs the handler, and the node that the next link consumes. Downstream is held by
//! a strong reference until the link is settled, upstream by another until then, so that dropping the
//! last promise can walk the chain back and cancel it, one link after the other, without recursion.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::Rc;

use loop_core::{Abort, Context, Job, LoopHandle, panic_caught, panic_message};

use super::adopt::{Adopter, adopt, adopt_by_relay, adopt_node};
use super::outlet::{Node, Outlet, Owner, Sink, put};
use super::rejection::{Outcome, Rejection, lose};
use super::release::{Place, discard_if_any, dispose, report, strand};
use super::walk::{Downstream, Stranded, Upstream};
use super::{Fault, Promise, Reason, State, spare};

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
pub(crate) struct Link<T: 'static, E: 'static, U: 'static, F: 'static, H: 'static> {
    /// Gone while the link is spare: it must not keep the loop.
    handle: Option<LoopHandle>,
    /// Out of its place once it runs, or the chain is cancelled.
    handler: Cell<Option<H>>,
    /// There while the link waits for its turn in the ready queue.
    outcome: Cell<Option<Outcome<T, E>>>,
    upstream: Cell<Option<Rc<dyn Upstream>>>,
    outlet: Outlet<U, F>,
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
    #[inline(always)]
    pub(crate) fn stand_after(self: &Rc<Self>, upstream: Rc<dyn Node<T, E>>) {
        put(&self.upstream, upstream.clone());
        upstream.subscribe(self.clone());
    }

    /// Makes a link: of a spare one, or a new one.
    #[inline]
    pub(crate) fn make(
        handle: LoopHandle,
        handler: H,
        created_at: &'static Location<'static>,
    ) -> Rc<Self> {
        let mut link = spare::take().unwrap_or_else(|| Rc::new(Link::unused(created_at)));
        let fresh = Rc::get_mut(&mut link).expect("a spare link has one owner");
        put(Cell::from_mut(&mut fresh.handle), handle);
        put(&fresh.handler, handler);
        fresh.outlet.open_unused();
        fresh.created_at = created_at;
        link
    }

    /// Runs the handler on the outcome, and settles the outlet.
    #[inline]
    fn handle_with(self: &Rc<Self>, handler: H) {
        let Some(outcome) = self.outcome.take() else { return };
        match catch_unwind(AssertUnwindSafe(|| handler(outcome))) {
            Ok(Step::Follow(Promise { state: State::Pending(tail) })) => {
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
            Err(payload) => panicked(&self.outlet, self.catches.get(), &**self, payload),
        }
    }

    #[cold]
    fn adopt_by_relay(self: &Rc<Self>, promise: Promise<U, F>) {
        adopt_by_relay(self.clone(), promise);
    }

    /// Keeps the link for the next of its kind, if nobody else refers to it.
    #[inline(always)]
    fn retire(mut self: Rc<Self>) {
        if let Some(link) = Rc::get_mut(&mut self) {
            debug_assert!(link.upstream.get_mut().is_none(), "what is followed refers to the link");
            // The last link of a chain that runs by itself is settled for nobody.
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

    #[inline(always)]
    fn handle(&self) -> &LoopHandle {
        self.handle.as_ref().expect(IN_USE)
    }
}

impl<T: 'static, E: 'static, U: 'static, F: 'static, H: 'static> Drop for Link<T, E, U, F, H> {
    #[inline]
    fn drop(&mut self) {
        // One that has run has no handle any more.
        if let Some(handle) = &self.handle {
            let place = (handle, self.created_at);
            discard_if_any(self.handler.take(), place);
            discard_if_any(self.outcome.take(), place);
            self.outlet.discard_remains(place);
        }
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
    #[inline]
    fn settle(self: Rc<Self>, outcome: Outcome<T, E>) {
        drop(self.upstream.take());
        put(&self.outcome, outcome);
        let handle = self.handle().clone();
        if handle.is_closed() {
            return strand(self, Stranded::Closed);
        }
        handle.queue(self, 0);
    }

    #[inline]
    fn follow(&self, upstream: Rc<dyn Upstream>) -> Option<Rc<dyn Sink<T, E>>> {
        self.upstream.set(Some(upstream));
        None
    }
}

impl<T, E, U, F, H> Downstream for Link<T, E, U, F, H>
where
    T: 'static,
    E: Reason,
    U: 'static,
    F: Reason,
    H: Handler<T, E, U, F>,
{
    fn strand(&self, why: Stranded, next: &mut Vec<Rc<dyn Downstream>>) {
        drop(self.upstream.take());
        self.outlet.strand(why, self, next);
        discard_if_any(self.handler.take(), self.place());
        let_go(self.outcome.take(), false, self.place());
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
            return let_go(self.outcome.take(), true, self.place());
        };
        self.handle_with(handler);
        self.retire();
    }

    fn kind(&self) -> &'static str {
        "promise"
    }
}

impl<T, E, U, F, H> Upstream for Link<T, E, U, F, H>
where
    T: 'static,
    E: Reason,
    U: 'static,
    F: Reason,
    H: Handler<T, E, U, F>,
{
    fn abandon(&self, handled: bool) -> Option<Rc<dyn Upstream>> {
        // Taken first: what the handler owns may settle what is before this link.
        let upstream = self.upstream.take();
        self.outlet.abandon(self.place());
        discard_if_any(self.handler.take(), self.place());
        let_go(self.outcome.take(), handled, self.place());
        upstream
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
    #[inline]
    fn subscribe(&self, sink: Rc<dyn Sink<U, F>>) {
        self.outlet.subscribe(sink);
    }

    fn handle(&self) -> &LoopHandle {
        Link::handle(self)
    }

    fn created_at(&self) -> &'static Location<'static> {
        self.created_at
    }

    fn is_pending(&self) -> bool {
        self.outlet.is_pending()
    }

    fn catch_panics(&self) {
        self.catches.set(true);
    }
}

impl<T, E, U, F, H> Owner for Link<T, E, U, F, H> {
    #[inline]
    fn place(&self) -> Place<'_> {
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
                rejection.passed(owner.place());
            }
            outlet.settle(outcome, owner);
            None
        }
        Step::Follow(promise) => adopt(outlet, owner, promise),
    }
}

/// Reports a handler's panic; the chain goes on with a fault.
#[cold]
fn panicked<U: 'static, F: Reason>(
    outlet: &Outlet<U, F>,
    catches: bool,
    owner: &dyn Owner,
    payload: Box<dyn Any + Send>,
) {
    let (fault, reported) = fault_of(&*payload, catches);
    match Rejection::by(fault, reported, owner.place()) {
        Some(rejection) => outlet.settle(Err(rejection), owner),
        // There is not even a reason to hand on.
        None => outlet.strand_all(Stranded::Never, owner),
    }
    after_panic(payload, reported, owner.place());
}

/// Drops an outcome that was to be handled, if there is one; a rejection is no news if it is handled.
#[cold]
fn let_go<T: 'static, E: Reason>(outcome: Option<Outcome<T, E>>, handled: bool, place: Place<'_>) {
    match outcome {
        Some(outcome) if !handled => lose(outcome, place),
        outcome => discard_if_any(outcome, place),
    }
}

/// Returns what a handler's panic rejects its promise with, and whether that rejection
/// needs no report of its own.
#[cold]
fn fault_of(payload: &(dyn Any + Send), catches: bool) -> (Fault, bool) {
    let message = panic_message(payload);
    panic_caught(message);
    (Fault::Panicked(message.into()), payload.is::<Abort>() || !catches)
}

/// Reports a handler's panic, when its promise is rejected; an [`Abort`] goes on.
#[cold]
fn after_panic(payload: Box<dyn Any + Send>, reported: bool, (handle, created_at): Place<'_>) {
    if payload.is::<Abort>() {
        resume_unwind(payload);
    }
    let message = format!("a promise's handler panicked: {}", panic_message(&*payload));
    dispose(payload);
    if reported {
        report(handle, &Context::new(message).created_at(created_at));
    }
}
