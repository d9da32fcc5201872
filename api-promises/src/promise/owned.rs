//! What a promise owns: to drop it unconsumed gives up what it stands for.

use std::mem::ManuallyDrop;
use std::panic::Location;
use std::rc::Rc;

use loop_core::LoopHandle;

use super::Reason;
use super::node::Node;
use super::rejection::{Outcome, lose};
use super::release::abandon;

/// An outcome that waits for its consumer. Dropping a rejection reports it.
pub(super) struct Kept<T: 'static, E: Reason>(
    Option<(Outcome<T, E>, LoopHandle, &'static Location<'static>)>,
);

/// The node at the end of a chain. Dropping it cancels the chain.
pub(super) struct Tail<T: 'static, E: Reason>(Option<Rc<dyn Node<T, E>>>);

/// Neither is empty before it is consumed.
const FULL: &str = "it is consumed once";

impl<T: 'static, E: Reason> Kept<T, E> {
    pub(super) fn new(
        outcome: Outcome<T, E>,
        handle: LoopHandle,
        created_at: &'static Location<'static>,
    ) -> Kept<T, E> {
        Kept(Some((outcome, handle, created_at)))
    }

    /// Returns the outcome and the handle of its loop.
    pub(super) fn take(self) -> (Outcome<T, E>, LoopHandle) {
        // It is empty then: to drop it would be a call for nothing.
        let (outcome, handle, _) = ManuallyDrop::new(self).0.take().expect(FULL);
        (outcome, handle)
    }

    pub(super) fn handle(&self) -> &LoopHandle {
        let (_, handle, _) = self.0.as_ref().expect(FULL);
        handle
    }

    pub(super) fn is_fulfilled(&self) -> bool {
        matches!(self.0, Some((Ok(_), ..)))
    }
}

impl<T: 'static, E: Reason> Tail<T, E> {
    pub(super) fn new(node: Rc<dyn Node<T, E>>) -> Tail<T, E> {
        Tail(Some(node))
    }

    /// Returns the node.
    pub(super) fn take(self) -> Rc<dyn Node<T, E>> {
        ManuallyDrop::new(self).0.take().expect(FULL)
    }

    pub(super) fn node(&self) -> &Rc<dyn Node<T, E>> {
        self.0.as_ref().expect(FULL)
    }
}

impl<T: 'static, E: Reason> Drop for Kept<T, E> {
    fn drop(&mut self) {
        if let Some((outcome, handle, created_at)) = self.0.take() {
            lose(outcome, (&handle, created_at));
        }
    }
}

impl<T: 'static, E: Reason> Drop for Tail<T, E> {
    fn drop(&mut self) {
        if let Some(node) = self.0.take() {
            abandon(node);
        }
    }
}
