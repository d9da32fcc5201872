//! What runs now, and what hears of its failure.

use std::cell::{Cell, RefCell};
use std::panic::Location;

/// What a loop needs to report a failure to an exception handler of type `F`.
pub(crate) struct Reporting<F> {
    /// `None` stands for the default, and while the handler runs: it may replace itself.
    handler: RefCell<Option<F>>,
    /// How often it was replaced: one that runs learns so whether its place is taken.
    changes: Cell<u64>,
    /// What runs now, for the report if it fails.
    running: Cell<Running>,
    /// Whether more is told of what goes wrong, at some cost.
    debug: Cell<bool>,
}

/// What runs now, and where it was scheduled.
#[derive(Clone, Copy, Default)]
pub(crate) struct Running {
    /// Named in the report.
    pub(crate) work: Work,
    /// None for a job, which is queued without a place, until it says where its work began.
    pub(crate) scheduled_at: Option<&'static Location<'static>>,
}

/// What kind of work runs now.
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

impl<F> Reporting<F> {
    /// Notes what runs from here on.
    pub(crate) fn runs(&self, work: Work, scheduled_at: &'static Location<'static>) {
        self.running.set(Running { work, scheduled_at: Some(scheduled_at) });
    }

    /// Notes that a job runs from here on.
    pub(crate) fn runs_job(&self) {
        self.running.set(Running::default());
    }

    /// Notes where the work of the job that runs now began.
    pub(crate) fn job_began_at(&self, place: Option<&'static Location<'static>>) {
        self.running.set(Running { work: Work::Job, scheduled_at: place });
    }

    /// Puts what runs back, after something that ran inside it.
    pub(crate) fn runs_again(&self, running: Running) {
        self.running.set(running);
    }

    /// Takes the note of what runs, to report its failure.
    pub(crate) fn take_running(&self) -> Running {
        self.running.take()
    }

    /// Takes the exception handler out, to be called, with how often it was replaced so far.
    pub(crate) fn take_handler(&self) -> Option<(F, u64)> {
        Some((self.handler.take()?, self.changes.get()))
    }

    /// Puts a handler back that was called, unless it was replaced meanwhile; returns what goes.
    pub(crate) fn put_back(&self, handler: F, changes: u64) -> Option<F> {
        match self.changes.get() == changes {
            true => self.handler.replace(Some(handler)),
            false => Some(handler),
        }
    }

    /// Puts a handler in the place of the one before, which is returned; `None` stands for the default.
    pub(crate) fn replace_handler(&self, handler: Option<F>) -> Option<F> {
        self.changes.set(self.changes.get() + 1);
        self.handler.replace(handler)
    }

    pub(crate) fn set_debug(&self, debug: bool) {
        self.debug.set(debug);
    }

    pub(crate) fn is_debug(&self) -> bool {
        self.debug.get()
    }
}

impl<F> Default for Reporting<F> {
    fn default() -> Reporting<F> {
        Reporting {
            handler: RefCell::new(None),
            changes: Cell::new(0),
            running: Cell::default(),
            debug: Cell::new(false),
        }
    }
}
