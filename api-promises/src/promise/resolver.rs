//! What settles a promise.

use std::fmt;
use std::rc::Rc;

use super::node::Deferred;
use super::outlet::Node;
use super::{Fault, Reason};

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
    pub fn settle(mut self, outcome: Result<T, E>) {
        if let Some(node) = self.node.take() {
            node.settle(outcome);
        }
    }
}

impl<T: 'static, E: Reason> Drop for Resolver<T, E> {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            node.settle(Err(Fault::Dropped(node.created_at()).into()));
        }
    }
}

impl<T: 'static, E: Reason> fmt::Debug for Resolver<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}
