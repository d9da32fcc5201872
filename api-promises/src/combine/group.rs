//! Promises that are consumed together.
//!
//! A part has its group, and the group its parts, while the part is pending; whatever ends a part takes
//! that circle apart: its outcome, the end of the whole, or the news that no outcome will come to it.

mod part;

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;

use loop_core::LoopHandle;

use self::part::Part;
use crate::promise::{
    Cancel, Origin, Outcome, Promise, Reason, Resolver, Sink, Stranded, Upstream, discard,
};

/// What the outcomes of the parts come to.
pub(super) trait Rule<V: 'static, E: Reason>: Default + 'static {
    /// What the whole is fulfilled with.
    type Value: 'static;
    /// What the whole is rejected with.
    type Reason: Reason;

    /// Whether the first outcome, whatever it is, is that of the whole.
    const IS_RACE: bool = false;

    /// Makes room for one more part.
    fn expect(&mut self) {}

    /// Returns the outcome of no parts, if there is one.
    fn of_nothing() -> Option<Result<Self::Value, Self::Reason>>;

    /// Takes the outcome of a part, and returns that of the whole if it is decided.
    fn take(&mut self, index: usize, outcome: Outcome<V, E>) -> Option<Whole<Self, V, E>>;

    /// Lets go of what the parts have come to so far.
    fn discard(self, origin: Origin<'_>) {
        discard(self, origin);
    }

    /// Returns the consumer of the whole, if it can follow a node itself that takes a part's place.
    fn step_aside(
        _group: &Group<V, E, Self>,
        _index: usize,
        _node: &dyn Upstream,
    ) -> Option<Rc<dyn Sink<V, E>>> {
        None
    }
}

/// The outcome of a whole.
pub(super) type Whole<G, V, E> = Outcome<<G as Rule<V, E>>::Value, <G as Rule<V, E>>::Reason>;

type WholeResolver<G, V, E> = Resolver<<G as Rule<V, E>>::Value, <G as Rule<V, E>>::Reason>;

type Parts<V, E, G> = Vec<Option<Rc<Part<V, E, G>>>>;

/// Promises that are consumed together, and the resolver of the whole.
pub(super) struct Group<V: 'static, E: Reason, G: Rule<V, E>> {
    handle: LoopHandle,
    created_at: &'static Location<'static>,
    /// Each in its place until it has an outcome.
    parts: RefCell<Parts<V, E, G>>,
    /// How many parts may still have an outcome.
    pending: Cell<usize>,
    rule: RefCell<G>,
    /// Gone once the whole is decided or given up.
    resolver: Cell<Option<WholeResolver<G, V, E>>>,
}

/// Consumes every promise, and returns the promise of what they come to by the rule `G`.
#[track_caller]
pub(super) fn together<V: 'static, E: Reason, G: Rule<V, E>>(
    handle: &LoopHandle,
    promises: impl IntoIterator<Item = Promise<V, E>>,
) -> Promise<G::Value, G::Reason> {
    let group = Rc::new(Group {
        handle: handle.clone(),
        created_at: Location::caller(),
        parts: RefCell::default(),
        // One for the parts to come.
        pending: Cell::new(1),
        rule: RefCell::new(G::default()),
        resolver: Cell::new(None),
    });
    let (promise, resolver) = Promise::cancelling(handle, group.clone(), 0);
    group.resolver.set(Some(resolver));
    match Promise::calling(handle, || promises.into_iter().for_each(|part| group.consume(part))) {
        Ok(()) => group.complete(),
        Err(rejected) => {
            drop(promise);
            return rejected;
        }
    }
    promise
}

impl<V: 'static, E: Reason, G: Rule<V, E>> Group<V, E, G> {
    fn consume(self: &Rc<Self>, promise: Promise<V, E>) {
        let index = self.parts.borrow().len();
        let part = Part::of(self.clone(), index);
        self.pending.set(self.pending.get() + 1);
        self.rule.borrow_mut().expect();
        self.parts.borrow_mut().push(Some(part.clone()));
        part.consume(promise);
    }

    /// All parts are there.
    fn complete(&self) {
        if self.parts.borrow().is_empty()
            && let Some(outcome) = G::of_nothing()
        {
            return self.finish(outcome.map_err(Into::into));
        }
        self.one_less();
    }

    /// A part has its outcome.
    fn settled(&self, index: usize, outcome: Outcome<V, E>) {
        let whole = self.rule.borrow_mut().take(index, outcome);
        match whole {
            Some(outcome) => self.finish(outcome),
            None => self.one_less(),
        }
    }

    /// A part can have no outcome any more, or has had it without deciding the whole.
    fn one_less(&self) {
        self.pending.set(self.pending.get() - 1);
        if self.pending.get() == 0 {
            self.strand(Stranded::Never);
        }
    }

    /// Settles the whole, and cancels what is pending still.
    fn finish(&self, outcome: Whole<G, V, E>) {
        let Some(resolver) = self.resolver.take() else {
            return discard(outcome, (&self.handle, self.created_at));
        };
        self.cancel_parts(true);
        resolver.settle_with(outcome);
        self.discard_values();
    }

    /// The whole cannot be decided any more: lets go of what waits for it.
    fn strand(&self, why: Stranded) {
        let Some(resolver) = self.resolver.take() else { return };
        self.cancel_parts(true);
        resolver.strand(why);
        self.discard_values();
    }

    /// Cancels what is pending still. Of a whole that is decided, no part's rejection is news.
    fn cancel_parts(&self, handled: bool) {
        for part in self.parts.take().into_iter().flatten() {
            part.cancel(handled);
        }
    }

    fn discard_values(&self) {
        self.rule.take().discard((&self.handle, self.created_at));
    }

    /// Tells whether `node`, which is to take the place of a part, is a race that all other parts take
    /// part in as well: it decides the same then.
    ///
    /// A loop whose rounds each race a signal nests one race in the other, and does not grow so.
    pub(super) fn is_decided_by(&self, index: usize, node: &dyn Upstream) -> bool {
        let parts = self.parts.borrow();
        let mut others = parts.iter().flatten().filter(|part| !part.is_at(index));
        others.all(|part| part.trunk().is_some_and(|trunk| node.races(trunk)))
    }

    /// Gives up the race for one that decides the same: its consumer is given away.
    pub(super) fn hand_over(&self) -> Option<Rc<dyn Sink<G::Value, G::Reason>>> {
        match self.resolver.take()?.hand_over() {
            Ok(sink) => {
                self.cancel_parts(true);
                Some(sink)
            }
            Err(resolver) => {
                self.resolver.set(Some(resolver));
                None
            }
        }
    }
}

impl<V: 'static, E: Reason, G: Rule<V, E>> Cancel for Group<V, E, G> {
    fn cancel(&self, _part: u64, handled: bool) {
        if let Some(resolver) = self.resolver.take() {
            resolver.give_up();
        }
        self.cancel_parts(handled);
        self.discard_values();
    }

    fn races(&self, trunk: *const ()) -> bool {
        G::IS_RACE && self.parts.borrow().iter().flatten().any(|part| part.trunk() == Some(trunk))
    }
}
