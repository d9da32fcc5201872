//! How a chain is walked: back from its end, to cancel it, and down from its beginning.

use std::rc::Rc;

/// What a consumer can walk back and cancel.
pub(crate) trait Upstream {
    /// The consumer has gone: gives up what is pending, reports a rejection that was not taken, unless
    /// the consumer has `handled` it whatever it is, and returns what this one consumed.
    fn abandon(&self, handled: bool) -> Option<Rc<dyn Upstream>>;

    /// Returns the address of what this node is a branch of, if it is one: all branches of it have
    /// the same outcome.
    fn trunk(&self) -> Option<*const ()> {
        None
    }

    /// Tells whether this node is a race in which a branch of `trunk` takes part.
    fn races(&self, _trunk: *const ()) -> bool {
        false
    }
}

/// What can be walked down when no outcome can come to it any more.
pub(crate) trait Downstream {
    /// No handler will run any more: lets go of everything, and adds what was to come after this one
    /// to `next`.
    fn strand(&self, why: Stranded, next: &mut Vec<Rc<dyn Downstream>>);
}

/// Why no outcome can come any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stranded {
    /// The loop is closed: what still waits is told so.
    Closed,
    /// What is waited for is never settled.
    Never,
}
