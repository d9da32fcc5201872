//! Promises that are consumed together.
//!
//! A part has its group, and the group its parts, while the part is pending; whatever ends a part takes
//! that circle apart: its outcome, the end of the whole, or the news that no outcome will come to it.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;

use loop_core::{Job, LoopHandle};

use crate::promise::{
    Cancel, Downstream, Outcome, Place, Promise, Reason, Resolver, Sink, Stranded, Upstream,
    abandon, discard, discard_if_any, spare, strand,
};

/// What the outcomes of the parts come to.
pub(super) trait Rule<V: 'static, E: Reason>: Default + 'static {
    /// What the whole resolves to.
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
    fn discard(self, place: Place<'_>) {
        discard(self, place);
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

/// A part's group, and its place there.
type Membership<V, E, G> = (Rc<Group<V, E, G>>, usize);

/// The index of a part that the group does without, and that something else still refers to.
const CANCELLED: usize = usize::MAX;

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

/// The consumer of one promise of a group. It passes the ready queue, as a link does.
struct Part<V: 'static, E: Reason, G: Rule<V, E>> {
    /// Gone while the part is spare.
    group: Cell<Option<Rc<Group<V, E, G>>>>,
    index: Cell<usize>,
    upstream: Cell<Option<Rc<dyn Upstream>>>,
    /// There while the part waits for its turn in the ready queue.
    outcome: Cell<Option<Outcome<V, E>>>,
}

/// One place for each part.
pub(super) struct Slots<T> {
    values: Vec<Option<T>>,
    missing: usize,
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
            promise.cancel_handled();
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
        match promise.into_node() {
            Ok(node) => {
                part.upstream.set(Some(node.clone()));
                node.subscribe(part);
            }
            Err(outcome) => part.settle(outcome),
        }
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
        self.cancel_parts();
        resolver.settle_with(outcome);
        self.discard_values();
    }

    /// The whole cannot be decided any more: lets go of who waits for it.
    #[cold]
    fn strand(&self, why: Stranded) {
        let Some(resolver) = self.resolver.take() else { return };
        self.cancel_parts();
        resolver.strand(why);
        self.discard_values();
    }

    fn cancel_parts(&self) {
        for part in self.parts.take().into_iter().flatten() {
            part.cancel();
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
        let mut others = parts.iter().flatten().filter(|part| part.index.get() != index);
        others.all(|part| part.trunk().is_some_and(|trunk| node.races(trunk)))
    }

    /// Gives up the race for one that decides the same: its consumer is given away.
    pub(super) fn hand_over(&self) -> Option<Rc<dyn Sink<G::Value, G::Reason>>> {
        match self.resolver.take()?.hand_over() {
            Ok(sink) => {
                self.cancel_parts();
                Some(sink)
            }
            Err(resolver) => {
                self.resolver.set(Some(resolver));
                None
            }
        }
    }
}

impl<V: 'static, E: Reason, G: Rule<V, E>> Part<V, E, G> {
    fn of(group: Rc<Group<V, E, G>>, index: usize) -> Rc<Self> {
        let part = spare::take::<Self>().unwrap_or_else(|| {
            let (upstream, outcome) = (Cell::new(None), Cell::new(None));
            Rc::new(Part { group: Cell::new(None), index: Cell::new(0), upstream, outcome })
        });
        part.group.set(Some(group));
        part.index.set(index);
        part
    }

    /// The group does without this part.
    fn cancel(self: Rc<Self>) {
        let Some(group) = self.group.take() else { return };
        discard_if_any(self.outcome.take(), (&group.handle, group.created_at));
        if let Some(upstream) = self.upstream.take() {
            abandon(upstream);
        }
        // Its outcome may be on its way, from a shared promise: it says whose loop hears of a destructor.
        self.index.set(CANCELLED);
        self.group.set(Some(group));
    }

    fn trunk(&self) -> Option<*const ()> {
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
        if let Some(place) = group.parts.borrow_mut().get_mut(index) {
            *place = None;
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

impl<V: 'static, E: Reason, G: Rule<V, E>> Cancel for Group<V, E, G> {
    fn cancel(&self, _part: u64) {
        if let Some(resolver) = self.resolver.take() {
            resolver.give_up();
        }
        self.cancel_parts();
        self.discard_values();
    }

    fn races(&self, trunk: *const ()) -> bool {
        G::IS_RACE && self.parts.borrow().iter().flatten().any(|part| part.trunk() == Some(trunk))
    }
}

impl<T> Default for Slots<T> {
    fn default() -> Slots<T> {
        Slots { values: Vec::new(), missing: 0 }
    }
}

impl<T: 'static> Slots<T> {
    /// Makes room for one more.
    pub(super) fn expect(&mut self) {
        self.values.push(None);
        self.missing += 1;
    }

    /// Keeps what a part came to, and returns everything if it was the last that was missing.
    pub(super) fn put(&mut self, index: usize, value: T) -> Option<Vec<T>> {
        self.values[index] = Some(value);
        self.missing -= 1;
        (self.missing == 0)
            .then(|| std::mem::take(&mut self.values).into_iter().flatten().collect())
    }

    /// Drops the values one by one: two that panic in one drop would end the process.
    pub(super) fn discard(self, place: Place<'_>) {
        for value in self.values {
            discard(value, place);
        }
    }
}
