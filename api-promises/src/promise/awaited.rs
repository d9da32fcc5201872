//! A promise as a future: any task can await it.

use std::cell::Cell;
use std::future::Future;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use loop_core::LoopHandle;

use super::node::{Node, Sink};
use super::rejection::{Outcome, Rejection, bare, lose};
use super::release::{Origin, abandon, discard_if_any, guard};
use super::walk::{Downstream, Stranded, Upstream};
use super::{CONSUMED, Fault, Promise, PromiseState, Reason};

/// A task's end of a promise that it awaits. Dropping it cancels the chain.
pub(crate) struct Awaiting<T: 'static, E: Reason>(Rc<Awaited<T, E>>);

/// The consumer of a promise that is awaited.
struct Awaited<T: 'static, E: Reason> {
    outcome: Cell<Option<Outcome<T, E>>>,
    waker: Cell<Option<Waker>>,
    /// Whether no outcome will come: a waker would keep the task that keeps the promise.
    is_never: Cell<bool>,
    upstream: Cell<Option<Rc<dyn Upstream>>>,
    handle: LoopHandle,
    created_at: &'static Location<'static>,
}

impl<T: 'static, E: Reason> Awaited<T, E> {
    /// Consumes a node.
    fn of(node: Rc<dyn Node<T, E>>) -> Rc<Awaited<T, E>> {
        let awaited = Rc::new(Awaited {
            outcome: Cell::new(None),
            waker: Cell::new(None),
            is_never: Cell::new(false),
            upstream: Cell::new(Some(node.clone())),
            handle: node.handle().clone(),
            created_at: node.created_at(),
        });
        node.subscribe(awaited.clone());
        awaited
    }

    /// The task has dropped the promise.
    fn abandon(&self) {
        discard_if_any(self.waker.take(), self.origin());
        if let Some(outcome) = self.outcome.take() {
            lose(outcome, self.origin());
        }
        if let Some(upstream) = self.upstream.take() {
            abandon(upstream);
        }
    }

    fn origin(&self) -> Origin<'_> {
        (&self.handle, self.created_at)
    }

    fn wake(&self, outcome: Outcome<T, E>) {
        drop(self.upstream.take());
        self.outcome.set(Some(outcome));
        if let Some(waker) = self.waker.take() {
            guard("a waker", self.origin(), || waker.wake());
        }
    }
}

/// An outcome may come when the task has gone already, from a shared promise.
impl<T: 'static, E: Reason> Drop for Awaited<T, E> {
    fn drop(&mut self) {
        discard_if_any(self.outcome.take(), self.origin());
        discard_if_any(self.waker.take(), self.origin());
    }
}

impl<T: 'static, E: Reason> Awaiting<T, E> {
    /// Returns the handle of the promise's loop.
    pub(crate) fn handle(&self) -> &LoopHandle {
        &self.0.handle
    }
}

impl<T: 'static, E: Reason> Drop for Awaiting<T, E> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// A promise can be awaited in any task; dropping the future cancels the chain.
impl<T: 'static, E: Reason> Future for Promise<T, E> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        let promise = self.get_mut();
        let awaited = match mem::replace(&mut promise.state, PromiseState::Consumed) {
            PromiseState::Settled(kept) => return Poll::Ready(bare(kept.take().0)),
            PromiseState::Pending(tail) => Awaiting(Awaited::of(tail.take())),
            PromiseState::Awaited(awaited) => awaited,
            PromiseState::Consumed => panic!("{CONSUMED}, and no more once it is settled"),
        };
        if let Some(outcome) = awaited.0.outcome.take() {
            return Poll::Ready(bare(outcome));
        }
        if !awaited.0.is_never.get() {
            awaited.0.waker.set(Some(cx.waker().clone()));
        }
        promise.state = PromiseState::Awaited(awaited);
        Poll::Pending
    }
}

/// A promise holds nothing that is pinned.
impl<T: 'static, E: Reason> Unpin for Promise<T, E> {}

impl<T: 'static, E: Reason> Sink<T, E> for Awaited<T, E> {
    fn settle(self: Rc<Self>, outcome: Outcome<T, E>) {
        self.wake(outcome);
    }

    fn follow(&self, upstream: Rc<dyn Upstream>) -> Option<Rc<dyn Sink<T, E>>> {
        self.upstream.set(Some(upstream));
        None
    }
}

impl<T: 'static, E: Reason> Downstream for Awaited<T, E> {
    fn strand(&self, why: Stranded, _next: &mut Vec<Rc<dyn Downstream>>) {
        if why == Stranded::Closed
            && let Some(rejection) = Rejection::of(Fault::Cancelled, self.origin())
        {
            return self.wake(Err(rejection));
        }
        self.is_never.set(true);
        drop(self.upstream.take());
        discard_if_any(self.waker.take(), self.origin());
    }
}
