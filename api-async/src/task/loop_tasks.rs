//! What the tasks of one loop have in common.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::Duration;

use loop_core::{LoopHandle, Spares};

/// The tasks of one loop, as far as they are one thing; each slot refers to it.
pub(crate) struct LoopTasks {
    /// The loop that runs the tasks, and that is told of their failures.
    pub(crate) handle: LoopHandle,
    /// The rows whose slots hold no task: the next tasks go there, and allocate no slot.
    free_rows: RefCell<Spares<usize>>,
    /// How many tasks have yet to end; the end of a run waits until there is but its own.
    live: Cell<usize>,
    /// The waker below is woken when so few tasks, or fewer, have yet to end.
    low_water: Cell<usize>,
    /// Wakes the end of a run; only one run at a time ends on a loop.
    waits_for_low: Cell<Option<Waker>>,
    /// What is too long for a poll, if polls are watched: that reads the clock twice a poll.
    pub(crate) watch: Cell<Option<Duration>>,
}

impl LoopTasks {
    /// Makes what the tasks of a loop share, before there is one.
    pub(crate) fn new(handle: &LoopHandle) -> LoopTasks {
        LoopTasks {
            handle: handle.clone(),
            free_rows: RefCell::default(),
            live: Cell::new(0),
            low_water: Cell::new(0),
            waits_for_low: Cell::default(),
            watch: Cell::new(None),
        }
    }

    /// Takes a row whose slot holds no task.
    pub(crate) fn take_free_row(&self) -> Option<usize> {
        self.free_rows.borrow_mut().take()
    }

    /// Notes that the slot of a row holds no task any more.
    pub(crate) fn free_row(&self, row: usize) {
        self.free_rows.borrow_mut().keep(row);
    }

    /// Takes a row whose slot no task of a window of turns has needed.
    pub(crate) fn take_surplus_row(&self) -> Option<usize> {
        self.free_rows.borrow_mut().take_surplus()
    }

    /// Notes that a task has begun.
    pub(crate) fn began(&self) {
        self.live.set(self.live.get() + 1);
    }

    /// Notes that a task has ended.
    pub(crate) fn ended(&self) {
        let live = self.live.get() - 1;
        self.live.set(live);
        if live <= self.low_water.get() {
            self.waits_for_low.take().into_iter().for_each(Waker::wake);
        }
    }

    /// Ends when no more than `count` tasks have yet to end.
    pub(crate) async fn until_at_most(&self, count: usize) {
        let _forgets = ForgetsWaker(self);
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

/// Drops the waker of [`LoopTasks::until_at_most`] when that is cancelled.
struct ForgetsWaker<'a>(&'a LoopTasks);

impl Drop for ForgetsWaker<'_> {
    fn drop(&mut self) {
        drop(self.0.waits_for_low.take());
    }
}
