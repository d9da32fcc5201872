//! What nodes, their consumers and their operations know of each other.

use std::panic::Location;
use std::rc::Rc;

use loop_core::LoopHandle;

use super::rejection::Outcome;
use super::release::Origin;
use super::walk::{Downstream, Upstream};

/// What a promise names.
pub(crate) trait Node<T, E>: Upstream {
    /// Hands the outcome to `sink`, now or when it is there.
    fn subscribe(&self, sink: Rc<dyn Sink<T, E>>);

    /// Returns the handle of the node's loop.
    fn handle(&self) -> &LoopHandle;

    /// Returns where the promise was made.
    fn created_at(&self) -> &'static Location<'static>;

    /// Makes a panic of this node a plain rejection.
    fn catch_panics(&self) {}
}

/// What consumes an outcome. A sink keeps what it is given and queues itself, or wakes a task: no
/// handler runs in its methods, but for [`settle_and_run`](Sink::settle_and_run).
pub(crate) trait Sink<T, E>: Downstream {
    /// Takes the outcome.
    fn settle(self: Rc<Self>, outcome: Outcome<T, E>);

    /// Tells whether the outcome goes to a handler, which the ready queue runs.
    fn runs_a_handler(&self) -> bool {
        false
    }

    /// Takes the outcome and runs the handler. The caller has queued itself in the handler's place, so as
    /// to make the outcome when its turn has come: what the outcome holds does not wait in the queue.
    fn settle_and_run(self: Rc<Self>, outcome: Outcome<T, E>) {
        self.settle(outcome);
    }

    /// Takes the outcome of a shared promise. One that is shared itself adds its own consumers to `next`, so that
    /// a chain of them settles without recursion.
    fn settle_branch(self: Rc<Self>, outcome: Outcome<T, E>, _next: &mut Vec<Settling<T, E>>) {
        self.settle(outcome);
    }

    /// Learns that another node has taken the place of the one before. Returns the sink behind this
    /// one if that can follow the node itself, since this one would add nothing.
    fn follow(&self, upstream: Rc<dyn Upstream>) -> Option<Rc<dyn Sink<T, E>>>;
}

/// A consumer of a shared promise, and the outcome that it is to have a clone of.
pub(crate) type Settling<T, E> = (Rc<dyn Sink<T, E>>, Rc<Outcome<T, E>>);

/// What gives up an operation whose promise was dropped.
pub(crate) trait Cancel {
    /// Gives up the operation in this part; `handled` as in [`Upstream::abandon`].
    fn cancel(&self, part: u64, handled: bool);

    /// As [`Upstream::trunk`], for the operation's node.
    fn trunk(&self) -> Option<*const ()> {
        None
    }

    /// As [`Upstream::races`], for the operation's node.
    fn races(&self, _trunk: *const ()) -> bool {
        false
    }
}

/// The node that has an outlet. The outlet's methods take it as a `dyn`, so that not every type of
/// node has its own of them.
pub(crate) trait Owner {
    /// Returns the handle of the node's loop, and where the promise was made.
    fn origin(&self) -> Origin<'_>;
}
