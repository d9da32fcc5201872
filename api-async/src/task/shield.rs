//! Shields: tasks that go on for a while when what awaits them is cancelled.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use loop_core::LoopHandle;

use crate::task::{Task, TaskError, TaskOutput, spawn};

/// A task that outlives what awaits it, by a limit at most; see [`shield`].
#[must_use = "dropping a shield begins its limit"]
pub struct Shield<T: 'static> {
    /// Gone when the shield is dropped: the task goes on without it.
    task: Option<Task<T>>,
    /// How long the task may go on then.
    limit: Duration,
}

/// Begins a task that goes on when what awaits it is cancelled, but no longer than `limit` from
/// then on, or from the moment when its run comes to its end.
///
/// The task is awaited as any other. Dropping the [`Shield`] that this returns begins the limit; a
/// task that is not done by then is aborted, and the loop's exception handler is told.
///
/// asyncio: `shield`, but with a bound. trio: `CancelScope(shield=True, deadline=...)`.
#[track_caller]
pub fn shield<F>(handle: &LoopHandle, limit: Duration, future: F) -> Shield<F::Output>
where
    F: Future<Output: TaskOutput + 'static> + 'static,
{
    let task = spawn(handle, future);
    task.set_shield(limit);
    Shield { task: Some(task), limit }
}

impl<T: 'static> Future for Shield<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, TaskError>> {
        let task = self.task.as_mut().expect("a shield has its task until it is dropped");
        Pin::new(task).poll(cx)
    }
}

impl<T: 'static> Drop for Shield<T> {
    fn drop(&mut self) {
        let Some(task) = self.task.take().filter(|task| !task.is_finished()) else { return };
        if task.handle().is_closing() {
            return;
        }
        task.detach_for(self.limit);
    }
}

impl<T: 'static> fmt::Debug for Shield<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shield").field("limit", &self.limit).finish_non_exhaustive()
    }
}
