//! Tasks that take too long, or never began: they are told of, or aborted.

use std::rc::Rc;
use std::time::Duration;

use crate::task::about::describe;
use crate::task::report::{self, context};
use crate::task::slot::Slot;

impl Slot {
    /// Aborts the task after a while, if it has not ended by then, and tells the loop. A task that was
    /// cancelled before keeps the limit of that moment, which ends earlier.
    pub(crate) fn abort_late(self: &Rc<Self>, limit: Duration) {
        if self.about.ends_late() {
            return;
        }
        let late = self.clone();
        let timer = self.loop_tasks.handle.call_later(limit, move || {
            let task = describe(late.about.name());
            late.tell(format!("{task} goes on {limit:?} after it was cancelled: it is aborted"));
            late.abort();
        });
        self.about.rare(|rare| rare.late = Some(timer));
    }

    /// Polls the task by the clock, and tells when that took longer than `threshold`.
    #[cold]
    pub(super) fn watched<R>(&self, threshold: Duration, poll: impl FnOnce() -> R) -> R {
        let handle = &self.loop_tasks.handle;
        let begun = handle.time();
        let polled = poll();
        let ended = handle.time();
        self.about.since.set(Some(ended));
        let took = ended - begun;
        if took >= threshold {
            let task = describe(self.about.name());
            self.tell(format!("a poll of {task} took {took:?}: nothing else could run"));
        }
        polled
    }

    /// Tells of a task that ended before its first poll, if polls are watched.
    pub(super) fn report_never_polled(&self) {
        if self.loop_tasks.watch.get().is_some() {
            self.tell(format!("{} was never polled", describe(self.about.name())));
        }
    }

    /// Tells the loop's exception handler something of the task.
    fn tell(&self, message: String) {
        report::tell(&self.loop_tasks.handle, &context(message, self.about.spawned_at.get()));
    }
}
