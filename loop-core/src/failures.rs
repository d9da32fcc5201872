//! What becomes of a failure: the exception handler hears of it, and the batch goes on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::Rc;

use crate::core::{Core, LoopHandle};
use crate::errors::{Abort, Context, panic_message};
use crate::unwinding::panic_caught;

pub(crate) type ExceptionHandler = Box<dyn FnMut(&LoopHandle, &Context)>;

/// What runs now, and where it was scheduled.
#[derive(Clone, Copy, Default)]
pub(crate) struct Running {
    work: Work,
    scheduled_at: Option<&'static Location<'static>>,
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
    fn name(self) -> &'static str {
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

impl Core {
    /// Notes whose work runs from here on.
    pub(crate) fn runs(&self, work: Work, scheduled_at: &'static Location<'static>) {
        self.running.set(Running { work, scheduled_at: Some(scheduled_at) });
    }

    /// Tells the exception handler of a panic; an [`Abort`] goes on to whoever runs the loop.
    pub(crate) fn panicked(self: &Rc<Self>, payload: Box<dyn Any + Send>) {
        if payload.is::<Abort>() {
            resume_unwind(payload);
        }
        let said = panic_message(&*payload);
        panic_caught(said);
        let message = format!("a callback panicked: {said}");
        let Running { work, scheduled_at } = self.running.take();
        self.report(&Context { message, scheduled_at, by: Some(work.name()) });
    }

    /// Runs `work`, which may be anybody's, and reports its panic; an [`Abort`] waits for
    /// [`Core::leave_if_aborted`].
    pub(crate) fn guard(self: &Rc<Self>, work: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(work)) {
            self.caught(payload);
        }
    }

    /// Reports a panic of guarded work, as [`Core::guard`] does. The handler may ask to leave too.
    #[cold]
    pub(crate) fn caught(self: &Rc<Self>, payload: Box<dyn Any + Send>) {
        self.running.take();
        let report = catch_unwind(AssertUnwindSafe(|| self.panicked(payload)));
        if report.is_err_and(|payload| payload.is::<Abort>()) {
            // While closing there is no run to leave, and the loop must not stay half closed.
            self.aborting.set(!self.closing.get());
        }
    }

    /// Leaves the run if guarded work asked for it; what came after that work is done by now.
    pub(crate) fn leave_if_aborted(&self) {
        if self.aborting.get() {
            self.aborting.set(false);
            resume_unwind(Box::new(Abort));
        }
    }

    /// Tells the exception handler of a failure. A handler that fails falls back to the default.
    pub(crate) fn report(self: &Rc<Self>, context: &Context) {
        // The handler is out of its cell while it runs, so that it may replace itself.
        let Some(mut handler) = self.exception_handler.take() else {
            return report_by_default(context);
        };
        let handle = LoopHandle { core: self.clone() };
        let outcome = catch_unwind(AssertUnwindSafe(|| handler(&handle, context)));
        // It may have replaced itself; the one that goes is dropped outside the borrow.
        let replaced = self.exception_handler.borrow().is_some();
        if !replaced {
            *self.exception_handler.borrow_mut() = Some(handler);
        }
        if let Err(payload) = outcome {
            if payload.is::<Abort>() {
                resume_unwind(payload);
            }
            let message = format!("the exception handler panicked: {}", panic_message(&*payload));
            report_by_default(&Context { message, scheduled_at: None, by: None });
            report_by_default(context);
        }
    }

    /// Puts an exception handler in the place of the one before; `None` stands for the default.
    pub(crate) fn set_exception_handler(&self, handler: Option<ExceptionHandler>) {
        let before = self.exception_handler.replace(handler);
        drop(before);
    }
}

fn report_by_default(context: &Context) {
    eprintln!("event loop: {context}");
}
