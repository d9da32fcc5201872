//! Waking what waits at a socket: through the ready queue, or by a waker, which may be anybody's code.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use crate::core::Core;
use crate::readiness::direction::Direction;
use crate::readiness::signs::Signs;
use crate::readiness::waiters::{LeftOver, Readiness};

impl Core {
    /// Queues or wakes what is parked.
    pub(crate) fn release(self: &Rc<Self>, readiness: &Readiness, direction: Direction) {
        if !readiness.queue(direction, &self.ready) {
            self.wake(readiness, direction);
        }
    }

    /// Wakes the task that waits, and keeps it for the next time.
    #[cold]
    fn wake(self: &Rc<Self>, readiness: &Readiness, direction: Direction) {
        let Some(task) = readiness.take_task(direction) else { return };
        // The place is empty, nothing is borrowed. If the waker panics, it is not dropped while that
        // unwinds: a destructor that panics then ends the process.
        let woken = catch_unwind(AssertUnwindSafe(|| task.wake()));
        let goes = readiness.keep_task(direction, task);
        self.guard(|| drop(goes));
        if let Err(payload) = woken {
            resume_unwind(payload);
        }
    }

    /// Queues or wakes what waited for the news that [`Readiness::fire`] has left over.
    #[cold]
    pub(crate) fn release_left_over(self: &Rc<Self>, readiness: &Readiness, news: LeftOver) {
        for direction in news.directions() {
            self.release(readiness, direction);
        }
    }

    /// Queues or wakes what waits for `signs` of a socket, which come from the loop itself. The table
    /// must not be borrowed.
    pub(crate) fn announce(self: &Rc<Self>, readiness: Rc<Readiness>, signs: Signs) {
        self.collect();
        self.with(readiness, |readiness| {
            if let Some(news) = readiness.fire(signs, &self.ready) {
                self.release_left_over(readiness, news);
            }
        });
    }
}
