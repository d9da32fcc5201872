//! What runs now, and what hears of its failure.

use std::cell::{Cell, RefCell};
use std::panic::Location;

/// The exception handler of a loop, a function of type `F`.
pub(crate) struct Handler<F> {
    /// `None` stands for the default, and while the handler runs.
    pub(crate) current: RefCell<Option<F>>,
    /// How often it was replaced: one that runs learns so whether its place is taken.
    pub(crate) changes: Cell<u64>,
}

/// What runs now, and where it was scheduled.
#[derive(Clone, Copy, Default)]
pub(crate) struct Running {
    pub(crate) work: Work,
    pub(crate) scheduled_at: Option<&'static Location<'static>>,
}

/// Whose work runs now.
#[derive(Clone, Copy, Default)]
pub(crate) enum Work {
    Call,
    Timer,
    Reader,
    Writer,
    Signal,
    Offloaded,
    /// A job says itself where it was created, if it catches its own panics.
    #[default]
    Job,
}

impl Work {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Work::Call => "a callback",
            Work::Timer => "a timer",
            Work::Reader => "a reader",
            Work::Writer => "a writer",
            Work::Signal => "a signal handler",
            Work::Offloaded => "the completion of offloaded work",
            Work::Job => "a job",
        }
    }
}

impl<F> Default for Handler<F> {
    fn default() -> Handler<F> {
        Handler { current: RefCell::new(None), changes: Cell::new(0) }
    }
}
