//! A whole run: a loop made for one future, and its end in good order.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use futures::executor::block_on as park_until;
use loop_core::{Cancelled, Context, Elapsed, EventLoop, LoopHandle, RunError};

use crate::bridges::{Resume, suspend};
use crate::task::current::{self, InsideLoop};
use crate::task::executor;
use crate::task::inspect::info;
use crate::task::loop_tasks::LoopTasks;
use crate::task::report;
use crate::task::slot::{Phase, Slot};
use crate::task::token::CancellationToken;
use crate::task::{Task, TaskError, run_until_complete, spawn_infallible};
use crate::within::within;

/// How a program runs, and how long its end may take.
///
/// ```
/// use std::time::Duration;
///
/// let runner = api_async::Runner { interrupts: false, ..Default::default() };
/// let slept = runner.run(async |handle| {
///     api_async::sleep(&handle, Duration::from_millis(1)).await;
///     "rested"
/// });
/// assert_eq!(slept.unwrap(), "rested");
/// ```
///
/// asyncio: `Runner`.
#[derive(Clone, Debug)]
pub struct Runner {
    /// How long the end of the run waits for what is shielded, and then for the threads of the
    /// executor.
    pub shutdown: Duration,
    /// Whether the first `SIGINT` cancels the main future and the second ends the process.
    pub interrupts: bool,
}

/// Why a run has no output.
#[derive(Debug)]
pub enum RunFailed {
    /// A `SIGINT` has cancelled the main future.
    Interrupted,
    /// A loop of this crate runs on the thread already.
    Nested(InsideLoop),
    /// The main future panicked, with this message.
    Panicked(String),
    /// The loop could not be made, or was stopped.
    Loop(RunError),
}

/// Makes a loop, runs `main` on it until it has ended, and ends the rest in good order; see
/// [`Runner::run`].
///
/// # Errors
/// As [`Runner::run`].
///
/// asyncio: `run`.
#[track_caller]
pub fn run<T: 'static>(main: impl AsyncFnOnce(LoopHandle) -> T + 'static) -> Result<T, RunFailed> {
    Runner::default().run(main)
}

/// Blocks the thread until a future has ended that needs no loop of this thread.
///
/// To run a future *on* a loop is [`run_until_complete`] or [`run`].
///
/// # Errors
/// [`InsideLoop`] where a loop of this crate runs on the thread.
pub fn block_on<F: Future>(future: F) -> Result<F::Output, InsideLoop> {
    current::refuse_inside().map(|()| park_until(future))
}

impl Default for Runner {
    /// Returns a bound of ten seconds; interrupts are handled.
    fn default() -> Runner {
        Runner { shutdown: Duration::from_secs(10), interrupts: true }
    }
}

impl Runner {
    /// Makes a loop, runs `main` on it until it has ended, and ends the rest in good order:
    ///
    /// 1. Every task that is left is aborted: its future is dropped, and with it the streams and
    ///    timers that it owns. What is [shielded](crate::shield) is waited for, within its limit and
    ///    [`Runner::shutdown`].
    /// 2. What has not stopped by then is reported to the exception handler, and aborted.
    /// 3. The executor takes no more work, and its threads are waited for, within the same bound. What
    ///    still runs is reported.
    /// 4. The loop is closed.
    ///
    /// # Errors
    /// When `main` was interrupted or panicked, or the loop failed; all of the end is done even then.
    /// In a task, or in another run of this crate on the thread, which this one would stop.
    #[track_caller]
    pub fn run<T: 'static>(
        &self,
        main: impl AsyncFnOnce(LoopHandle) -> T + 'static,
    ) -> Result<T, RunFailed> {
        current::refuse_inside().map_err(RunFailed::Nested)?;
        let mut event_loop = EventLoop::new()?;
        self.run_on(&mut event_loop, main)
    }

    /// Runs `main` on a loop that was made before, as [`Runner::run`] does, and closes it.
    ///
    /// # Errors
    /// As [`Runner::run`].
    #[track_caller]
    pub fn run_on<T: 'static>(
        &self,
        event_loop: &mut EventLoop,
        main: impl AsyncFnOnce(LoopHandle) -> T + 'static,
    ) -> Result<T, RunFailed> {
        current::refuse_inside().map_err(RunFailed::Nested)?;
        let handle = event_loop.handle();
        let interrupted = CancellationToken::new();
        if self.interrupts {
            let cancels = interrupted.clone();
            handle.on_interrupt(move || cancels.cancel())?;
        }
        let given = handle.clone();
        let task = spawn_infallible(&handle, async move { main(given).await }).named("main");
        let outcome = run_until_complete(event_loop, end_of(task, interrupted));
        let shutdown = self.shutdown;
        let finished = run_until_complete(event_loop, async move {
            end_tasks(&handle, shutdown).await;
            end_executor(&handle, shutdown).await;
        });
        event_loop.close();
        let output = outcome??;
        finished?;
        Ok(output)
    }
}

/// Joins the main task; cancels it when that is asked for.
async fn end_of<T: 'static>(
    mut main: Task<T>,
    interrupted: CancellationToken,
) -> Result<T, RunFailed> {
    match interrupted.guard(&mut main).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(TaskError::Panicked(message))) => Err(RunFailed::Panicked(message)),
        Ok(Err(TaskError::Aborted)) => Err(RunFailed::Loop(RunError::Abandoned)),
        Err(Cancelled) => {
            main.abort();
            Err(RunFailed::Interrupted)
        }
    }
}

/// Aborts all tasks but the one that calls, and waits for those that are shielded.
async fn end_tasks(handle: &LoopHandle, limit: Duration) {
    let tasks = executor::loop_tasks(handle);
    for slot in others(&tasks) {
        match slot.about.shield() {
            Some(shield) => slot.abort_late(shield),
            None => drop(slot.abort()),
        }
    }
    if let Err(Elapsed) = within(handle, limit, tasks.until_at_most(1)).await {
        for slot in others(&tasks) {
            let message = format!("did not stop within {limit:?}, and is aborted: {}", info(&slot));
            let place = slot.about.spawned_at.get();
            report::tell(handle, &Context::new(message).created_at(place));
            slot.abort();
        }
    }
}

/// Returns the tasks that have yet to end, but for the one that is polled now.
fn others(tasks: &Rc<LoopTasks>) -> impl Iterator<Item = Rc<Slot>> + use<> {
    let waits = |slot: &Rc<Slot>| slot.phase() == Phase::Waiting;
    executor::slots(tasks).into_iter().filter(waits)
}

/// Lets the executor take no more work, and waits for its threads.
async fn end_executor(handle: &LoopHandle, limit: Duration) {
    let ended = suspend(|resume: Resume<_>| {
        handle.shutdown_default_executor(limit, |ended| resume.with(ended));
    });
    if let Ok(Err(still_running)) = ended.await {
        handle.report(&Context::new(still_running.to_string()));
    }
}

impl From<RunError> for RunFailed {
    fn from(error: RunError) -> RunFailed {
        RunFailed::Loop(error)
    }
}

impl From<io::Error> for RunFailed {
    fn from(error: io::Error) -> RunFailed {
        RunFailed::Loop(error.into())
    }
}

impl fmt::Display for RunFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunFailed::Interrupted => f.write_str("the run was interrupted"),
            RunFailed::Nested(inside) => inside.fmt(f),
            RunFailed::Panicked(message) => write!(f, "the main future panicked: {message}"),
            RunFailed::Loop(error) => error.fmt(f),
        }
    }
}

impl Error for RunFailed {}
