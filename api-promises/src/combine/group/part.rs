//! One promise of a group: its consumer, which passes the ready queue as a link does.

use std::cell::Cell;
use std::rc::Rc;

use loop_core::Job;

use super::{Group, Rule};
use crate::promise::{
    Downstream, Outcome, Promise, Reason, Sink, Stranded, Upstream, abandon_knowing, discard,
    discard_if_any, let_go, spare, strand,
};

/// A part's group, and its place there.
type Membership<V, E, G> = (Rc<Group<V, E, G>>, usize);

/// The index of a part that the group does without, and that something else still refers to.
const CANCELLED: usize = usize::MAX;

/// The consumer of one promise of a group. It passes the ready queue, as a link does.
pub(super) struct Part<V: 'static, E: Reason, G: Rule<V, E>> {
    /// Gone while the part is spare.
    group: Cell<Option<Rc<Group<V, E, G>>>>,
    /// Its place there, or [`CANCELLED`].
    index: Cell<usize>,
    /// What is cancelled when the group does without the part.
    upstream: Cell<Option<Rc<dyn Upstream>>>,
    /// There while the part waits for its turn in the ready queue.
    outcome: Cell<Option<Outcome<V, E>>>,
}

impl<V: 'static, E: Reason, G: Rule<V, E>> Part<V, E, G> {
    pub(super) fn of(group: Rc<Group<V, E, G>>, index: usize) -> Rc<Self> {
        let part = spare::take_or(&group.handle, || {
            let (upstream, outcome) = (Cell::new(None), Cell::new(None));
            Part { group: Cell::new(None), index: Cell::new(0), upstream, outcome }
        });
        part.group.set(Some(group));
        part.index.set(index);
        part
    }

    /// Stands at the node of its promise.
    pub(super) fn consume(self: Rc<Self>, promise: Promise<V, E>) {
        match promise.into_node() {
            Ok(node) => {
                self.upstream.set(Some(node.clone()));
                node.subscribe(self);
            }
            Err(outcome) => self.settle(outcome),
        }
    }

    /// Tells whether it is the part at this index.
    pub(super) fn is_at(&self, index: usize) -> bool {
        self.index.get() == index
    }

    /// The group does without this part.
    pub(super) fn cancel(self: Rc<Self>, handled: bool) {
        let Some(group) = self.group.take() else { return };
        let_go(self.outcome.take(), handled, (&group.handle, group.created_at));
        if let Some(upstream) = self.upstream.take() {
            abandon_knowing(handled, upstream);
        }
        // Its outcome may be on its way, from a shared promise: it says whose loop hears of a destructor.
        self.index.set(CANCELLED);
        self.group.set(Some(group));
    }

    pub(super) fn trunk(&self) -> Option<*const ()> {
        let upstream = self.upstream.take();
        let trunk = upstream.as_ref().and_then(|upstream| upstream.trunk());
        self.upstream.set(upstream);
        trunk
    }

    /// Returns the group, which has this part no more, and the part's place in it.
    fn leave(&self) -> Option<Membership<V, E, G>> {
        let index = self.index.get();
        let group = self.group.take().filter(|_| index != CANCELLED)?;
        // The place is gone while the whole is being given up.
        if let Some(part) = group.parts.borrow_mut().get_mut(index) {
            *part = None;
        }
        Some((group, index))
    }
}

impl<V: 'static, E: Reason, G: Rule<V, E>> Sink<V, E> for Part<V, E, G> {
    fn settle(self: Rc<Self>, outcome: Outcome<V, E>) {
        drop(self.upstream.take());
        self.outcome.set(Some(outcome));
        let Some(group) = self.group.take() else { return };
        if self.index.get() == CANCELLED {
            return discard_if_any(self.outcome.take(), (&group.handle, group.created_at));
        }
        let handle = group.handle.clone();
        self.group.set(Some(group));
        if handle.is_closed() {
            return strand(self, Stranded::Closed);
        }
        handle.queue(self, 0);
    }

    fn follow(&self, upstream: Rc<dyn Upstream>) -> Option<Rc<dyn Sink<V, E>>> {
        let group = self.group.take().filter(|_| self.index.get() != CANCELLED)?;
        let behind = G::step_aside(&group, self.index.get(), &*upstream);
        if behind.is_none() {
            self.group.set(Some(group));
            self.upstream.set(Some(upstream));
        }
        behind
    }
}

impl<V: 'static, E: Reason, G: Rule<V, E>> Downstream for Part<V, E, G> {
    fn strand(&self, why: Stranded, _next: &mut Vec<Rc<dyn Downstream>>) {
        drop(self.upstream.take());
        let Some((group, _)) = self.leave() else { return };
        discard_if_any(self.outcome.take(), (&group.handle, group.created_at));
        match why {
            Stranded::Closed => group.strand(why),
            Stranded::Never => group.one_less(),
        }
    }
}

impl<V: 'static, E: Reason, G: Rule<V, E>> Job for Part<V, E, G> {
    fn run(self: Rc<Self>, _part: u64) {
        let Some(outcome) = self.outcome.take() else { return };
        let Some((group, index)) = self.leave() else { return };
        let mut this = self;
        if Rc::get_mut(&mut this).is_some() {
            spare::keep(this);
        }
        group.settled(index, outcome);
    }

    fn kind(&self) -> &'static str {
        "promise"
    }
}

impl<V: 'static, E: Reason, G: Rule<V, E>> Drop for Part<V, E, G> {
    fn drop(&mut self) {
        if let (Some(outcome), Some(group)) = (self.outcome.take(), self.group.take()) {
            discard(outcome, (&group.handle, group.created_at));
        }
    }
}
