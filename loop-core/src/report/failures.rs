//! What becomes of a failure: the exception handler hears of it, and the batch goes on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::thread;

use crate::handle::{ExceptionHandler, LoopHandle, LoopState};
use crate::report::errors::{Abort, Context, panic_message};
use crate::report::running::Running;
use crate::report::stderr;
use crate::report::unwinding::{drop_payload, panic_caught};

impl LoopState {
    /// Tells the exception handler of a panic; an [`Abort`] goes on to what runs the loop.
    pub(crate) fn panicked(self: &Rc<Self>, payload: Box<dyn Any + Send>) {
        let Running { work, scheduled_at } = self.reporting().take_running();
        self.tell_panic("a callback panicked", payload, scheduled_at, Some(work.name()));
    }

    /// Tells the exception handler what has panicked; an [`Abort`] goes on. The payload is gone by
    /// then: the handler may unwind, and a destructor that panics meanwhile would end the process.
    fn tell_panic(
        self: &Rc<Self>,
        what: &str,
        payload: Box<dyn Any + Send>,
        scheduled_at: Option<&'static Location<'static>>,
        by: Option<&'static str>,
    ) {
        if payload.is::<Abort>() {
            if thread::panicking() {
                // A second unwinding would end the process: the run is left when the turn ends.
                return self.ending().abort();
            }
            resume_unwind(payload);
        }
        let said = panic_message(&*payload);
        panic_caught(said);
        let message = format!("{what}: {said}");
        let thrown = drop_payload(payload);
        self.report(&Context { message, scheduled_at, by });
        if let Some(thrown) = thrown {
            let message = format!("the payload of a panic panicked in its drop: {thrown}");
            self.report(&Context { message, scheduled_at: None, by: None });
        }
    }

    /// Drops a value of a program's, and reports its panic; an [`Abort`] goes on. To be called
    /// outside of every borrow, when the loop's own state is in order.
    pub(crate) fn discard<T>(self: &Rc<Self>, value: T) {
        self.catch("a destructor panicked", || drop(value));
    }

    /// Runs work of a program's inside a call that is not to unwind for it: its
    /// panic is reported, and an [`Abort`] goes on.
    pub(crate) fn catch(self: &Rc<Self>, failure: &str, work: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(work)) {
            self.tell_panic(failure, payload, None, None);
        }
    }

    /// Runs work of a program's, and reports its panic; an [`Abort`] waits for
    /// [`LoopState::leave_if_aborted`].
    pub(crate) fn guard(self: &Rc<Self>, work: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(work)) {
            self.caught(payload);
        }
    }

    /// Reports a panic of guarded work, as [`LoopState::guard`] does. The handler may ask to leave too.
    #[cold]
    pub(crate) fn caught(self: &Rc<Self>, payload: Box<dyn Any + Send>) {
        let running = self.reporting().take_running();
        // Nothing but an `Abort` comes out of there.
        if catch_unwind(AssertUnwindSafe(|| self.panicked(payload))).is_err() {
            self.ending().abort();
        }
        // It may be part of something that runs on, and can fail as well.
        self.reporting().runs_again(running);
    }

    /// Works with a value, and drops it apart: if it were dropped by the unwinding of the work, and
    /// panicked as well, the process would end.
    pub(crate) fn with<T>(self: &Rc<Self>, value: T, work: impl FnOnce(&T)) {
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&value)));
        self.guard(|| drop(value));
        if let Err(payload) = outcome {
            resume_unwind(payload);
        }
    }

    /// Leaves the run if guarded work asked for it; what came after that work is done by now.
    pub(crate) fn leave_if_aborted(&self) {
        if self.ending().take_abort() {
            resume_unwind(Box::new(Abort));
        }
    }

    /// Tells the exception handler of a failure. A handler that fails falls back to the default.
    pub(crate) fn report(self: &Rc<Self>, context: &Context) {
        // The handler is out of its cell while it runs, so that it may replace itself.
        let Some((mut handler, changes)) = self.reporting().take_handler() else {
            return report_by_default(context);
        };
        let handle = LoopHandle { state: self.clone() };
        let outcome = catch_unwind(AssertUnwindSafe(|| handler(&handle, context)));
        let gone = self.reporting().put_back(handler, changes);
        // One that replaces itself whenever it is called would be told of its own drop for ever.
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(gone)));
        let mut abort = None;
        for (what, failed) in [("panicked", outcome), ("panicked in its drop", dropped)] {
            match failed {
                Ok(()) => {}
                Err(payload) if payload.is::<Abort>() => abort = Some(payload),
                Err(payload) => fall_back(what, context, payload),
            }
        }
        if let Some(payload) = abort {
            resume_unwind(payload);
        }
    }

    /// Puts an exception handler in the place of the one before; `None` stands for the default.
    pub(crate) fn set_exception_handler(self: &Rc<Self>, handler: Option<ExceptionHandler>) {
        let before = self.reporting().replace_handler(handler);
        self.discard(before);
    }

    /// Drops the exception handler, since the loop is closed. One that runs is not put back.
    pub(crate) fn end_exception_handler(self: &Rc<Self>) {
        let last = self.reporting().replace_handler(None);
        self.guard(|| drop(last));
    }
}

/// Tells the default handler of an exception handler that has failed, and of what it was told.
#[cold]
fn fall_back(what: &str, context: &Context, payload: Box<dyn Any + Send>) {
    let message = format!("the exception handler {what}: {}", panic_message(&*payload));
    drop_payload(payload);
    report_by_default(&Context { message, scheduled_at: None, by: None });
    report_by_default(context);
}

fn report_by_default(context: &Context) {
    stderr::print(&format!("event loop: {context}"));
}
