//! Groups: tasks of the loop that one owner joins as they end, and that end with it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::{FuturesUnordered, Stream, StreamExt};
use loop_core::LoopHandle;

use crate::task::{Task, TaskError, TaskOutput, spawn};

/// Tasks that are joined in the order of their ending; as a [`Stream`] it is one of their outcomes.
///
/// Dropping the group aborts the tasks that it has. Unlike the children of a [`scope`](crate::scope()) they
/// run on their own, do not borrow, and a failure of one leaves the others alone.
///
/// ```
/// use api_async::{TaskGroup, run_until_complete};
///
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let sum = run_until_complete(&mut event_loop, async move {
///     let mut group = TaskGroup::new(&handle);
///     for n in 1..=3 {
///         group.spawn(async move { Ok::<_, std::io::Error>(n) });
///     }
///     let mut sum = 0;
///     while let Some(ended) = group.join_next().await {
///         sum += ended.unwrap().unwrap();
///     }
///     sum
/// });
/// assert_eq!(sum.unwrap(), 6);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Limits
/// An outcome stays in the group until it is joined: one that lives long is to be joined all along. KJ:
/// `TaskSet`. tokio: `JoinSet`.
#[must_use = "dropping a group aborts its tasks"]
pub struct TaskGroup<T> {
    /// Where the tasks run.
    handle: LoopHandle,
    /// Those that were not joined.
    tasks: FuturesUnordered<Task<T>>,
}

impl<T: TaskOutput + 'static> TaskGroup<T> {
    /// Makes a group without tasks.
    pub fn new(handle: &LoopHandle) -> TaskGroup<T> {
        TaskGroup { handle: handle.clone(), tasks: FuturesUnordered::new() }
    }

    /// Runs a future on the loop, from its next turn on.
    #[track_caller]
    pub fn spawn(&mut self, future: impl Future<Output = T> + 'static) {
        self.tasks.push(spawn(&self.handle, future));
    }

    /// Has the outcome of the next task that ends, or that has ended; `None` if the group has no task.
    /// Cancel-safe: what was not returned is still in the group.
    pub async fn join_next(&mut self) -> Option<Result<T, TaskError>> {
        self.tasks.next().await
    }
}

impl<T> TaskGroup<T> {
    /// Aborts every task; returns how many were still to end. They are joined as aborted.
    pub fn abort_all(&self) -> usize {
        self.tasks.iter().filter(|task| task.abort()).count()
    }

    /// Returns how many tasks there are that were not joined.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Tells whether there is no task that was not joined.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }
}

impl<T: TaskOutput + 'static> Stream for TaskGroup<T> {
    type Item = Result<T, TaskError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.tasks.poll_next_unpin(cx)
    }
}

impl<T> Drop for TaskGroup<T> {
    fn drop(&mut self) {
        self.abort_all();
    }
}

impl<T> fmt::Debug for TaskGroup<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup").field("tasks", &self.len()).finish_non_exhaustive()
    }
}
