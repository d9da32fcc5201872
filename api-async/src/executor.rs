//! The table of a loop's tasks, and the wakers that find their way back to it.
//!
//! The table is one job of the loop. A task is queued as a part of it: a wake on the loop's thread
//! allocates nothing and counts no reference of the task.

use std::any::Any;
use std::cell::RefCell;
use std::mem;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use loop_core::{Abort, Job, LoopHandle, Remote, panic_message};
use slab::Slab;

use crate::state::{Cell, Stage, TaskId};

/// How many wakers of tasks that have ended are kept for the next ones.
const FREE_WAKERS_MAX: usize = 64;

/// The tasks of one loop.
pub(crate) struct Executor {
    handle: LoopHandle,
    rows: RefCell<Slab<Row>>,
    free_wakers: RefCell<Vec<Arc<TaskWaker>>>,
    /// How many tasks there were, which tells a task from the next one in its row.
    generation: std::cell::Cell<u32>,
}

/// A task.
struct Row {
    id: TaskId,
    stage: Stage,
    task_waker: Arc<TaskWaker>,
    /// The same waker in the form that futures are given; out of its place while one is polled.
    waker: Option<Waker>,
    /// Who awaits the task.
    joiner: Option<Waker>,
    /// Nobody can join the task any more.
    detached: bool,
    /// The task was aborted while it was polled.
    aborted: bool,
    spawned_at: &'static Location<'static>,
}

/// Queues a task.
struct TaskWaker {
    loop_id: u64,
    id: TaskId,
    /// Whether the task is in the ready queue. Used on the loop's thread alone.
    queued: AtomicBool,
    /// Whether another thread has asked for the task to be queued.
    submitted: AtomicBool,
    remote: Remote,
}

thread_local! {
    /// The executors of this thread, by the number of their loop.
    static EXECUTORS: RefCell<Vec<(u64, Rc<Executor>)>> = const { RefCell::new(Vec::new()) };
}

impl Executor {
    /// Returns the executor of a loop; the first call makes it.
    pub(crate) fn of(handle: &LoopHandle) -> Rc<Executor> {
        let id = handle.id();
        if let Some(executor) = of_this_thread(id, Rc::clone) {
            return executor;
        }
        let executor = Rc::new(Executor {
            handle: handle.clone(),
            rows: RefCell::default(),
            free_wakers: RefCell::default(),
            generation: std::cell::Cell::new(0),
        });
        if !handle.is_closing() {
            EXECUTORS.with_borrow_mut(|executors| executors.push((id, executor.clone())));
            let closing = executor.clone();
            handle.on_close(move || closing.close());
        }
        executor
    }

    /// Returns the handle of the executor's loop.
    pub(crate) fn handle(&self) -> &LoopHandle {
        &self.handle
    }

    /// Takes a task in and queues it. A loop that is closing drops it, as aborted.
    pub(crate) fn insert(
        self: &Rc<Self>,
        cell: Pin<Box<dyn Cell>>,
        spawned_at: &'static Location<'static>,
    ) -> TaskId {
        let mut rows = self.rows.borrow_mut();
        let entry = rows.vacant_entry();
        let generation = self.generation.get().wrapping_add(1);
        self.generation.set(generation);
        let id = TaskId::new(entry.key(), generation);
        let task_waker = self.waker_for(id);
        entry.insert(Row {
            id,
            stage: Stage::Waiting(cell),
            waker: Some(task_waker.clone().into()),
            task_waker: task_waker.clone(),
            joiner: None,
            detached: false,
            aborted: false,
            spawned_at,
        });
        drop(rows);
        if self.handle.is_closing() {
            self.abort(id);
        } else {
            task_waker.queue(self);
        }
        id
    }

    /// Makes a waker for a task, of one that another left behind if nobody else holds that.
    fn waker_for(&self, id: TaskId) -> Arc<TaskWaker> {
        let mut recycled = self.free_wakers.borrow_mut().pop();
        if let Some(task_waker) = recycled.as_mut().and_then(Arc::get_mut) {
            task_waker.id = id;
            *task_waker.queued.get_mut() = false;
            *task_waker.submitted.get_mut() = false;
        } else {
            recycled = None;
        }
        recycled.unwrap_or_else(|| {
            Arc::new(TaskWaker {
                loop_id: self.handle.id(),
                id,
                queued: AtomicBool::new(false),
                submitted: AtomicBool::new(false),
                remote: self.handle.remote(),
            })
        })
    }

    /// Takes the task's end, if it has come; else `waker` is woken when it comes.
    pub(crate) fn join(&self, id: TaskId, waker: &Waker) -> Option<Stage> {
        let mut rows = self.rows.borrow_mut();
        // A loop that was closed has dropped its tasks.
        let Some(row) = rows.get_mut(id.row()).filter(|row| row.id == id) else {
            return Some(Stage::Aborted);
        };
        if matches!(row.stage, Stage::Waiting(_) | Stage::Polled) {
            // Cloned and dropped outside the borrow: a waker may be anybody's code.
            let before = row.joiner.take();
            drop(rows);
            let joiner = match before {
                Some(joiner) if joiner.will_wake(waker) => joiner,
                _ => waker.clone(),
            };
            return self.set_joiner(id, joiner);
        }
        let row = rows.remove(id.row());
        drop(rows);
        Some(self.recycle(row))
    }

    /// Keeps the waker of who awaits a task; takes the task's end if that came meanwhile.
    fn set_joiner(&self, id: TaskId, joiner: Waker) -> Option<Stage> {
        let mut rows = self.rows.borrow_mut();
        let row = rows.get_mut(id.row()).filter(|row| row.id == id);
        let Some(row) = row.filter(|row| matches!(row.stage, Stage::Waiting(_) | Stage::Polled))
        else {
            drop(rows);
            return self.join(id, &joiner);
        };
        let before = row.joiner.replace(joiner);
        drop(rows);
        drop(before);
        None
    }

    /// Lets a task end without being joined; a failure is reported then.
    pub(crate) fn detach(&self, id: TaskId) {
        let mut rows = self.rows.borrow_mut();
        let Some(row) = rows.get_mut(id.row()).filter(|row| row.id == id) else { return };
        row.detached = true;
        let ended = !matches!(row.stage, Stage::Waiting(_) | Stage::Polled);
        let row = ended.then(|| rows.remove(id.row()));
        drop(rows);
        if let Some(row) = row {
            self.report(row);
        }
    }

    /// Drops a task's future, now or when its poll returns; tells whether it was still to end.
    pub(crate) fn abort(&self, id: TaskId) -> bool {
        let mut rows = self.rows.borrow_mut();
        let Some(row) = rows.get_mut(id.row()).filter(|row| row.id == id) else { return false };
        match row.stage {
            Stage::Waiting(_) => {}
            Stage::Polled => return !mem::replace(&mut row.aborted, true),
            _ => return false,
        }
        drop(rows);
        self.end(id, Stage::Aborted);
        true
    }

    /// Puts a task's end in the place of its future, and wakes who awaits it.
    fn end(&self, id: TaskId, end: Stage) {
        let mut rows = self.rows.borrow_mut();
        let Some(row) = rows.get_mut(id.row()).filter(|row| row.id == id) else {
            drop(rows);
            return drop(end);
        };
        let future = mem::replace(&mut row.stage, end);
        let joiner = row.joiner.take();
        let row = row.detached.then(|| rows.remove(id.row()));
        drop(rows);
        if let Some(joiner) = joiner {
            joiner.wake();
        }
        if let Some(row) = row {
            self.report(row);
        }
        // Last, since its destructor may panic: by then everybody knows of the end.
        drop(future);
    }

    /// Reports the failure of a task that nobody joined.
    fn report(&self, row: Row) {
        let spawned_at = row.spawned_at;
        let Stage::Ended(cell) = self.recycle(row) else { return };
        if let Some(failure) = cell.failure() {
            let message = format!("a task failed and nobody joined it: {failure}");
            self.handle.report(&loop_core::Context::new(message).created_at(spawned_at));
        }
    }

    /// Keeps the waker of a row that was removed, and returns how its task ended.
    fn recycle(&self, row: Row) -> Stage {
        drop(row.waker);
        let mut free = self.free_wakers.borrow_mut();
        if free.len() < FREE_WAKERS_MAX {
            free.push(row.task_waker);
        }
        row.stage
    }

    /// Drops all tasks; their futures may be anybody's code, so nothing is borrowed.
    fn close(&self) {
        let rows = self.rows.take();
        let _ = EXECUTORS.try_with(|executors| {
            executors.borrow_mut().retain(|(id, _)| *id != self.handle.id());
        });
        for (_, mut row) in rows {
            let joiner = row.joiner.take();
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(row)));
            // Who joins from another loop has to hear of the end.
            joiner.into_iter().for_each(Waker::wake);
            if let Err(payload) = dropped {
                let message = format!("a task's destructor panicked: {}", panic_message(&*payload));
                self.handle.report(&loop_core::Context::new(message));
            }
        }
    }
}

impl Job for Executor {
    fn run(self: Rc<Self>, part: u64) {
        let id = TaskId::of_part(part);
        let mut rows = self.rows.borrow_mut();
        let Some(row) = rows.get_mut(id.row()).filter(|row| row.id == id) else { return };
        row.task_waker.queued.store(false, Ordering::Relaxed);
        let (mut cell, waker) = match mem::replace(&mut row.stage, Stage::Polled) {
            Stage::Waiting(cell) => (cell, row.waker.take().expect("a waiting task has a waker")),
            // It has ended since it was queued.
            stage => return row.stage = stage,
        };
        drop(rows);
        let mut cx = Context::from_waker(&waker);
        let polled = catch_unwind(AssertUnwindSafe(|| cell.as_mut().poll(&mut cx)));
        let mut rows = self.rows.borrow_mut();
        let row = rows.get_mut(id.row()).filter(|row| row.id == id);
        let aborted = match row {
            Some(row) => {
                row.waker = Some(waker);
                if let (Ok(Poll::Pending), false) = (&polled, row.aborted) {
                    row.stage = Stage::Waiting(cell);
                    return;
                }
                row.aborted
            }
            // The loop was closed by the task itself, which goes with the others.
            None => true,
        };
        drop(rows);
        match polled {
            Ok(_) if aborted => {
                self.end(id, Stage::Aborted);
                drop(cell);
            }
            Ok(_) => self.end(id, Stage::Ended(cell)),
            Err(payload) => self.panicked(id, payload),
        }
    }

    fn kind(&self) -> &'static str {
        "task"
    }
}

impl Executor {
    /// Ends a task that has panicked. The loop hears of it; who joins the task hears the message.
    fn panicked(&self, id: TaskId, payload: Box<dyn Any + Send>) {
        let message = panic_message(&*payload).to_owned();
        let rows = self.rows.borrow();
        let spawned_at = rows.get(id.row()).filter(|row| row.id == id).map(|row| row.spawned_at);
        drop(rows);
        self.end(id, Stage::Panicked(message.clone()));
        if payload.is::<Abort>() {
            resume_unwind(payload);
        }
        let mut context = loop_core::Context::new(format!("a task panicked: {message}"));
        context.scheduled_at = spawned_at;
        self.handle.report(&context);
    }
}

impl TaskWaker {
    /// Queues the task, if it is not queued already.
    fn queue(&self, executor: &Rc<Executor>) {
        // Only the loop's thread reads or writes the flag: no read-modify-write is needed.
        if !self.queued.load(Ordering::Relaxed) {
            self.queued.store(true, Ordering::Relaxed);
            executor.handle.queue(executor.clone(), self.id.part());
        }
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if of_this_thread(self.loop_id, |executor| self.queue(executor)).is_some() {
            return;
        }
        if !self.submitted.swap(true, Ordering::AcqRel) {
            let task_waker = self.clone();
            // A closed loop has no task left to wake.
            let _ = self.remote.call_soon_threadsafe(move |_handle| {
                task_waker.submitted.swap(false, Ordering::AcqRel);
                of_this_thread(task_waker.loop_id, |executor| task_waker.queue(executor));
            });
        }
    }
}

/// Gives `see` the executor of a loop, if that loop is this thread's.
fn of_this_thread<R>(loop_id: u64, see: impl FnOnce(&Rc<Executor>) -> R) -> Option<R> {
    EXECUTORS
        .try_with(|executors| {
            let executors = executors.borrow();
            executors.iter().find(|(id, _)| *id == loop_id).map(|(_, executor)| see(executor))
        })
        .ok()
        .flatten()
}
