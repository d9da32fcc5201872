//! Between async and the rest of a program: a callback's operation as a future, a task's
//! end as a callback, work that blocks on a thread, and spawning for code that only knows `futures`.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use futures::future::LocalFutureObj;
use futures::task::{LocalSpawn, SpawnError};
use loop_core::{Cancelled, LoopHandle};

use crate::task::current::{self, Wait};
use crate::task::panics::in_drop;
use crate::task::{Task, TaskError, spawn};

/// The future of [`suspend`].
#[must_use = "a future does nothing unless it is polled"]
pub struct Suspend<T, S, G> {
    /// What begins the operation; gone from the first poll on.
    start: Option<S>,
    /// What `start` returned, which is dropped with the future.
    begun: Option<Begun<T, G>>,
}

/// Ends a [`Suspend`].
///
/// Dropping it unused ends the future as cancelled.
#[must_use = "dropping it cancels the future that waits"]
pub struct Resume<T>(Weak<Cell<Awaited<T>>>);

/// Spawns futures on a loop for code that only knows the traits of `futures`.
#[derive(Clone, Debug)]
pub struct Spawner(LoopHandle);

/// An operation that was begun.
struct Begun<T, G> {
    /// Shared with the `Resume`, which holds it weakly: the future alone keeps the result.
    awaited: Rc<Cell<Awaited<T>>>,
    /// Dropped with the future, so that it can cancel the operation.
    _guard: G,
}

/// How far a callback's operation has come.
enum Awaited<T> {
    Pending(Option<Waker>),
    Ended(io::Result<T>),
}

/// Makes a future of an operation that ends with a callback: `start` begins it when the future is
/// first polled, and gives the [`Resume`] to the callback.
///
/// What `start` returns is dropped when the future is: a guard that cancels takes the cancellation
/// across; with any other value the operation goes on, and its result is dropped. An `Err` of `start`
/// has no other meaning than that it drops the `Resume`, unless that was given away.
///
/// ```
/// use api_async::{run_until_complete, suspend};
/// use std::time::Duration;
///
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let answer = run_until_complete(&mut event_loop, async move {
///     suspend(|resume| handle.call_later(Duration::from_millis(1), || resume.with(42))).await
/// });
/// assert_eq!(answer.unwrap()?, 42);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// [`Cancelled`] when the `Resume` is dropped unused.
pub fn suspend<T, S, G>(start: S) -> Suspend<T, S, G>
where
    S: FnOnce(Resume<T>) -> G,
{
    Suspend { start: Some(start), begun: None }
}

/// Runs `work`, which may block, on a thread of the loop's executor, from the first poll on.
///
/// Dropping the future does not stop the thread; what it returns is dropped then.
///
/// ```
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let length = api_async::run_until_complete(&mut event_loop, async move {
///     let work = || std::fs::read("Cargo.toml").map(|bytes| bytes.len());
///     api_async::offload(&handle, work).await?
/// });
/// assert!(length.unwrap()? > 0);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// When `work` panics or no thread can be had; [`Cancelled`] when the loop is closed first.
///
/// asyncio: `to_thread`. tokio: `spawn_blocking`, but that starts at once; see [`spawn_blocking`].
#[doc(alias = "to_thread")]
pub async fn offload<T: Send + 'static>(
    handle: &LoopHandle,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    suspend(|resume: Resume<T>| {
        if let Err(refused) = handle.run_in_executor(work, |end| resume.end(end)) {
            (refused.completion)(Err(refused.error));
        }
    })
    .await
}

/// Runs `work`, which may block, on a thread of the loop's executor, as a task.
///
/// # Errors
/// As [`offload`], in the task's output.
///
/// tokio: `spawn_blocking`.
#[track_caller]
pub fn spawn_blocking<T: Send + 'static>(
    handle: &LoopHandle,
    work: impl FnOnce() -> T + Send + 'static,
) -> Task<io::Result<T>> {
    let owned = handle.clone();
    spawn(handle, async move { offload(&owned, work).await })
}

impl<T: 'static> Task<T> {
    /// Gives the task's end to `callback`, in the loop; the task runs on its own.
    ///
    /// Aborting the task that is returned aborts both, and drops the callback.
    #[track_caller]
    pub fn on_end(self, callback: impl FnOnce(Result<T, TaskError>) + 'static) -> Task<()> {
        let handle = self.handle().clone();
        let joining = AbortOnDrop(self);
        spawn(&handle, async move {
            let mut joining = joining;
            callback((&mut joining.0).await);
        })
    }
}

/// A task that is aborted with the future that holds it.
struct AbortOnDrop<T>(Task<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T> Resume<T> {
    /// Ends the future with a value.
    pub fn with(self, value: T) {
        self.end(Ok(value));
    }

    /// Ends the future with a result of its operation.
    pub fn end(self, result: io::Result<T>) {
        settle(&self.0, result);
    }
}

impl<T> Drop for Resume<T> {
    fn drop(&mut self) {
        settle(&self.0, Err(Cancelled.into()));
    }
}

/// Ends a future that waits, if it does.
fn settle<T>(awaited: &Weak<Cell<Awaited<T>>>, result: io::Result<T>) {
    let Some(awaited) = awaited.upgrade() else { return };
    match awaited.replace(Awaited::Ended(result)) {
        Awaited::Pending(waker) => {
            // A resume may be dropped while its thread unwinds.
            in_drop(|| waker.into_iter().for_each(Waker::wake));
        }
        // The first end holds.
        ended => drop(awaited.replace(ended)),
    }
}

impl<T, S, G> Unpin for Suspend<T, S, G> {}

impl<T, S: FnOnce(Resume<T>) -> G, G> Future for Suspend<T, S, G> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if let Some(start) = self.start.take() {
            let awaited = Rc::new(Cell::new(Awaited::Pending(None)));
            let guard = start(Resume(Rc::downgrade(&awaited)));
            self.begun = Some(Begun { awaited, _guard: guard });
        }
        let begun = self.begun.as_ref().expect("a future is not polled after its end");
        match begun.awaited.replace(Awaited::Pending(None)) {
            Awaited::Pending(before) => {
                let waker = before.filter(|waker| waker.will_wake(cx.waker()));
                let waker = waker.unwrap_or_else(|| cx.waker().clone());
                begun.awaited.set(Awaited::Pending(Some(waker)));
                current::wait(Wait::Suspended);
                Poll::Pending
            }
            Awaited::Ended(result) => {
                self.begun = None;
                Poll::Ready(result)
            }
        }
    }
}

impl Spawner {
    /// Makes a spawner for a loop.
    pub fn new(handle: &LoopHandle) -> Spawner {
        Spawner(handle.clone())
    }
}

impl LocalSpawn for Spawner {
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.status_local()?;
        spawn(&self.0, future).detach();
        Ok(())
    }

    fn status_local(&self) -> Result<(), SpawnError> {
        if self.0.is_closing() { Err(SpawnError::shutdown()) } else { Ok(()) }
    }
}

impl<T, S, G> fmt::Debug for Suspend<T, S, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suspend").field("begun", &self.begun.is_some()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Resume<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resume(..)")
    }
}
