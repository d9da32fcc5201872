//! Tasks: futures that the loop drives on their own.
//!
//! To be read in this order: `spawn` and the handle here; `executor.rs`, which gives the future a slot;
//! `slot.rs`, which the loop runs, and `ending.rs`; `task_cell.rs`, what a slot holds. What one may pass
//! over: `loop_tasks.rs` and `about.rs` (counts), `report.rs`, `panics.rs` and `dropping.rs` (what is done
//! where a destructor or a waker panics). Built on tasks: tokens, shields, groups, scopes, a whole run.

mod about;
pub(crate) mod current;
mod dropping;
mod ending;
mod erased;
pub(crate) mod executor;
pub(crate) mod group;
pub(crate) mod inspect;
mod loop_tasks;
pub(crate) mod panics;
pub(crate) mod parts;
mod report;
pub(crate) mod run;
pub(crate) mod scope;
pub(crate) mod scoped;
pub(crate) mod shield;
mod slot;
mod slow;
mod task_cell;
pub(crate) mod token;
mod waker;
pub(crate) mod yielding;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use loop_core::{EventLoop, LoopHandle, RunError};

use crate::task::current::Inside;
use crate::task::slot::{Phase, Slot};
use crate::task::task_cell::TaskCell;

/// A task that was spawned; awaiting it joins the task.
///
/// Dropping it lets the task run on, as [`Task::detach`] does; a failure is reported then.
///
/// ```
/// let sum = api_async::run(async |handle| {
///     let task = api_async::spawn_infallible(&handle, async { 20 + 22 });
///     task.await.unwrap()
/// });
/// assert_eq!(sum.unwrap(), 42);
/// ```
///
/// asyncio: `Task`, but it does not die with its last reference.
#[must_use = "a task that is not joined is to be detached"]
pub struct Task<T> {
    /// The task's place, which may be another task's when this one was joined.
    slot: Rc<Slot>,
    /// Tells the task from the next one in the slot.
    number: u64,
    /// The slot has the output without its type.
    output: PhantomData<fn() -> T>,
}

/// Why a task has no output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskError {
    /// It was aborted, or its loop was closed.
    Aborted,
    /// It panicked, with this message; the loop's exception handler was told.
    Panicked(String),
}

/// What a task may end with: something that can say whether it is a failure.
pub trait TaskOutput {
    /// Says what went wrong, if something did.
    fn failure(&self) -> Option<String>;
}

impl TaskOutput for () {
    fn failure(&self) -> Option<String> {
        None
    }
}

impl<T, E: fmt::Debug> TaskOutput for Result<T, E> {
    fn failure(&self) -> Option<String> {
        self.as_ref().err().map(|error| format!("{error:?}"))
    }
}

/// Runs a future on the loop, from its next turn on.
///
/// asyncio: `create_task`.
#[track_caller]
pub fn spawn<F>(handle: &LoopHandle, future: F) -> Task<F::Output>
where
    F: Future<Output: TaskOutput> + 'static,
{
    spawn_judged(handle, future, TaskOutput::failure, Location::caller())
}

/// Runs a future whose output cannot be a failure, and may be of any type. [`spawn`] takes what can say
/// whether it is one: Rust has no function that takes both.
///
/// ```
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let task = api_async::spawn_infallible(&event_loop.handle(), async { 42 });
/// assert_eq!(api_async::run_until_complete(&mut event_loop, task).unwrap(), Ok(42));
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn spawn_infallible<F: Future + 'static>(handle: &LoopHandle, future: F) -> Task<F::Output> {
    spawn_judged(handle, future, |_| None, Location::caller())
}

fn spawn_judged<F: Future + 'static>(
    handle: &LoopHandle,
    future: F,
    failure: fn(&F::Output) -> Option<String>,
    spawned_at: &'static Location<'static>,
) -> Task<F::Output> {
    let cell = Box::pin(TaskCell::Running(future, failure));
    let slot = executor::insert(handle, cell, spawned_at);
    Task { number: slot.number(), slot, output: PhantomData }
}

/// Runs the loop until `future` has ended, and returns its output.
///
/// # Errors
/// As [`EventLoop::run_until_complete`]; a panic of the future is reported to the loop's exception
/// handler and ends the run as abandoned.
///
/// # Panics
/// In a task, and in a callback while this crate runs a loop on the thread: the outer loop would
/// stand, and what is awaited might never come. Await the future there, or spawn it.
///
/// asyncio: `run_until_complete`.
#[track_caller]
pub fn run_until_complete<F>(event_loop: &mut EventLoop, future: F) -> Result<F::Output, RunError>
where
    F: Future + 'static,
{
    if let Err(inside) = current::refuse_inside() {
        panic!("run_until_complete: {inside}");
    }
    let _inside = Inside::enter();
    // A report of its panic names the program's line, and not the closure's below.
    let (handle, spawned_at) = (event_loop.handle(), Location::caller());
    event_loop.run_until_complete(|completer| {
        let main = async { completer.complete(future.await) };
        spawn_judged(&handle, main, |_| None, spawned_at).detach();
    })
}

impl<T> Task<T> {
    /// Returns the handle of the task's loop.
    pub fn handle(&self) -> &LoopHandle {
        &self.slot.loop_tasks.handle
    }

    /// Drops the task's future, so that it goes no further; tells whether it was still to end.
    ///
    /// A task that aborts itself ends when its poll returns.
    pub fn abort(&self) -> bool {
        self.is_mine() && self.slot.abort()
    }

    /// Gives the task a name, for reports and dumps.
    pub fn named(self, name: impl Into<String>) -> Task<T> {
        if self.is_mine() {
            self.slot.about.rare(|rare| rare.name = Some(name.into()));
        }
        self
    }

    /// Returns the task's name, if it has one and has yet to be joined.
    pub fn name(&self) -> Option<String> {
        self.slot.about.name().filter(|_| self.is_mine())
    }

    /// Tells whether the task has ended: joining it takes no time then.
    pub fn is_finished(&self) -> bool {
        !self.is_mine() || !self.slot.is_live()
    }

    /// Lets the end of a run wait for the task, for so long.
    pub(crate) fn set_shield(&self, limit: Duration) {
        self.slot.about.rare(|rare| rare.shield = Some(limit));
    }

    /// Lets the task run on its own, for so long.
    pub(crate) fn detach_for(self, limit: Duration) {
        self.slot.abort_late(limit);
    }

    /// Tells whether the slot is this task's still: it was not joined, and its loop was not closed.
    fn is_mine(&self) -> bool {
        self.slot.number() == self.number
    }

    /// Lets the task run on its own. A failure is reported to the loop's exception handler.
    pub fn detach(self) {
        drop(self);
    }
}

impl<T: 'static> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, TaskError>> {
        if !self.is_mine() {
            return Poll::Ready(Err(TaskError::Aborted));
        }
        let Some(phase) = self.slot.join(cx.waker()) else { return Poll::Pending };
        let (left, rare) = self.slot.release();
        Poll::Ready(match phase {
            Phase::Ended => {
                let mut output = None::<T>;
                let mut ended = left.expect("a task that has ended has its output");
                ended.as_mut().take_output(&mut output);
                Ok(output.expect("an output is taken once"))
            }
            Phase::Panicked => {
                let message = rare.and_then(|rare| rare.panicked);
                Err(TaskError::Panicked(message.unwrap_or_default()))
            }
            _ => Err(TaskError::Aborted),
        })
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if self.is_mine() {
            self.slot.detach();
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("number", &self.number).finish_non_exhaustive()
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskError::Aborted => f.write_str("the task was aborted"),
            TaskError::Panicked(message) => write!(f, "the task panicked: {message}"),
        }
    }
}

impl Error for TaskError {}
