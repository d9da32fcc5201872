//! What settles a promise.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use loop_core::{Job, Unwound, when_panic_caught};

use super::adopt::{Adopter, adopt, adopt_by_relay};
use super::deferred::Deferred;
use super::node::{Node, Owner, Sink};
use super::outlet::Consumer;
use super::rejection::{Outcome, Rejection};
use super::release::{Origin, told};
use super::walk::Stranded;
use super::{Fault, IntoPromise, Reason};

/// What a panic is said to have said if the loop did not catch it.
const UNKNOWN_PANIC: &str = "a panic that the loop did not catch";

/// Settles a promise, once.
///
/// Dropping it unused rejects the promise with [`Fault::Dropped`]; if a panic drops it, with
/// [`Fault::Panicked`], which needs no further report: what catches the panic tells what it said.
pub struct Resolver<T: 'static, E: Reason> {
    /// Gone once the promise is settled.
    node: Option<Rc<Deferred<T, E>>>,
}

impl<T: 'static, E: Reason> Resolver<T, E> {
    /// Makes the resolver of a node.
    pub(crate) fn of(node: Rc<Deferred<T, E>>) -> Resolver<T, E> {
        Resolver { node: Some(node) }
    }

    /// Fulfils the promise with a value.
    pub fn resolve(self, value: T) {
        self.settle(Ok(value));
    }

    /// Rejects the promise.
    pub fn reject(self, reason: E) {
        self.settle(Err(reason));
    }

    /// Gives the promise its outcome.
    pub fn settle(self, outcome: Result<T, E>) {
        self.settle_with(outcome.map_err(Into::into));
    }

    /// Locks the promise in to another, whose outcome it will have; dropping the promise cancels the
    /// other. A promise that is to follow itself is rejected with [`Fault::Cycle`].
    ///
    /// ECMAScript: `resolve(promise)`.
    pub fn follow(mut self, other: impl IntoPromise<Value = T, Reason = E>) {
        let Some(node) = self.node.take() else { return };
        let promise = other.into_promise(node.handle());
        if promise.is_at(&node) {
            // Nothing else consumes the promise: what it is rejected with is reported with it.
            return fail(&node, Fault::Cycle, false);
        }
        node.stand_behind(None);
        if let Some(promise) = adopt(node.outlet(), &*node, promise) {
            adopt_by_relay(node, promise);
        }
    }

    /// The consumer has gone: there is nothing to tell.
    pub(crate) fn give_up(mut self) {
        drop(self.node.take());
    }

    /// No outcome will come, and no error says so: lets go of whatever waits for one.
    pub(crate) fn strand(mut self, why: Stranded) {
        if let Some(node) = self.node.take() {
            node.strand(why);
        }
    }

    /// Rejects the promise by a fault that is to be reported unless it is handled.
    pub(crate) fn fail(mut self, fault: Fault) {
        if let Some(node) = self.node.take() {
            fail(&node, fault, false);
        }
    }

    /// Reports the panic of `what`, and rejects the promise by it.
    pub(crate) fn panicked(mut self, panic: Box<dyn Any + Send>, what: &str, origin: Origin<'_>) {
        let message = told(panic, what, origin);
        if let Some(node) = self.node.take() {
            fail(&node, Fault::Panicked(message.into()), true);
        }
    }

    /// Gives the consumer away if it is there, or comes back.
    pub(crate) fn hand_over(mut self) -> Result<Rc<dyn Sink<T, E>>, Resolver<T, E>> {
        let Some(node) = self.node.take_if(|node| node.outlet().is_consumed()) else {
            return Err(self);
        };
        node.stand_behind(None);
        match node.outlet().give_away() {
            Consumer::Waits(sink) => Ok(sink),
            Consumer::ToCome | Consumer::Gone => Err(self),
        }
    }

    /// Gives the promise its outcome, with the rejection's past.
    pub(crate) fn settle_with(mut self, outcome: Outcome<T, E>) {
        if let Some(node) = self.node.take() {
            node.settle(outcome);
        }
    }
}

impl<T: 'static, E: Reason> Drop for Resolver<T, E> {
    fn drop(&mut self) {
        let Some(node) = self.node.take() else { return };
        if node.outlet().is_abandoned() {
            return;
        }
        if std::thread::panicking() {
            return fail_when_caught(node);
        }
        fail(&node, Fault::Dropped(node.created_at()), false);
    }
}

/// A promise whose resolver was dropped by a panic, which is not caught yet.
struct Orphan<T: 'static, E: Reason>(Cell<Option<Rc<Deferred<T, E>>>>);

impl<T: 'static, E: Reason> Orphan<T, E> {
    fn fail(&self, message: &str) {
        if let Some(node) = self.0.take() {
            fail(&node, Fault::Panicked(message.into()), true);
        }
    }
}

impl<T: 'static, E: Reason> Unwound for Orphan<T, E> {
    fn caught(&self, message: &str) {
        self.fail(message);
    }
}

/// Something else has caught the panic, which the loop does not know then.
impl<T: 'static, E: Reason> Job for Orphan<T, E> {
    fn run(self: Rc<Self>, _part: u64) {
        self.fail(UNKNOWN_PANIC);
    }
}

/// Rejects a promise by the panic that unwinds now, when it is known what that said.
fn fail_when_caught<T: 'static, E: Reason>(node: Rc<Deferred<T, E>>) {
    let handle = node.handle().clone();
    let orphan = Rc::new(Orphan(Cell::new(Some(node))));
    if handle.is_closed() {
        return orphan.fail(UNKNOWN_PANIC);
    }
    when_panic_caught(&orphan);
    handle.queue(orphan, 0);
}

/// Rejects a promise by a fault.
fn fail<T: 'static, E: Reason>(node: &Rc<Deferred<T, E>>, fault: Fault, reported: bool) {
    match Rejection::by(fault, reported, node.origin()) {
        Some(rejection) => node.settle(Err(rejection)),
        None => node.strand(Stranded::Never),
    }
}

impl<T: 'static, E: Reason> fmt::Debug for Resolver<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}
