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
use std::sync::Arc;

use loop_core::{Abort, Context, Job, LoopHandle, panic_message};

use super::adopt::{Adopter, adopt};
use super::outlet::{Downstream, Node, Outlet, Sink, Stranded, Upstream, strand};
use super::rejection::{Outcome, Rejection};
use super::{Fault, Promise, Reason, spare};

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
pub(crate) struct Link<T, E, U, F, H> {
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
    /// Makes the link that follows `upstream`.
    #[inline(always)]
    pub(crate) fn after(
        upstream: Rc<dyn Node<T, E>>,
        handler: H,
        created_at: &'static Location<'static>,
    ) -> Rc<Self> {
        let link = Link::make(upstream.handle().clone(), handler, created_at);
        link.upstream.set(Some(upstream.clone()));
        upstream.subscribe(link.clone());
        link
    }

    /// Makes the link that follows an outcome which is there.
    #[inline]
    pub(crate) fn queued(
        outcome: Outcome<T, E>,
        handle: LoopHandle,
        handler: H,
        created_at: &'static Location<'static>,
    ) -> Rc<Self> {
        let link = Link::make(handle, handler, created_at);
        link.clone().settle(outcome);
        link
    }

    #[inline(always)]
    fn make(handle: LoopHandle, handler: H, created_at: &'static Location<'static>) -> Rc<Self> {
        if let Some(mut spare) = spare::take::<Self>()
            && let Some(link) = Rc::get_mut(&mut spare)
        {
            link.handle = Some(handle);
            link.handler.set(Some(handler));
            link.outlet.open();
            link.created_at = created_at;
            return spare;
        }
        Rc::new(Link {
            handle: Some(handle),
            handler: Cell::new(Some(handler)),
            outcome: Cell::new(None),
            upstream: Cell::new(None),
            outlet: Outlet::new(),
            created_at,
            catches: Cell::new(false),
        })
    }

    /// Keeps the link for the next of its kind, if nobody else refers to it.
    #[inline(always)]
    fn retire(mut self: Rc<Self>) {
        if let Some(link) = Rc::get_mut(&mut self) {
            debug_assert!(link.upstream.get_mut().is_none(), "what is followed refers to the link");
            // The last link of a chain that runs by itself is settled for nobody.
            link.outlet.clear();
            link.handle = None;
            link.catches.set(false);
            spare::keep(self);
        }
    }

    /// Reports a handler's panic; the chain goes on with a fault.
    #[cold]
    fn panicked(&self, payload: Box<dyn Any + Send>) {
        let message: Arc<str> = panic_message(&*payload).into();
        let fault = Fault::Panicked(message.clone()).into();
        if payload.is::<Abort>() {
            self.outlet.settle(Err(Rejection::reported(fault)));
            resume_unwind(payload);
        }
        if self.catches.get() {
            return self.outlet.settle(Err(fault.into()));
        }
        self.outlet.settle(Err(Rejection::reported(fault)));
        let message = format!("a promise's handler panicked: {message}");
        self.handle().report(&Context::new(message).created_at(self.created_at));
    }
}

impl<T, E, U, F, H> Link<T, E, U, F, H> {
    fn handle(&self) -> &LoopHandle {
        self.handle.as_ref().expect("a link in use has a handle")
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
        self.outcome.set(Some(outcome));
        let handle = self.handle().clone();
        if handle.is_closed() {
            return strand(self, Stranded::Closed);
        }
        handle.queue(self, 0);
    }

    #[inline]
    fn follow(&self, upstream: Rc<dyn Upstream>) {
        self.upstream.set(Some(upstream));
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
    fn strand(self: Rc<Self>, why: Stranded, next: &mut Vec<Rc<dyn Downstream>>) {
        drop((self.upstream.take(), self.handler.take()));
        if let Some(Err(rejection)) = self.outcome.take() {
            rejection.report(self.handle(), self.created_at);
        }
        self.outlet.strand(why, next);
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
        let Some(handler) = self.handler.take() else { return };
        let Some(outcome) = self.outcome.take() else { return };
        match catch_unwind(AssertUnwindSafe(|| handler(outcome))) {
            Ok(Step::Settled(Ok(value))) => self.outlet.settle(Ok(value)),
            Ok(Step::Settled(Err(mut rejection))) => {
                rejection.passed(self.handle(), self.created_at);
                self.outlet.settle(Err(rejection));
            }
            Ok(Step::Follow(promise)) => adopt(&self, promise),
            Err(payload) => self.panicked(payload),
        }
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
    fn abandon(self: Rc<Self>, handled: bool) -> Option<Rc<dyn Upstream>> {
        self.outlet.abandon(self.handle(), self.created_at);
        drop(self.handler.take());
        if let (Some(Err(rejection)), false) = (self.outcome.take(), handled) {
            rejection.report(self.handle(), self.created_at);
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

    fn loop_handle(&self) -> &LoopHandle {
        self.handle()
    }

    fn stand_behind(&self, upstream: Option<Rc<dyn Upstream>>) {
        self.upstream.set(upstream);
    }
}
