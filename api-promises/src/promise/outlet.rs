//! Where an outcome waits for its consumer, and what nodes and consumers know of each other.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;

use loop_core::{Context, LoopHandle};

use super::Reason;

/// What a consumer can walk back and cancel.
pub(crate) trait Upstream {
    /// The consumer has gone: gives up what is pending, reports a rejection that nobody took, and
    /// returns what this one consumed.
    fn abandon(self: Rc<Self>, handled: bool) -> Option<Rc<dyn Upstream>>;
}

/// What a promise names.
pub(crate) trait Node<T, E>: Upstream {
    /// Hands the outcome to `sink`, now or when it is there.
    fn subscribe(&self, sink: Rc<dyn Sink<T, E>>);

    /// Returns where the promise was made.
    fn created_at(&self) -> &'static Location<'static>;
}

/// Who consumes an outcome. A sink keeps what it is given and queues itself, or wakes a task: no
/// handler runs in its methods.
pub(crate) trait Sink<T, E> {
    /// Takes the outcome.
    fn settle(self: Rc<Self>, outcome: Result<T, E>);

    /// Learns that another node has taken the place of the one before.
    fn follow(&self, upstream: Rc<dyn Upstream>);
}

/// Who gives up an operation whose promise was dropped.
pub(crate) trait Cancel {
    /// Gives up the operation in this part.
    fn cancel(&self, part: u64);
}

/// The end of a node at which its consumer stands.
pub(crate) struct Outlet<T, E> {
    state: Cell<State<T, E>>,
    /// The rejection that waits here was reported already, as a panic.
    reported: Cell<bool>,
    created_at: &'static Location<'static>,
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

#[derive(Default)]
enum State<T, E> {
    /// Neither outcome nor consumer.
    Open,
    /// A consumer that waits for the outcome.
    Consumed(Rc<dyn Sink<T, E>>),
    /// An outcome that waits for a consumer.
    Settled(Result<T, E>),
    /// The outcome is handed over, or the consumer has gone.
    #[default]
    Done,
}

/// Walks a chain back from its consumer, which has gone.
pub(crate) fn abandon(last: Rc<dyn Upstream>) {
    walk_back(last, false);
}

/// As [`abandon`], where the last link takes every outcome: its rejection is no news.
pub(crate) fn abandon_handled(last: Rc<dyn Upstream>) {
    walk_back(last, true);
}

fn walk_back(last: Rc<dyn Upstream>, handled: bool) {
    let mut next = last.abandon(handled);
    while let Some(node) = next {
        next = node.abandon(false);
    }
}

/// Reports a rejection that nobody handled.
pub(crate) fn report<E: Reason>(
    handle: &LoopHandle,
    reason: &E,
    created_at: &'static Location<'static>,
) {
    let message = format!("a promise was rejected and nobody handled it: {reason:?}");
    handle.report(&Context::new(message).created_at(created_at));
}

impl<T, E: Reason> Outlet<T, E> {
    /// Makes an outlet with neither outcome nor consumer.
    pub(crate) fn new(created_at: &'static Location<'static>) -> Outlet<T, E> {
        Outlet { state: Cell::new(State::Open), reported: Cell::new(false), created_at }
    }

    /// Hands the outcome to `sink`, now or when it is there.
    pub(crate) fn subscribe(&self, sink: Rc<dyn Sink<T, E>>) {
        match self.state.take() {
            State::Open => self.state.set(State::Consumed(sink)),
            State::Settled(outcome) => sink.settle(outcome),
            State::Consumed(_) | State::Done => unreachable!("a promise is consumed once"),
        }
    }

    /// Hands the outcome over, or keeps it for a consumer to come.
    pub(crate) fn settle(&self, outcome: Result<T, E>) {
        match self.state.take() {
            State::Open => self.state.set(State::Settled(outcome)),
            State::Consumed(sink) => sink.settle(outcome),
            // Nobody waits: the consumer has cancelled the chain.
            State::Settled(_) | State::Done => {}
        }
    }

    /// Passes on a rejection of which the exception handler knows.
    pub(crate) fn settle_reported(&self, reason: E) {
        self.reported.set(true);
        self.settle(Err(reason));
    }

    /// Gives the consumer away, to whom it will turn from now on.
    pub(crate) fn give_away(&self) -> Consumer<T, E> {
        match self.state.take() {
            State::Consumed(sink) => Consumer::Waits(sink),
            State::Open => {
                self.state.set(State::Open);
                Consumer::ToCome
            }
            State::Settled(_) | State::Done => Consumer::Gone,
        }
    }

    /// Returns where the promise was made.
    pub(crate) fn created_at(&self) -> &'static Location<'static> {
        self.created_at
    }

    /// The consumer has gone: reports a rejection that waits here.
    pub(crate) fn abandon(&self, handle: &LoopHandle) {
        if let (State::Settled(Err(reason)), false) = (self.state.take(), self.reported.get()) {
            report(handle, &reason, self.created_at);
        }
    }
}
