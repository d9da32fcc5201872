//! One branch of a shared promise: the node that its consumer stands at.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;

use loop_core::LoopHandle;

use super::hub::cloned;
use super::{Hub, SharedState};
use crate::promise::node::{Node, Sink};
use crate::promise::rejection::Rejection;
use crate::promise::release::{abandon, discard, strand};
use crate::promise::walk::{Stranded, Upstream};
use crate::promise::{Fault, Reason};

/// How a branch stands to its hub, which counts the branches that are pending: what takes a branch
/// out of the count says so here, or takes its consumer out of the list.
///
/// | | from | to | by | when |
/// |---|---|---|---|---|
/// | 1 | - | `Unconsumed` | [`Shared::promise`](super::Shared::promise) | a branch is made of a hub that is not settled |
/// | 2 | `Unconsumed` | `Consumed` | `subscribe` | its consumer waits in the hub's list |
/// | 3 | `Unconsumed` | `Left` | `subscribe` | the outcome is there already, or will never come |
/// | 4 | `Unconsumed`, `Consumed` | `Left` | `abandon` | the consumer has gone; or the hub has taken it out of the list before |
#[derive(Clone, Copy)]
enum Stands {
    /// The branch has no consumer yet, and is counted.
    Unconsumed,
    /// The branch is counted while its consumer is in the list under this number.
    Consumed(u64),
    /// The branch is not counted.
    Left,
}

/// The node of one branch.
pub(super) struct Branch<T: Clone + 'static, E: Reason + Clone> {
    hub: Rc<Hub<T, E>>,
    stands: Cell<Stands>,
    created_at: &'static Location<'static>,
}

impl<T: Clone + 'static, E: Reason + Clone> Branch<T, E> {
    /// Makes a branch, which its hub counts already.
    pub(super) fn of(hub: Rc<Hub<T, E>>, created_at: &'static Location<'static>) -> Rc<Self> {
        Rc::new(Branch { hub, stands: Cell::new(Stands::Unconsumed), created_at })
    }

    /// Takes the branch out of the count, now that the hub knows its consumer no more.
    fn leave(&self) -> Option<Rc<dyn Upstream>> {
        self.stands.set(Stands::Left);
        self.hub.leave()
    }
}

impl<T: Clone + 'static, E: Reason + Clone> Node<T, E> for Branch<T, E> {
    fn subscribe(&self, sink: Rc<dyn Sink<T, E>>) {
        if Rc::as_ptr(&sink).cast::<()>() == Rc::as_ptr(&self.hub).cast() {
            // The trunk is to follow its own branch.
            self.stands.set(Stands::Left);
            self.hub.users.set(self.hub.users.get() - 1);
            return match Rejection::by(Fault::Cycle, false, self.hub.origin()) {
                Some(rejection) => sink.settle(Err(rejection)),
                None => strand(sink, Stranded::Never),
            };
        }
        let mut state = self.hub.state.borrow_mut();
        match &mut *state {
            SharedState::Pending(sinks) => {
                let number = self.hub.next.replace(self.hub.next.get() + 1);
                self.stands.set(Stands::Consumed(number));
                sinks.insert(number, sink);
                return;
            }
            SharedState::Settled(outcome) => {
                let outcome = outcome.clone();
                drop(state);
                self.hub.taken.set(true);
                match cloned(&outcome, (&self.hub.handle, self.created_at)) {
                    Some(outcome) => sink.settle(outcome),
                    None => strand(sink, Stranded::Never),
                }
                discard(outcome, self.hub.origin());
            }
            SharedState::Never => {
                drop(state);
                strand(sink, Stranded::Never);
            }
        }
        if let Some(upstream) = self.leave() {
            abandon(upstream);
        }
    }

    fn handle(&self) -> &LoopHandle {
        &self.hub.handle
    }

    fn created_at(&self) -> &'static Location<'static> {
        self.created_at
    }
}

impl<T: Clone + 'static, E: Reason + Clone> Upstream for Branch<T, E> {
    fn abandon(&self, handled: bool) -> Option<Rc<dyn Upstream>> {
        match self.stands.get() {
            Stands::Unconsumed => {
                if let Some(Err(rejection)) = self.hub.outcome().as_deref() {
                    self.hub.taken.set(true);
                    if !handled {
                        rejection.report(&self.hub.handle, self.created_at);
                    }
                }
                self.leave()
            }
            Stands::Consumed(number) => {
                let sink = match &mut *self.hub.state.borrow_mut() {
                    SharedState::Pending(sinks) => sinks.remove(&number),
                    SharedState::Settled(_) | SharedState::Never => None,
                };
                // Without a consumer in the list, the branch has had its end.
                let counted = sink.is_some();
                discard(sink, self.hub.origin());
                if counted { self.leave() } else { None }
            }
            Stands::Left => None,
        }
    }

    fn trunk(&self) -> Option<*const ()> {
        Some(Rc::as_ptr(&self.hub).cast())
    }
}
