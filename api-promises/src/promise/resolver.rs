//! What settles a promise.

use std::fmt;
use std::rc::Rc;

use super::adopt::{Adopter, adopt};
use super::deferred::Deferred;
use super::outlet::Node;
use super::rejection::Outcome;
use super::{Fault, IntoPromise, Reason};

/// Settles a promise, once.
///
/// Dropping it unused rejects the promise with [`Fault::Dropped`].
pub struct Resolver<T: 'static, E: Reason> {
    /// Gone once the promise is settled.
    node: Option<Rc<Deferred<T, E>>>,
}

impl<T: 'static, E: Reason> Resolver<T, E> {
    /// Makes the resolver of a node.
    pub(crate) fn of(node: Rc<Deferred<T, E>>) -> Resolver<T, E> {
        Resolver { node: Some(node) }
    }

    /// Gives the promise its value.
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
        let promise = other.into_promise(node.loop_handle());
        if promise.is_at(&node) {
            // Nobody else consumes the promise: what it is rejected with is reported with it.
            return node.settle(Err(E::from(Fault::Cycle).into()));
        }
        node.stand_behind(None);
        adopt(&node, promise);
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
        if let Some(node) = self.node.take() {
            node.settle(Err(E::from(Fault::Dropped(node.created_at())).into()));
        }
    }
}

impl<T: 'static, E: Reason> fmt::Debug for Resolver<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}
