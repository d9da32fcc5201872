//! What the tasks of one loop have in common.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::Duration;

use loop_core::LoopHandle;

/// The tasks of one loop, as far as they are one thing.
pub(crate) struct Executor {
    pub(crate) handle: LoopHandle,
    /// The rows of the thread's table whose slots are this loop's and hold no task.
    pub(crate) free: RefCell<Vec<usize>>,
    /// How many tasks have yet to end.
    pub(crate) live: Cell<usize>,
    /// Whom to wake when so few tasks, or fewer, have yet to end.
    low_water: Cell<usize>,
    waits_for_low: Cell<Option<Waker>>,
    /// What is too long for a poll, if polls are watched.
    pub(crate) watch: Cell<Option<Duration>>,
}

impl Executor {
    /// Makes the executor of a loop.
    pub(crate) fn new(handle: &LoopHandle) -> Executor {
        Executor {
            handle: handle.clone(),
            free: RefCell::default(),
            live: Cell::new(0),
            low_water: Cell::new(0),
            waits_for_low: Cell::default(),
            watch: Cell::new(None),
        }
    }

    /// A task has ended.
    pub(crate) fn ended(&self) {
        let live = self.live.get() - 1;
        self.live.set(live);
        if live <= self.low_water.get() {
            self.waits_for_low.take().into_iter().for_each(Waker::wake);
        }
    }

    /// Ends when no more than `count` tasks have yet to end.
    pub(crate) async fn low(&self, count: usize) {
        let _forgets = Forgets(self);
        self.low_water.set(count);
        poll_fn(|cx| {
            if self.live.get() <= count {
                return Poll::Ready(());
            }
            drop(self.waits_for_low.replace(Some(cx.waker().clone())));
            Poll::Pending
        })
        .await;
    }
}

/// Forgets who waited for the tasks to end, when it waits no more.
struct Forgets<'a>(&'a Executor);

impl Drop for Forgets<'_> {
    fn drop(&mut self) {
        drop(self.0.waits_for_low.take());
    }
}
