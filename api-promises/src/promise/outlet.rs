//! The end of a node: where an outcome waits for its consumer, or a consumer for its outcome.

use std::cell::Cell;
use std::rc::Rc;

use super::node::{Owner, Sink};
use super::rejection::{Outcome, Rejection, let_go};
use super::release::{Origin, discard, discard_if_any, strand, strand_all};
use super::walk::{Downstream, Stranded};
use super::{Fault, Reason};

/// The end of a node at which its consumer stands.
///
/// Sink and outcome have places of their own beside the state, so that a change of state moves
/// nothing and drops nothing.
///
/// | | from | to | by | when |
/// |---|---|---|---|---|
/// | 1 | `Done` | `Open` | [`open`](Outlet::open), [`open_unused`](Outlet::open_unused) | a node is made, or used again |
/// | 2 | `Open` | `Consumed` | [`subscribe`](Outlet::subscribe) | a consumer comes first: its sink waits |
/// | 3 | `Consumed` | `Done` | [`settle`](Outlet::settle), [`settle_and_run`](Outlet::settle_and_run) | the outcome has come: the sink has it |
/// | 4 | `Open` | `Settled` | [`settle`](Outlet::settle) | the outcome comes first: it waits |
/// | 5 | `Settled` | `Done` | [`subscribe`](Outlet::subscribe) | a consumer has come: its sink has the outcome |
/// | 6 | `Consumed` | `Done` | [`give_away`](Outlet::give_away) | a promise is adopted: the sink turns to its node |
/// | 7 | `Consumed` | `Done` | [`strand`](Outlet::strand) | no outcome will come: the sink is walked to |
/// | 8 | `Open` | `Never`, `Settled` | [`strand`](Outlet::strand) | no outcome will come; a closed loop settles with `Cancelled` |
/// | 9 | any | `Done` | [`abandon`](Outlet::abandon), [`clear`](Outlet::clear) | the consumer has gone, or the node is taken out of use |
pub(crate) struct Outlet<T, E> {
    state: Cell<OutletState>,
    /// There while the outlet is consumed.
    sink: Cell<Option<Rc<dyn Sink<T, E>>>>,
    /// There while the outlet is settled.
    outcome: Cell<Option<Outcome<T, E>>>,
}

/// What stands at an outlet.
pub(crate) enum Consumer<T, E> {
    /// A sink that waits for the outcome.
    Waits(Rc<dyn Sink<T, E>>),
    /// Nothing yet.
    ToCome,
    /// Nothing any more.
    Gone,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum OutletState {
    /// The outcome is handed over, or the consumer has gone.
    Done,
    /// Neither outcome nor consumer.
    Open,
    /// A consumer waits for the outcome.
    Consumed,
    /// An outcome waits for a consumer.
    Settled,
    /// No outcome will come. A consumer is not held, since nothing would release it.
    Never,
}

impl<T, E> Outlet<T, E> {
    const fn in_state(state: OutletState) -> Outlet<T, E> {
        Outlet { state: Cell::new(state), sink: Cell::new(None), outcome: Cell::new(None) }
    }

    /// Makes an outlet with neither outcome nor consumer.
    pub(crate) fn new() -> Outlet<T, E> {
        Outlet::in_state(OutletState::Open)
    }

    /// Makes an outlet that is not in use.
    pub(crate) fn unused() -> Outlet<T, E> {
        Outlet::in_state(OutletState::Done)
    }
}

impl<T: 'static, E: Reason> Outlet<T, E> {
    /// Takes an outlet that is not in use into use; tells whether it was.
    pub(crate) fn open(&self) -> bool {
        let unused = self.state.get() == OutletState::Done;
        if unused {
            self.state.set(OutletState::Open);
        }
        unused
    }

    /// As [`Outlet::open`], where the outlet is known not to be in use.
    pub(crate) fn open_unused(&self) {
        debug_assert!(self.is_abandoned(), "the outlet is not in use");
        self.state.set(OutletState::Open);
    }

    /// Hands the outcome to `sink`, now or when it is there.
    pub(crate) fn subscribe(&self, sink: Rc<dyn Sink<T, E>>) {
        if self.state.get() != OutletState::Open {
            return self.subscribe_slow(sink);
        }
        self.state.set(OutletState::Consumed);
        put(&self.sink, sink);
    }

    /// As [`Outlet::subscribe`], where the outcome is there already, or will never come.
    #[cold]
    fn subscribe_slow(&self, sink: Rc<dyn Sink<T, E>>) {
        match self.state.get() {
            OutletState::Never => strand(sink, Stranded::Never),
            OutletState::Settled => {
                self.state.set(OutletState::Done);
                sink.settle(self.outcome.take().expect("a settled outlet has an outcome"));
            }
            _ => unreachable!("a promise is consumed once"),
        }
    }

    /// Hands the outcome over, or keeps it for a consumer to come. Where the consumer has cancelled the
    /// chain, the outcome is dropped; `owner` says where the node was made.
    pub(crate) fn settle(&self, outcome: Outcome<T, E>, owner: &dyn Owner) {
        let Some(sink) = self.sink.take() else { return self.settle_slow(outcome, owner) };
        self.state.set(OutletState::Done);
        sink.settle(outcome);
    }

    /// As [`Outlet::settle`], and runs the handler that waits for the outcome.
    pub(crate) fn settle_and_run(&self, outcome: Outcome<T, E>, owner: &dyn Owner) {
        let Some(sink) = self.sink.take() else { return self.settle_slow(outcome, owner) };
        self.state.set(OutletState::Done);
        sink.settle_and_run(outcome);
    }

    /// As [`Outlet::settle`], where no consumer waits: most are there before.
    #[cold]
    fn settle_slow(&self, outcome: Outcome<T, E>, owner: &dyn Owner) {
        if self.state.get() != OutletState::Open {
            return discard(outcome, owner.origin());
        }
        self.state.set(OutletState::Settled);
        put(&self.outcome, outcome);
    }

    /// Gives the consumer away: it turns to another node from now on.
    pub(crate) fn give_away(&self) -> Consumer<T, E> {
        if let Some(sink) = self.sink.take() {
            self.state.set(OutletState::Done);
            return Consumer::Waits(sink);
        }
        if self.state.get() == OutletState::Open { Consumer::ToCome } else { Consumer::Gone }
    }

    /// Takes an outlet out of use.
    pub(crate) fn clear(&mut self, origin: Origin<'_>) {
        if self.state.get() != OutletState::Done {
            self.state.set(OutletState::Done);
            self.discard_remains(origin);
        }
    }

    /// Tells whether a consumer waits for the outcome.
    pub(crate) fn is_consumed(&self) -> bool {
        self.state.get() == OutletState::Consumed
    }

    /// Tells whether what waits for the outcome is a handler.
    pub(crate) fn is_consumed_by_handler(&self) -> bool {
        let sink = self.sink.take();
        let runs = sink.as_ref().is_some_and(|sink| sink.runs_a_handler());
        self.sink.set(sink);
        runs
    }

    /// Tells whether nothing waits for an outcome any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.state.get() == OutletState::Done
    }

    /// Tells whether `sink` consumes this outlet.
    pub(crate) fn is_consumed_by(&self, sink: *const ()) -> bool {
        let own = self.sink.take();
        let consumed = own.as_ref().is_some_and(|own| Rc::as_ptr(own).cast() == sink);
        self.sink.set(own);
        consumed
    }

    /// Tells whether the outcome is still to come.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.state.get(), OutletState::Open | OutletState::Consumed | OutletState::Never)
    }

    /// The consumer has gone: lets go of what waits here, and reports a rejection that is not handled.
    pub(crate) fn abandon(&self, handled: bool, origin: Origin<'_>) {
        self.state.set(OutletState::Done);
        discard_if_any(self.sink.take(), origin);
        let_go(self.outcome.take(), handled, origin);
    }

    /// No outcome will come: hands the consumer to the walk, or sees to the one to come.
    pub(crate) fn strand(
        &self,
        why: Stranded,
        owner: &dyn Owner,
        next: &mut Vec<Rc<dyn Downstream>>,
    ) {
        match self.give_away() {
            Consumer::Waits(sink) => next.push(sink),
            Consumer::ToCome if why == Stranded::Never => self.state.set(OutletState::Never),
            Consumer::ToCome => match Rejection::of(Fault::Cancelled, owner.origin()) {
                Some(rejection) => self.settle(Err(rejection), owner),
                None => self.state.set(OutletState::Never),
            },
            Consumer::Gone => {}
        }
    }

    /// As [`Outlet::strand`], where no walk is under way.
    pub(crate) fn strand_all(&self, why: Stranded, owner: &dyn Owner) {
        let mut next = Vec::new();
        self.strand(why, owner, &mut next);
        strand_all(next, why);
    }
}

impl<T: 'static, E: 'static> Outlet<T, E> {
    /// Tells whether something is left when the node is freed.
    pub(crate) fn has_remains(&self) -> bool {
        matches!(self.state.get(), OutletState::Consumed | OutletState::Settled)
    }

    /// Drops what is left when the node is freed or taken out of use.
    pub(crate) fn discard_remains(&mut self, origin: Origin<'_>) {
        discard_if_any(self.sink.take(), origin);
        discard_if_any(self.outcome.take(), origin);
    }
}

/// Puts a value in a place that is empty.
pub(crate) fn put<T>(place: &Cell<Option<T>>, value: T) {
    if let Some(before) = place.replace(Some(value)) {
        occupied(before);
    }
}

/// Ends a `put` in a place that is not empty. Apart, so that [`put`] has nothing to unwind.
#[cold]
fn occupied<T>(before: T) -> ! {
    drop(before);
    panic!("the origin is not empty");
}
