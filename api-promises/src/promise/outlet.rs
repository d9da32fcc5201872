//! Where an outcome waits for its consumer, and what nodes and consumers know of each other.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;

use loop_core::LoopHandle;

use super::rejection::{Outcome, Rejection, lose};
use super::release::{Place, discard, discard_if_any, strand, strand_all};
use super::walk::{Downstream, Stranded, Upstream};
use super::{Fault, Reason};

/// What a promise names.
pub(crate) trait Node<T, E>: Upstream {
    /// Hands the outcome to `sink`, now or when it is there.
    fn subscribe(&self, sink: Rc<dyn Sink<T, E>>);

    /// Returns the handle of the node's loop.
    fn handle(&self) -> &LoopHandle;

    /// Returns where the promise was made.
    fn created_at(&self) -> &'static Location<'static>;

    /// Tells whether the outcome is still to come.
    fn is_pending(&self) -> bool;

    /// Makes a panic of this node a plain rejection.
    fn catch_panics(&self) {}
}

/// Who consumes an outcome. A sink keeps what it is given and queues itself, or wakes a task: no
/// handler runs in its methods.
pub(crate) trait Sink<T, E>: Downstream {
    /// Takes the outcome.
    fn settle(self: Rc<Self>, outcome: Outcome<T, E>);

    /// Takes the outcome of a shared promise. Who is one itself adds its own consumers to `next`, so that
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

/// Who gives up an operation whose promise was dropped.
pub(crate) trait Cancel {
    /// Gives up the operation in this part.
    fn cancel(&self, part: u64);

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
    fn place(&self) -> Place<'_>;
}

/// The end of a node at which its consumer stands.
///
/// Sink and outcome have places of their own beside the state, so that a change of state moves
/// nothing and drops nothing.
pub(crate) struct Outlet<T, E> {
    state: Cell<State>,
    /// There while the outlet is consumed.
    sink: Cell<Option<Rc<dyn Sink<T, E>>>>,
    /// There while the outlet is settled.
    outcome: Cell<Option<Outcome<T, E>>>,
}

/// Who stands at an outlet.
pub(crate) enum Consumer<T, E> {
    /// A sink that waits for the outcome.
    Waits(Rc<dyn Sink<T, E>>),
    /// Nobody yet.
    ToCome,
    /// Nobody any more.
    Gone,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The outcome is handed over, or the consumer has gone.
    Done,
    /// Neither outcome nor consumer.
    Open,
    /// A consumer waits for the outcome.
    Consumed,
    /// An outcome waits for a consumer.
    Settled,
    /// No outcome will come. A consumer is not held, since nobody would release it.
    Never,
}

impl<T, E> Outlet<T, E> {
    const fn in_state(state: State) -> Outlet<T, E> {
        Outlet { state: Cell::new(state), sink: Cell::new(None), outcome: Cell::new(None) }
    }

    /// Makes an outlet with neither outcome nor consumer.
    pub(crate) fn new() -> Outlet<T, E> {
        Outlet::in_state(State::Open)
    }

    /// Makes an outlet that is not in use.
    pub(crate) fn unused() -> Outlet<T, E> {
        Outlet::in_state(State::Done)
    }
}

impl<T: 'static, E: Reason> Outlet<T, E> {
    /// Takes an outlet that is not in use into use; tells whether it was.
    #[inline(always)]
    pub(crate) fn open(&self) -> bool {
        let unused = self.state.get() == State::Done;
        if unused {
            self.state.set(State::Open);
        }
        unused
    }

    /// As [`Outlet::open`], where the outlet is known not to be in use.
    #[inline]
    pub(crate) fn open_unused(&self) {
        debug_assert!(self.is_abandoned(), "the outlet is not in use");
        self.state.set(State::Open);
    }

    /// Hands the outcome to `sink`, now or when it is there.
    #[inline(always)]
    pub(crate) fn subscribe(&self, sink: Rc<dyn Sink<T, E>>) {
        if self.state.get() == State::Open {
            self.state.set(State::Consumed);
            return put(&self.sink, sink);
        }
        self.serve(sink);
    }

    /// Hands a sink what is there already.
    fn serve(&self, sink: Rc<dyn Sink<T, E>>) {
        match self.state.get() {
            State::Never => strand(sink, Stranded::Never),
            State::Settled => {
                self.state.set(State::Done);
                sink.settle(self.outcome.take().expect("a settled outlet has an outcome"));
            }
            _ => unreachable!("a promise is consumed once"),
        }
    }

    /// Hands the outcome over, or keeps it for a consumer to come. Where nobody waits, since the
    /// consumer has cancelled the chain, it is dropped; `owner` says where the node was made.
    #[inline(always)]
    pub(crate) fn settle(&self, outcome: Outcome<T, E>, owner: &dyn Owner) {
        let Some(sink) = self.sink.take() else { return self.keep(outcome, owner) };
        self.state.set(State::Done);
        sink.settle(outcome);
    }

    /// Keeps an outcome for a consumer to come. Out of line: most consumers are there before.
    #[inline(never)]
    fn keep(&self, outcome: Outcome<T, E>, owner: &dyn Owner) {
        if self.state.get() != State::Open {
            return discard(outcome, owner.place());
        }
        self.state.set(State::Settled);
        put(&self.outcome, outcome);
    }

    /// Gives the consumer away, to whom it will turn from now on.
    #[inline(always)]
    pub(crate) fn give_away(&self) -> Consumer<T, E> {
        if let Some(sink) = self.sink.take() {
            self.state.set(State::Done);
            return Consumer::Waits(sink);
        }
        if self.state.get() == State::Open { Consumer::ToCome } else { Consumer::Gone }
    }

    /// Takes an outlet out of use.
    #[inline]
    pub(crate) fn clear(&mut self, place: Place<'_>) {
        if self.state.get() != State::Done {
            self.state.set(State::Done);
            self.discard_remains(place);
        }
    }

    /// Tells whether a consumer waits for the outcome.
    pub(crate) fn is_consumed(&self) -> bool {
        self.state.get() == State::Consumed
    }

    /// Tells whether nobody waits for an outcome any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.state.get() == State::Done
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
        matches!(self.state.get(), State::Open | State::Consumed | State::Never)
    }

    /// The consumer has gone: lets go of what waits here, and reports a rejection.
    pub(crate) fn abandon(&self, place: Place<'_>) {
        self.state.set(State::Done);
        discard_if_any(self.sink.take(), place);
        if let Some(outcome) = self.outcome.take() {
            lose(outcome, place);
        }
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
            Consumer::ToCome if why == Stranded::Never => self.state.set(State::Never),
            Consumer::ToCome => match Rejection::of(Fault::Cancelled, owner.place()) {
                Some(rejection) => self.settle(Err(rejection), owner),
                None => self.state.set(State::Never),
            },
            Consumer::Gone => {}
        }
    }

    /// As [`Outlet::strand`], where no walk is under way.
    #[cold]
    pub(crate) fn strand_all(&self, why: Stranded, owner: &dyn Owner) {
        let mut next = Vec::new();
        self.strand(why, owner, &mut next);
        strand_all(next, why);
    }
}

impl<T: 'static, E: 'static> Outlet<T, E> {
    /// Tells whether something is left when the node is freed.
    #[inline]
    pub(crate) fn has_remains(&self) -> bool {
        matches!(self.state.get(), State::Consumed | State::Settled)
    }

    /// Drops what is left when the node is freed or taken out of use.
    #[cold]
    pub(crate) fn discard_remains(&mut self, place: Place<'_>) {
        discard_if_any(self.sink.take(), place);
        discard_if_any(self.outcome.take(), place);
    }
}

/// Puts a value in a place that is empty.
#[inline]
pub(crate) fn put<T>(place: &Cell<Option<T>>, value: T) {
    let before = place.replace(Some(value));
    // Asked of what lay there, the assertion leaves nothing to drop.
    assert!(before.is_none(), "the place is empty");
}
