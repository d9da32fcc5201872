//! Nodes that a resolver settles, or nothing ever does.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;

use loop_core::LoopHandle;

use super::Reason;
use super::adopt::Adopter;
use super::node::{Cancel, Node, Owner, Sink};
use super::outlet::Outlet;
use super::rejection::Outcome;
use super::release::{Origin, strand};
use super::walk::{Stranded, Upstream};

/// A node that a [`Resolver`](super::Resolver) settles.
pub(crate) struct Deferred<T: 'static, E: 'static> {
    handle: LoopHandle,
    outlet: Outlet<T, E>,
    cancels: Cell<Cancels>,
    created_at: &'static Location<'static>,
}

/// What is told when the consumer goes.
#[derive(Default)]
pub(crate) enum Cancels {
    /// Nothing.
    #[default]
    Nothing,
    /// The operation whose part it is.
    Operation(Rc<dyn Cancel>, u64),
    /// The promise that is followed.
    Upstream(Rc<dyn Upstream>),
}

/// A node that is never settled. It does not hold its consumer, which nothing else would release.
pub(crate) struct Never {
    pub(crate) handle: LoopHandle,
    pub(crate) created_at: &'static Location<'static>,
}

impl<T: 'static, E: Reason> Deferred<T, E> {
    /// Makes a node.
    pub(crate) fn new(
        handle: &LoopHandle,
        cancels: Cancels,
        created_at: &'static Location<'static>,
    ) -> Rc<Deferred<T, E>> {
        let (outlet, cancels) = (Outlet::new(), Cell::new(cancels));
        Rc::new(Deferred { handle: handle.clone(), outlet, cancels, created_at })
    }

    /// Settles the node.
    pub(crate) fn settle(&self, outcome: Outcome<T, E>) {
        drop(self.cancels.take());
        self.outlet.settle(outcome, self);
    }

    /// Asks the operation that the node stands for, if there is one.
    fn ask<R>(&self, question: impl FnOnce(&dyn Cancel) -> Option<R>) -> Option<R> {
        let cancels = self.cancels.take();
        let answer = match &cancels {
            Cancels::Operation(operation, _) => question(&**operation),
            Cancels::Nothing | Cancels::Upstream(_) => None,
        };
        self.cancels.set(cancels);
        answer
    }

    /// No outcome will come: lets go of whatever waits for one.
    pub(crate) fn strand(&self, why: Stranded) {
        drop(self.cancels.take());
        self.outlet.strand_all(why, self);
    }
}

impl<T: 'static, E: 'static> Drop for Deferred<T, E> {
    fn drop(&mut self) {
        if self.outlet.has_remains() {
            self.outlet.discard_remains((&self.handle, self.created_at));
        }
    }
}

impl<T: 'static, E: Reason> Upstream for Deferred<T, E> {
    fn abandon(&self, handled: bool) -> Option<Rc<dyn Upstream>> {
        self.outlet.abandon(handled, self.origin());
        match self.cancels.take() {
            Cancels::Nothing => None,
            Cancels::Operation(operation, part) => {
                operation.cancel(part, handled);
                None
            }
            Cancels::Upstream(upstream) => Some(upstream),
        }
    }

    fn trunk(&self) -> Option<*const ()> {
        self.ask(|operation| operation.trunk())
    }

    fn races(&self, trunk: *const ()) -> bool {
        self.ask(|operation| operation.races(trunk).then_some(())).is_some()
    }
}

impl<T: 'static, E: Reason> Node<T, E> for Deferred<T, E> {
    fn subscribe(&self, sink: Rc<dyn Sink<T, E>>) {
        self.outlet.subscribe(sink);
    }

    fn handle(&self) -> &LoopHandle {
        &self.handle
    }

    fn created_at(&self) -> &'static Location<'static> {
        self.created_at
    }
}

impl<T: 'static, E: 'static> Owner for Deferred<T, E> {
    fn origin(&self) -> Origin<'_> {
        (&self.handle, self.created_at)
    }
}

impl<T: 'static, E: Reason> Adopter<T, E> for Deferred<T, E> {
    fn outlet(&self) -> &Outlet<T, E> {
        &self.outlet
    }

    fn stand_behind(&self, upstream: Option<Rc<dyn Upstream>>) {
        self.cancels.set(upstream.map_or(Cancels::Nothing, Cancels::Upstream));
    }
}

impl Upstream for Never {
    fn abandon(&self, _handled: bool) -> Option<Rc<dyn Upstream>> {
        None
    }
}

impl<T: 'static, E: Reason> Node<T, E> for Never {
    fn subscribe(&self, sink: Rc<dyn Sink<T, E>>) {
        strand(sink, Stranded::Never);
    }

    fn handle(&self) -> &LoopHandle {
        &self.handle
    }

    fn created_at(&self) -> &'static Location<'static> {
        self.created_at
    }
}
