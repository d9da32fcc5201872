//! Several panics, of which one can go on.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use crate::task::dropping;
use crate::task::executor;
use crate::task::report::{self, Payload};

/// The first panic of several; the loop of the task that is polled or dropped is told of the others.
#[derive(Default)]
pub(crate) struct Panics(Option<Payload>);

impl Panics {
    /// Does `work`, and takes note of its panic.
    pub(crate) fn catch(&mut self, work: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(work)) {
            self.note(payload);
        }
    }

    /// Takes note of a panic.
    pub(crate) fn note(&mut self, payload: Payload) {
        match self.0 {
            None => self.0 = Some(payload),
            Some(_) => lost(payload),
        }
    }

    /// Drops each item on its own.
    pub(crate) fn drop_each<T>(&mut self, items: impl IntoIterator<Item = T>) {
        items.into_iter().for_each(|item| self.catch(|| drop(item)));
    }

    /// Returns the first panic.
    pub(crate) fn take(&mut self) -> Option<Payload> {
        self.0.take()
    }

    /// Tells of the first panic as of the others: something else goes on.
    pub(crate) fn tell(self) {
        self.0.into_iter().for_each(lost);
    }

    /// Goes on with the first panic. A thread that unwinds already can only tell of it.
    pub(crate) fn resume(self) {
        match self.0 {
            None => {}
            Some(payload) if thread::panicking() => lost(payload),
            Some(payload) => resume_unwind(payload),
        }
    }
}

/// Tells of a panic that cannot go on, since another one does.
fn lost(payload: Payload) {
    let polled = || executor::polled().map(|slot| slot.loop_tasks.handle.clone());
    match dropping::dropping_for().or_else(polled) {
        Some(handle) => report::tell_panic(&handle, "a panic that went no further", payload, None),
        // No task is concerned, so that no loop is known; the panic hook has told of it.
        None => report::discard_payload(payload),
    }
}

/// Does `work`, in a destructor: its panic goes on, unless the thread unwinds already.
pub(crate) fn in_drop(work: impl FnOnce()) {
    let mut panics = Panics::default();
    panics.catch(work);
    panics.resume();
}
