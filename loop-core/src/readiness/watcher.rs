//! A callback that watches a descriptor, or a signal.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::Rc;

use crate::core::LoopHandle;
use crate::job::Job;
use crate::readiness::descriptors::Watching;
use crate::report::running::Work;

/// A callback that runs again and again, until it is cancelled.
pub(crate) struct Watcher {
    handle: LoopHandle,
    /// Whose work it is, and where it was added, for the report of its failure.
    work: Work,
    added_at: &'static Location<'static>,
    /// Out of its cell while it runs.
    callback: RefCell<Option<Box<dyn FnMut()>>>,
    cancelled: Cell<bool>,
}

impl Watcher {
    /// Makes a watcher that calls `callback`.
    pub(crate) fn new(
        handle: LoopHandle,
        work: Work,
        added_at: &'static Location<'static>,
        callback: impl FnMut() + 'static,
    ) -> Rc<Watcher> {
        let callback: Box<dyn FnMut()> = Box::new(callback);
        let callback = RefCell::new(Some(callback));
        Rc::new(Watcher { handle, work, added_at, callback, cancelled: Cell::new(false) })
    }
}

impl Watching for Watcher {
    fn cancel(&self) {
        self.cancelled.set(true);
    }
}

impl Job for Watcher {
    fn run(self: Rc<Self>, _part: u64) {
        if self.cancelled.get() {
            return;
        }
        let Some(mut callback) = self.callback.take() else { return };
        let core = &self.handle.core;
        core.runs(self.work, self.added_at);
        let outcome = catch_unwind(AssertUnwindSafe(&mut callback));
        if !self.cancelled.get() {
            self.callback.replace(Some(callback));
        } else {
            // Before the unwinding goes on: a destructor that panics meanwhile ends the process.
            core.guard(|| drop(callback));
        }
        if let Err(payload) = outcome {
            resume_unwind(payload);
        }
    }

    fn kind(&self) -> &'static str {
        "watcher"
    }
}
