//! The links of a chain: what runs a handler, and how outcomes get from one to the next.
//!
//! A link is at once the sink of the link before, the job that is queued, and the node that its
//! promise names: one allocation. Downstream is reached by a strong reference until the link is
//! settled, upstream by another until then, so that dropping the last promise can walk the chain
//! back and cancel it, one link after the other, without recursion.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::Rc;

use loop_core::{Abort, Context, Job, LoopHandle, panic_message};

use super::outlet::{Cancel, Consumer, Node, Outlet, Sink, Upstream, abandon, report};
use super::{Fault, Promise, Reason};

/// What a handler came to.
pub enum Step<T: 'static, E: Reason> {
    /// An outcome.
    Settled(Result<T, E>),
    /// A promise whose outcome will be this link's.
    Follow(Promise<T, E>),
}

/// A node that a [`Resolver`](super::Resolver) settles.
pub(crate) struct Deferred<T, E> {
    handle: LoopHandle,
    outlet: Outlet<T, E>,
    on_cancel: Cell<Option<(Rc<dyn Cancel>, u64)>>,
}

/// A node that is never settled. It does not hold its consumer, which nobody else would release.
pub(crate) struct Never(pub(crate) &'static Location<'static>);

/// A link that runs a handler on the outcome of the link before.
pub(crate) struct Link<T, E, U, F, H> {
    handle: LoopHandle,
    stage: Cell<Stage<T, E, H>>,
    upstream: Cell<Option<Rc<dyn Upstream>>>,
    outlet: Outlet<U, F>,
}

#[derive(Default)]
enum Stage<T, E, H> {
    /// The handler waits for the outcome.
    Waiting(H),
    /// Both wait for their turn in the ready queue.
    Queued(H, Result<T, E>),
    /// The handler has run, or will not.
    #[default]
    Done,
}

/// Brings the outcome of a promise that a handler returned to a link without a consumer.
///
/// It goes through the ready queue, so that a chain of such links settles without recursion.
struct Relay<T, E> {
    handle: LoopHandle,
    target: Rc<dyn Adopter<T, E>>,
    outcome: Cell<Option<Result<T, E>>>,
}

/// A link whose handler returned a promise.
trait Adopter<T, E> {
    fn settle(&self, outcome: Result<T, E>);
    fn follow(&self, upstream: Rc<dyn Upstream>);
}

impl<T: 'static, E: Reason> Deferred<T, E> {
    /// Makes a node; `on_cancel` is told when its promise is dropped before it is settled.
    pub(crate) fn new(
        handle: &LoopHandle,
        on_cancel: Option<(Rc<dyn Cancel>, u64)>,
        created_at: &'static Location<'static>,
    ) -> Rc<Deferred<T, E>> {
        let on_cancel = Cell::new(on_cancel);
        Rc::new(Deferred { handle: handle.clone(), outlet: Outlet::new(created_at), on_cancel })
    }

    /// Settles the node.
    pub(crate) fn settle(&self, outcome: Result<T, E>) {
        drop(self.on_cancel.take());
        self.outlet.settle(outcome);
    }
}

impl<T: 'static, E: Reason> Upstream for Deferred<T, E> {
    fn abandon(self: Rc<Self>, _handled: bool) -> Option<Rc<dyn Upstream>> {
        self.outlet.abandon(&self.handle);
        if let Some((operation, part)) = self.on_cancel.take() {
            operation.cancel(part);
        }
        None
    }
}

impl<T: 'static, E: Reason> Node<T, E> for Deferred<T, E> {
    fn subscribe(&self, sink: Rc<dyn Sink<T, E>>) {
        self.outlet.subscribe(sink);
    }

    fn created_at(&self) -> &'static Location<'static> {
        self.outlet.created_at()
    }
}

impl Upstream for Never {
    fn abandon(self: Rc<Self>, _handled: bool) -> Option<Rc<dyn Upstream>> {
        None
    }
}

impl<T: 'static, E: Reason> Node<T, E> for Never {
    fn subscribe(&self, _sink: Rc<dyn Sink<T, E>>) {}

    fn created_at(&self) -> &'static Location<'static> {
        self.0
    }
}

impl<T, E, U, F, H> Link<T, E, U, F, H>
where
    T: 'static,
    E: Reason,
    U: 'static,
    F: Reason,
    H: FnOnce(Result<T, E>) -> Step<U, F> + 'static,
{
    /// Makes the link that follows `upstream`.
    pub(crate) fn after(
        upstream: Rc<dyn Node<T, E>>,
        handle: LoopHandle,
        handler: H,
        created_at: &'static Location<'static>,
    ) -> Rc<Self> {
        let link = Rc::new(Link {
            handle,
            stage: Cell::new(Stage::Waiting(handler)),
            upstream: Cell::new(Some(upstream.clone())),
            outlet: Outlet::new(created_at),
        });
        upstream.subscribe(link.clone());
        link
    }

    /// Makes the link that follows an outcome which is there.
    pub(crate) fn queued(
        outcome: Result<T, E>,
        handle: LoopHandle,
        handler: H,
        created_at: &'static Location<'static>,
    ) -> Rc<Self> {
        let link = Rc::new(Link {
            handle,
            stage: Cell::new(Stage::Queued(handler, outcome)),
            upstream: Cell::new(None),
            outlet: Outlet::new(created_at),
        });
        link.handle.queue(link.clone(), 0);
        link
    }

    /// Hands the place in the chain over to a promise that the handler returned.
    fn adopt(self: Rc<Self>, promise: Promise<U, F>) {
        let node = match promise.into_node() {
            Ok(node) => node,
            Err(outcome) => return self.outlet.settle(outcome),
        };
        match self.outlet.give_away() {
            Consumer::Waits(sink) => {
                sink.follow(node.clone());
                node.subscribe(sink);
            }
            Consumer::ToCome => {
                self.upstream.set(Some(node.clone()));
                let handle = self.handle.clone();
                node.subscribe(Rc::new(Relay { handle, target: self, outcome: Cell::new(None) }));
            }
            Consumer::Gone => abandon(node),
        }
    }

    /// Reports a handler's panic; the chain goes on with a fault.
    fn panicked(&self, payload: Box<dyn Any + Send>) {
        self.outlet.settle_reported(Fault::Panicked.into());
        if payload.is::<Abort>() {
            resume_unwind(payload);
        }
        let message = format!("a promise's handler panicked: {}", panic_message(&*payload));
        self.handle.report(&Context::new(message).created_at(self.outlet.created_at()));
    }
}

impl<T, E, U, F, H> Sink<T, E> for Link<T, E, U, F, H>
where
    T: 'static,
    E: Reason,
    U: 'static,
    F: Reason,
    H: FnOnce(Result<T, E>) -> Step<U, F> + 'static,
{
    fn settle(self: Rc<Self>, outcome: Result<T, E>) {
        drop(self.upstream.take());
        if let Stage::Waiting(handler) = self.stage.take() {
            self.stage.set(Stage::Queued(handler, outcome));
            self.handle.clone().queue(self, 0);
        }
    }

    fn follow(&self, upstream: Rc<dyn Upstream>) {
        self.upstream.set(Some(upstream));
    }
}

impl<T, E, U, F, H> Job for Link<T, E, U, F, H>
where
    T: 'static,
    E: Reason,
    U: 'static,
    F: Reason,
    H: FnOnce(Result<T, E>) -> Step<U, F> + 'static,
{
    fn run(self: Rc<Self>, _part: u64) {
        let Stage::Queued(handler, outcome) = self.stage.take() else { return };
        match catch_unwind(AssertUnwindSafe(|| handler(outcome))) {
            Ok(Step::Settled(outcome)) => self.outlet.settle(outcome),
            Ok(Step::Follow(promise)) => self.adopt(promise),
            Err(payload) => self.panicked(payload),
        }
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
    H: FnOnce(Result<T, E>) -> Step<U, F> + 'static,
{
    fn abandon(self: Rc<Self>, handled: bool) -> Option<Rc<dyn Upstream>> {
        self.outlet.abandon(&self.handle);
        if let (Stage::Queued(_, Err(reason)), false) = (self.stage.take(), handled) {
            report(&self.handle, &reason, self.outlet.created_at());
        }
        self.upstream.take()
    }
}

impl<T, E, U, F, H> Node<U, F> for Link<T, E, U, F, H>
where
    T: 'static,
    E: Reason,
    U: 'static,
    F: Reason,
    H: FnOnce(Result<T, E>) -> Step<U, F> + 'static,
{
    fn subscribe(&self, sink: Rc<dyn Sink<U, F>>) {
        self.outlet.subscribe(sink);
    }

    fn created_at(&self) -> &'static Location<'static> {
        self.outlet.created_at()
    }
}

impl<T, E, U, F, H> Adopter<U, F> for Link<T, E, U, F, H>
where
    U: 'static,
    F: Reason,
{
    fn settle(&self, outcome: Result<U, F>) {
        drop(self.upstream.take());
        self.outlet.settle(outcome);
    }

    fn follow(&self, upstream: Rc<dyn Upstream>) {
        self.upstream.set(Some(upstream));
    }
}

impl<T: 'static, E: Reason> Sink<T, E> for Relay<T, E> {
    fn settle(self: Rc<Self>, outcome: Result<T, E>) {
        self.outcome.set(Some(outcome));
        self.handle.clone().queue(self, 0);
    }

    fn follow(&self, upstream: Rc<dyn Upstream>) {
        self.target.follow(upstream);
    }
}

impl<T: 'static, E: Reason> Job for Relay<T, E> {
    fn run(self: Rc<Self>, _part: u64) {
        if let Some(outcome) = self.outcome.take() {
            self.target.settle(outcome);
        }
    }

    fn kind(&self) -> &'static str {
        "promise"
    }
}
