//! How a task ends: it is aborted, has panicked, or has its output; then it is joined or reported.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Waker;

use loop_core::{Abort, panic_message};

use crate::task::about::{Rare, describe};
use crate::task::current::{self, Wait};
use crate::task::dropping;
use crate::task::erased::ErasedFuture;
use crate::task::report::{self, Payload, context};
use crate::task::slot::{Phase, Slot};

/// What a task has left: its output, and what few tasks have.
pub(crate) type Left = (Option<Pin<Box<dyn ErasedFuture>>>, Option<Box<Rare>>);

impl Slot {
    /// Takes the task's end, if it has come; else `waker` is woken when it comes.
    pub(crate) fn join(self: &Rc<Self>, waker: &Waker) -> Option<Phase> {
        if self.is_live() {
            current::wait(Wait::Joining);
            // Cloned and dropped outside every borrow: a waker may be user code.
            let joiner = match self.joiner.take() {
                Some(joiner) if joiner.will_wake(waker) => joiner,
                _ => waker.clone(),
            };
            drop(self.joiner.replace(Some(joiner)));
        }
        // Dropping a waker may have aborted the task.
        (!self.is_live()).then(|| self.phase.get())
    }

    /// Gives up the slot: the next task may have it. Returns what the task has left.
    pub(crate) fn release(self: &Rc<Self>) -> Left {
        let left = (self.future.take(), self.about.rare.take());
        self.vacate();
        self.forget_joiner();
        self.give_row_back();
        left
    }

    /// Lets the task end without being joined; a failure is reported then.
    pub(crate) fn detach(self: &Rc<Self>) {
        self.detached.set(true);
        if self.is_live() {
            self.forget_joiner();
        } else {
            self.report();
        }
    }

    /// Drops the task's future, now or when its poll returns; tells whether it was still to end.
    pub(crate) fn abort(self: &Rc<Self>) -> bool {
        match self.phase.get() {
            Phase::Waiting => {
                self.end_aborted();
                true
            }
            Phase::Polled => {
                self.phase.set(Phase::Aborting);
                true
            }
            _ => false,
        }
    }

    /// Ends a task that was aborted.
    fn end_aborted(self: &Rc<Self>) {
        let (tasks, spawned_at) = (self.loop_tasks.clone(), self.about.spawned_at.get());
        let future = self.future.take();
        self.end(Phase::Aborted);
        // Last, since its destructor is user code: by then the end is known.
        future.into_iter().for_each(|future| dropping::discard(future, &tasks.handle, spawned_at));
    }

    /// Goes on when a poll has returned and the task does not just go on waiting.
    #[cold]
    pub(super) fn poll_returned(self: &Rc<Self>) {
        match self.phase.get() {
            Phase::Aborting => self.end_aborted(),
            _ => self.end(Phase::Ended),
        }
    }

    /// Ends a task that has panicked. The loop is told; a task that joins gets the message.
    #[cold]
    pub(super) fn panicked(self: &Rc<Self>, payload: Payload) {
        let future = self.future.take();
        let (tasks, spawned_at) = (self.loop_tasks.clone(), self.about.spawned_at.get());
        let message = panic_message(&*payload).to_owned();
        let context = context(format!("a task panicked: {message}"), spawned_at);
        self.about.rare(|rare| rare.panicked = Some(message));
        self.end(Phase::Panicked);
        let told = match payload.is::<Abort>() {
            true => Err(payload),
            false => {
                report::discard_payload(payload);
                catch_unwind(AssertUnwindSafe(|| tasks.handle.report(&context)))
            }
        };
        future.into_iter().for_each(|future| dropping::discard(future, &tasks.handle, spawned_at));
        // The task, or the exception handler, asks to leave the run.
        if let Err(payload) = told {
            resume_unwind(payload);
        }
    }

    /// Notes that the task has ended, and wakes the task that joins it.
    fn end(self: &Rc<Self>, phase: Phase) {
        self.phase.set(phase);
        if self.about.polls.get() == 0 {
            self.report_never_polled();
        }
        self.about.cancel_late();
        if let Some(joiner) = self.joiner.take() {
            self.call_user("a waker panicked", || joiner.wake());
        }
        self.loop_tasks.ended();
        if self.detached.get() {
            self.report();
        }
    }

    /// Reports the failure of a task that was detached, and gives up the slot.
    fn report(self: &Rc<Self>) {
        let (ended, tasks) = (self.phase.get() == Phase::Ended, self.loop_tasks.clone());
        let (spawned_at, name) = (self.about.spawned_at.get(), self.about.name());
        let (future, _rare) = self.release();
        let Some(future) = future else { return };
        if let Some(failure) = failure(&*future).filter(|_| ended) {
            let message = format!("{} failed and was not joined: {failure}", describe(name));
            report::tell(&tasks.handle, &context(message, spawned_at));
        }
        dropping::discard(future, &tasks.handle, spawned_at);
    }

    /// Drops the waker of the task that waited for the end.
    fn forget_joiner(&self) {
        if let Some(joiner) = self.joiner.take() {
            self.call_user("a waker's destructor panicked", || drop(joiner));
        }
    }

    /// Calls user code; a panic is told to the loop and goes no further.
    fn call_user(&self, what: &str, code: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(code)) {
            let place = Some(self.about.spawned_at.get());
            report::tell_panic(&self.loop_tasks.handle, what, payload, place);
        }
    }
}

/// Says what an output has failed with. To say it is user code, and may panic itself.
fn failure(future: &dyn ErasedFuture) -> Option<String> {
    catch_unwind(AssertUnwindSafe(|| future.failure())).unwrap_or_else(|payload| {
        let message = format!("an error that cannot be shown: {}", panic_message(&*payload));
        report::discard_payload(payload);
        Some(message)
    })
}
