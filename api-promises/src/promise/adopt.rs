//! Adoption: a link whose handler returned a promise leaves its place in the chain to it.

use std::cell::Cell;
use std::rc::Rc;

use loop_core::Job;

use super::node::{Node, Owner, Sink};
use super::outlet::{Consumer, Outlet};
use super::rejection::{Outcome, Rejection, lose};
use super::release::{abandon, discard_if_any, strand};
use super::walk::{Downstream, Stranded, Upstream};
use super::{Fault, Promise, Reason};

/// How a promise takes the place of a link whose handler returned it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Adoption {
    /// The consumer of the link turns to the promise: no tick is lost, and nothing grows.
    #[default]
    Direct,
    /// As ECMAScript has it: one turn of the queue until the promise is asked, and another until its
    /// outcome has come back. `finally` adopts whatever its handler returns, and runs on an outcome alone.
    /// For comparisons.
    EcmaScript,
}

thread_local! {
    static ADOPTION: Cell<Adoption> = const { Cell::new(Adoption::Direct) };
}

/// Sets how promises are adopted on this thread from now on.
pub fn set_adoption(adoption: Adoption) {
    ADOPTION.set(adoption);
}

/// Tells whether adoption takes the ticks that ECMAScript says.
pub(crate) fn takes_ticks() -> bool {
    ADOPTION.get() == Adoption::EcmaScript
}

/// A node that takes on the outcome of a promise.
pub(crate) trait Adopter<T, E>: Owner {
    /// Returns where the node's consumer stands.
    fn outlet(&self) -> &Outlet<T, E>;

    /// Notes what to cancel when the node's consumer goes.
    fn stand_behind(&self, upstream: Option<Rc<dyn Upstream>>);
}

/// Brings the outcome of an adopted promise to its adopter.
///
/// It goes through the ready queue, so that a chain of such nodes settles without recursion.
struct Relay<T: 'static, E: Reason> {
    target: Rc<dyn Adopter<T, E>>,
    /// The promise, until it is asked.
    promise: Cell<Option<Promise<T, E>>>,
    outcome: Cell<Option<Outcome<T, E>>>,
}

/// Hands the place of an outlet's node in the chain over to `promise`. Gives the promise back where a
/// relay has to bring its outcome: see [`adopt_by_relay`].
pub(crate) fn adopt<T: 'static, E: Reason>(
    outlet: &Outlet<T, E>,
    owner: &dyn Owner,
    promise: Promise<T, E>,
) -> Option<Promise<T, E>> {
    if takes_ticks() {
        return Some(promise);
    }
    match promise.into_node() {
        Ok(node) => adopt_node(outlet, node).map(Promise::at),
        Err(outcome) => {
            outlet.settle(outcome, owner);
            None
        }
    }
}

/// As [`adopt`], of a promise that stands for this node.
#[inline(never)]
pub(crate) fn adopt_node<T: 'static, E: Reason>(
    outlet: &Outlet<T, E>,
    node: Rc<dyn Node<T, E>>,
) -> Option<Rc<dyn Node<T, E>>> {
    if takes_ticks() {
        return Some(node);
    }
    match outlet.give_away() {
        Consumer::Waits(mut sink) => {
            while let Some(behind) = sink.follow(node.clone()) {
                sink = behind;
            }
            node.subscribe(sink);
        }
        Consumer::ToCome => return Some(node),
        Consumer::Gone => abandon(node),
    }
    None
}

/// Has the outcome of a promise brought to its adopter, which refers to the promise meanwhile.
pub(crate) fn adopt_by_relay<T, E>(adopter: Rc<dyn Adopter<T, E>>, promise: Promise<T, E>)
where
    T: 'static,
    E: Reason,
{
    if takes_ticks() {
        return adopt_with_ticks(adopter, promise);
    }
    Relay::to(adopter, None).subscribe(promise);
}

fn adopt_with_ticks<T: 'static, E: Reason>(target: Rc<dyn Adopter<T, E>>, promise: Promise<T, E>) {
    if promise.trunk().is_some_and(|trunk| target.outlet().is_consumed_by(trunk)) {
        drop(promise);
        if let Some(rejection) = Rejection::by(Fault::Cycle, false, target.origin()) {
            target.outlet().settle(Err(rejection), &*target);
        }
        return;
    }
    let handle = target.origin().0.clone();
    handle.queue(Relay::to(target, Some(promise)), 0);
}

impl<T: 'static, E: Reason> Relay<T, E> {
    fn to(target: Rc<dyn Adopter<T, E>>, promise: Option<Promise<T, E>>) -> Rc<Relay<T, E>> {
        Rc::new(Relay { target, promise: Cell::new(promise), outcome: Cell::new(None) })
    }

    /// Asks the promise.
    fn subscribe(self: Rc<Self>, promise: Promise<T, E>) {
        match promise.into_node() {
            Err(outcome) => self.settle(outcome),
            Ok(node) if self.target.outlet().is_abandoned() => abandon(node),
            Ok(node) => {
                self.target.stand_behind(Some(node.clone()));
                node.subscribe(self);
            }
        }
    }
}

impl<T: 'static, E: Reason> Sink<T, E> for Relay<T, E> {
    fn settle(self: Rc<Self>, outcome: Outcome<T, E>) {
        self.outcome.set(Some(outcome));
        let handle = self.target.origin().0.clone();
        if handle.is_closed() {
            return strand(self, Stranded::Closed);
        }
        handle.queue(self, 0);
    }

    fn follow(&self, upstream: Rc<dyn Upstream>) -> Option<Rc<dyn Sink<T, E>>> {
        self.target.stand_behind(Some(upstream));
        None
    }
}

impl<T: 'static, E: Reason> Downstream for Relay<T, E> {
    fn strand(&self, why: Stranded, next: &mut Vec<Rc<dyn Downstream>>) {
        self.target.stand_behind(None);
        self.target.outlet().strand(why, &*self.target, next);
        if let Some(outcome) = self.outcome.take() {
            lose(outcome, self.target.origin());
        }
        discard_if_any(self.promise.take(), self.target.origin());
    }
}

impl<T: 'static, E: Reason> Job for Relay<T, E> {
    fn run(self: Rc<Self>, _part: u64) {
        if let Some(promise) = self.promise.take() {
            return self.subscribe(promise);
        }
        if let Some(outcome) = self.outcome.take() {
            self.target.stand_behind(None);
            self.target.outlet().settle(outcome, &*self.target);
        }
    }

    fn kind(&self) -> &'static str {
        "promise"
    }
}
