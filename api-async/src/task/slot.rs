//! The slot of a task: the job that the loop queues, used again by the next task.
//!
//! The executor, the ready queue and the handle that may join the task share a slot. While the future is
//! polled, nothing but the future itself is borrowed. How a task ends is in `ending.rs`.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use loop_core::{Job, LocalWake};

use crate::task::about::About;
use crate::task::current::Polling;
use crate::task::erased::ErasedFuture;
use crate::task::loop_tasks::LoopTasks;
use crate::task::report::Payload;
use crate::task::waker::TaskWaker;

/// How far the task of a slot has come; [`Slot`] has the transitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The slot holds no task.
    Vacant,
    /// The task waits to be polled: in the ready queue, or until it is woken.
    Waiting,
    /// It is being polled.
    Polled,
    /// It was aborted while it was polled, and ends when the poll returns.
    Aborting,
    /// It has ended, and its output was not taken yet.
    Ended,
    /// It has panicked; the message is kept for the join.
    Panicked,
    /// It was aborted.
    Aborted,
}

/// The place of a task.
///
/// ```text
///              1                       3
///   Vacant ────────► Waiting ─────────────────────► Polled ────┐
///     ▲               2 ↺  ▲                         2 ↺ │     │ 6
///     │                 │  └───────────── 4 ─────────────┤     ▼
///     │                 │ 5                              │  Aborting
///     │                 ▼                                │   │    │
///     │              Aborted ◄───────────── 7 ───────────┼───┘    │
///     │                 │                              8 │        │ 9
///     │ 10              │        Ended ◄─────────────────┤        │
///     │                 │          │                   9 │        │
///     │                 │          │      Panicked ◄─────┴────────┘
///     └─────────────────┴──────────┴─────────┘
/// ```
///
/// 1. A task is spawned: [`Slot::fill`], which queues the slot; on a loop that is closing, 5 follows.
/// 2. The task is woken, and queued unless it is in the queue: [`Slot::wake`] for a waker, and
///    [`LocalWake::mark_woken`] for a socket of the loop. A task that is woken while it is polled is polled
///    once more.
/// 3. The loop has come to the slot in its queue: [`Slot::run`](Job::run). From here on the task is not
///    queued.
/// 4. The poll has returned `Pending`: `Slot::go_on`.
/// 5. The task is aborted, by its handle, the end of a run or the close of its loop: [`Slot::abort`].
///    The future is dropped when the end is known.
/// 6. The same from within its own poll: `Slot::abort`, which leaves the future to the poll.
/// 7. The poll of an aborted task has returned: `Slot::poll_returned` drops the future.
/// 8. The poll has returned `Ready`: `Slot::poll_returned`.
/// 9. The poll has panicked: `Slot::panicked` reports it.
/// 10. The task was joined ([`Task`](crate::Task)'s `poll`), or has ended detached (`Slot::report`):
///     [`Slot::release`] gives the slot to the next task.
///
/// A slot may be in the queue when its task has ended: an entry of the queue carries the task's
/// number, and `run` passes over one of another task, or of a task that does not wait.
pub(crate) struct Slot {
    /// What the task shares with the others of its loop.
    pub(crate) loop_tasks: Rc<LoopTasks>,
    /// Knows the slot's row, and is shared with every waker of the task.
    pub(crate) task_waker: Arc<TaskWaker>,
    /// The same waker in the form that futures are given, so that a poll makes none.
    waker: Waker,
    /// Tells the task from the next one in the slot, and from all others of the thread.
    number: Cell<u64>,
    /// How far the task has come.
    pub(super) phase: Cell<Phase>,
    /// Whether the task is in the ready queue: several wakes are one poll.
    queued: Cell<bool>,
    /// Whether the task can no longer be joined: it gives up the slot itself then.
    pub(super) detached: Cell<bool>,
    /// Whether the row of the waker is this slot's: the next task may have both then.
    has_row: Cell<bool>,
    /// The future, then its output. Borrowed while it is polled: what aborts the task meanwhile leaves it
    /// to the poll (6).
    pub(super) future: RefCell<Option<Pin<Box<dyn ErasedFuture>>>>,
    /// Wakes the task that joins this one.
    pub(super) joiner: Cell<Option<Waker>>,
    /// What reports and dumps tell of the task.
    pub(crate) about: About,
}

impl Slot {
    /// Makes an empty slot in a row of the table.
    pub(crate) fn new(loop_tasks: Rc<LoopTasks>, row: usize) -> Slot {
        let task_waker = Arc::new(TaskWaker::new(row, loop_tasks.handle.remote()));
        Slot {
            loop_tasks,
            waker: task_waker.clone().into(),
            task_waker,
            number: Cell::new(0),
            phase: Cell::new(Phase::Vacant),
            queued: Cell::new(false),
            detached: Cell::new(false),
            has_row: Cell::new(true),
            future: RefCell::default(),
            joiner: Cell::default(),
            about: About::new(),
        }
    }

    /// Tells whether no waker of an earlier task is about, so that the next one may have the slot.
    pub(crate) fn is_unique(&self) -> bool {
        // The slot's own two.
        Arc::strong_count(&self.task_waker) == 2
    }

    /// Notes that the row is another slot's, or no slot's any more.
    pub(crate) fn lose_row(&self) {
        self.has_row.set(false);
    }

    /// Takes a task in, and queues it unless the loop is closing.
    pub(crate) fn fill(
        self: &Rc<Self>,
        number: u64,
        future: Pin<Box<dyn ErasedFuture>>,
        spawned_at: &'static Location<'static>,
    ) {
        self.number.set(number);
        self.phase.set(Phase::Waiting);
        self.queued.set(false);
        self.detached.set(false);
        self.future.replace(Some(future));
        self.about.begin(spawned_at);
        self.loop_tasks.began();
        if self.loop_tasks.handle.is_closing() {
            self.abort();
        } else {
            self.queue();
        }
    }

    /// Notes that the slot holds no task any more: no handle is its task's.
    pub(super) fn vacate(&self) {
        self.phase.set(Phase::Vacant);
        self.number.set(0);
    }

    /// Lets the next task have the slot.
    pub(super) fn give_row_back(&self) {
        if self.has_row.get() {
            self.loop_tasks.free_row(self.task_waker.row());
        }
    }

    /// Returns the number of the task that the slot holds now; 0 if it holds none.
    pub(crate) fn number(&self) -> u64 {
        self.number.get()
    }

    /// Tells whether the slot is one of a loop.
    pub(crate) fn is_of(&self, loop_tasks: &Rc<LoopTasks>) -> bool {
        Rc::ptr_eq(&self.loop_tasks, loop_tasks)
    }

    /// Tells whether `waker` is the slot's own.
    pub(crate) fn is_woken_by(&self, waker: &Waker) -> bool {
        self.waker.will_wake(waker)
    }

    /// Returns how far the task has come.
    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Tells whether the task is in the ready queue.
    pub(crate) fn is_queued(&self) -> bool {
        self.queued.get()
    }

    /// Tells whether the task has yet to end.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.phase.get(), Phase::Waiting | Phase::Polled | Phase::Aborting)
    }

    /// Queues the task, if it is not queued already.
    pub(crate) fn wake(self: &Rc<Self>) {
        if self.mark_woken().is_some() {
            self.queue();
        }
    }

    fn queue(self: &Rc<Self>) {
        self.queued.set(true);
        self.loop_tasks.handle.queue(self.clone(), self.number.get());
    }

    /// Polls the future. What is borrowed for that, and what is noted of it, ends within, by a panic as well.
    #[inline]
    fn poll(&self) -> Result<Poll<()>, Payload> {
        catch_unwind(AssertUnwindSafe(|| {
            let mut future = self.future.borrow_mut();
            let future = future.as_mut().expect("a waiting task has its future");
            let _polling = Polling::begin(self.task_waker.row(), &self.about.waits);
            future.as_mut().poll(&mut Context::from_waker(&self.waker))
        }))
    }

    /// Goes on with the task when its poll has returned.
    #[inline]
    fn go_on(self: &Rc<Self>, polled: Result<Poll<()>, Payload>) {
        match polled {
            Ok(Poll::Pending) if self.phase.get() == Phase::Polled => {
                self.phase.set(Phase::Waiting);
            }
            Ok(_) => self.poll_returned(),
            Err(payload) => self.panicked(payload),
        }
    }
}

impl LocalWake for Slot {
    fn mark_woken(&self) -> Option<u64> {
        self.about.wakes.set(self.about.wakes.get().wrapping_add(1));
        (!self.queued.replace(true)).then(|| self.number.get())
    }
}

impl Job for Slot {
    fn run(self: Rc<Self>, number: u64) {
        if self.number.get() != number {
            // The task has ended since it was queued.
            return;
        }
        self.queued.set(false);
        if self.phase.get() != Phase::Waiting {
            return;
        }
        self.phase.set(Phase::Polled);
        self.about.polls.set(self.about.polls.get().wrapping_add(1));
        match self.loop_tasks.watch.get() {
            None => self.go_on(self.poll()),
            Some(threshold) => self.go_on(self.watched(threshold, || self.poll())),
        }
    }

    fn kind(&self) -> &'static str {
        "task"
    }
}
