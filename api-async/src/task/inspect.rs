//! Inspecting the tasks of a loop: their names, what they wait for, what they did.

use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use loop_core::LoopHandle;

use crate::task::current::Wait;
use crate::task::executor;
use crate::task::slot::{Phase, Slot};

/// A task, as it is at this moment.
#[derive(Clone, Debug)]
pub struct TaskInfo {
    /// Tells the task from all others of its thread, whether they have ended or not.
    pub number: u64,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// Where it was spawned.
    pub spawned_at: &'static Location<'static>,
    /// What it does.
    pub state: TaskState,
    /// How often it was polled.
    pub polls: u32,
    /// How often it was woken; several wakes before a poll are one poll.
    pub wakes: u32,
    /// How long its last poll is ago, if polls are [watched](watch_polls).
    pub idle: Option<Duration>,
}

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// It is in the ready queue.
    Ready,
    /// It is being polled.
    Polled,
    /// It waits to be woken.
    Waits(Wait),
    /// It has ended, and was not joined yet.
    Ended,
}

/// Lists the tasks of a loop, in the order of their spawning.
///
/// ```
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// api_async::spawn(&handle, std::future::pending::<()>()).named("idler").detach();
/// event_loop.run_ready();
/// let tasks = api_async::tasks(&handle);
/// assert_eq!((tasks[0].name.as_deref(), tasks[0].polls), (Some("idler"), 1));
/// println!("{}", tasks[0]);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// asyncio: `all_tasks`, `Task.print_stack`.
pub fn tasks(handle: &LoopHandle) -> Vec<TaskInfo> {
    executor::slots(&executor::loop_tasks(handle)).iter().map(info).collect()
}

/// Returns how many slots a loop keeps for its tasks: as many as there were tasks at once, at most. The
/// next tasks use them again; those that none has used in a window of 64 turns are given back.
///
/// ```
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// for _ in 0..1_000 {
///     api_async::spawn(&handle, async {}).detach();
///     event_loop.run_ready();
/// }
/// assert_eq!(api_async::task_slots(&handle), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn task_slots(handle: &LoopHandle) -> usize {
    executor::row_count(&executor::loop_tasks(handle))
}

/// Tells the loop's exception handler of every poll that takes `threshold` or longer, and of tasks
/// that end before their first poll; `None` ends it.
///
/// While polls are watched, each reads the clock twice, and [`TaskInfo::idle`] is known.
///
/// asyncio: `slow_callback_duration`.
pub fn watch_polls(handle: &LoopHandle, threshold: Option<Duration>) {
    executor::loop_tasks(handle).watch.set(threshold);
}

/// Describes the task in a slot.
pub(crate) fn info(slot: &Rc<Slot>) -> TaskInfo {
    let (about, handle) = (&slot.about, &slot.loop_tasks.handle);
    let state = match slot.phase() {
        Phase::Polled | Phase::Aborting => TaskState::Polled,
        Phase::Waiting if slot.is_queued() => TaskState::Ready,
        Phase::Waiting => TaskState::Waits(about.waits.get()),
        Phase::Ended | Phase::Panicked | Phase::Aborted | Phase::Vacant => TaskState::Ended,
    };
    TaskInfo {
        number: slot.number(),
        name: about.name(),
        spawned_at: about.spawned_at.get(),
        state,
        polls: about.polls.get(),
        wakes: about.wakes.get(),
        idle: about.since.get().map(|since| handle.time() - since),
    }
}

impl fmt::Display for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.number)?;
        if let Some(name) = &self.name {
            write!(f, " {name:?}")?;
        }
        write!(f, ", spawned at {}: {}", self.spawned_at, self.state)?;
        if let Some(idle) = self.idle {
            write!(f, " for {idle:?}")?;
        }
        write!(f, "; {} polls, {} wakes", self.polls, self.wakes)
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskState::Ready => f.write_str("ready to run"),
            TaskState::Polled => f.write_str("running"),
            TaskState::Waits(wait) => write!(f, "waits for {wait}"),
            TaskState::Ended => f.write_str("has ended, not joined"),
        }
    }
}
