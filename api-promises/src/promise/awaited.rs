//! A promise as a future: any task can await it.

use std::cell::Cell;
use std::future::Future;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use loop_core::LoopHandle;

use super::outlet::{Node, Sink};
use super::rejection::{Outcome, Rejection, bare, lose};
use super::release::{Place, abandon, discard_if_any, guard};
use super::walk::{Downstream, Stranded, Upstream};
use super::{CONSUMED, Fault, Promise, Reason, State};

/// A task's end of a promise that it awaits. Dropping it cancels the chain.
pub(crate) struct Wait<T: 'static, E: Reason>(Rc<Awaited<T, E>>);

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
        discard_if_any(self.waker.take(), self.place());
        if let Some(outcome) = self.outcome.take() {
            lose(outcome, self.place());
        }
        if let Some(upstream) = self.upstream.take() {
            abandon(upstream);
        }
    }

    fn place(&self) -> Place<'_> {
        (&self.handle, self.created_at)
    }

    fn wake(&self, outcome: Outcome<T, E>) {
        drop(self.upstream.take());
        self.outcome.set(Some(outcome));
        if let Some(waker) = self.waker.take() {
            guard("a waker", self.place(), || waker.wake());
        }
    }
}

/// An outcome may come when the task has gone already, from a shared promise.
impl<T: 'static, E: Reason> Drop for Awaited<T, E> {
    fn drop(&mut self) {
        discard_if_any(self.outcome.take(), self.place());
        discard_if_any(self.waker.take(), self.place());
    }
}

impl<T: 'static, E: Reason> Wait<T, E> {
    /// Returns the handle of the promise's loop.
    pub(crate) fn handle(&self) -> &LoopHandle {
        &self.0.handle
    }
}

impl<T: 'static, E: Reason> Drop for Wait<T, E> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// A promise can be awaited in any task; dropping the future cancels the chain.
impl<T: 'static, E: Reason> Future for Promise<T, E> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        let promise = self.get_mut();
        let awaited = match mem::replace(&mut promise.state, State::Consumed) {
            State::Settled(kept) => return Poll::Ready(bare(kept.take().0)),
            State::Pending(tail) => Wait(Awaited::of(tail.take())),
            State::Awaited(awaited) => awaited,
            State::Consumed => panic!("{CONSUMED}, and no more once it is settled"),
        };
        if let Some(outcome) = awaited.0.outcome.take() {
            return Poll::Ready(bare(outcome));
        }
        if !awaited.0.is_never.get() {
            awaited.0.waker.set(Some(cx.waker().clone()));
        }
        promise.state = State::Awaited(awaited);
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
            && let Some(rejection) = Rejection::of(Fault::Cancelled, self.place())
        {
            return self.wake(Err(rejection));
        }
        self.is_never.set(true);
        drop(self.upstream.take());
        discard_if_any(self.waker.take(), self.place());
    }
}
