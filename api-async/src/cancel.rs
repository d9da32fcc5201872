//! Cancelling by asking: tokens that tasks look at, and shields that hold for a while.
//!
//! Dropping a future cancels it at once, and it can do nothing about it. A token asks, and whoever
//! has it may end in good order.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use event_listener::Event;
use futures::future::{Either, select};
use loop_core::{Cancelled, LoopHandle};

use crate::task::{Outcome, Task, TaskError, spawn};

/// Tells those who have it that they should end.
///
/// Clones are one token. A [child](CancellationToken::child) is cancelled with its parent, not the
/// other way round.
///
/// ```
/// let token = api_async::CancellationToken::new();
/// let child = token.child();
/// token.cancel();
/// assert!(child.is_cancelled());
/// ```
///
/// tokio-util: `CancellationToken`.
#[derive(Clone, Default)]
pub struct CancellationToken(Rc<State>);

#[derive(Default)]
struct State {
    cancelled: Cell<bool>,
    event: Event,
    children: RefCell<Vec<Weak<State>>>,
    /// Held, so that a chain of tokens is whole while somebody has its end.
    _parent: Option<Rc<State>>,
}

impl CancellationToken {
    /// Makes a token that nobody has cancelled.
    pub fn new() -> CancellationToken {
        CancellationToken::default()
    }

    /// Makes a token that is cancelled with this one.
    pub fn child(&self) -> CancellationToken {
        let parent = Some(self.0.clone());
        let child = CancellationToken(Rc::new(State { _parent: parent, ..State::default() }));
        if self.is_cancelled() {
            child.cancel();
            return child;
        }
        let mut children = self.0.children.borrow_mut();
        // Every so often those that are gone are forgotten, so that each costs little.
        if children.len() == children.capacity() {
            children.retain(|child| child.strong_count() > 0);
        }
        children.push(Rc::downgrade(&child.0));
        drop(children);
        child
    }

    /// Cancels the token and its children: who waits for that is woken.
    pub fn cancel(&self) {
        let mut states = vec![self.0.clone()];
        while let Some(state) = states.pop() {
            if !state.cancelled.replace(true) {
                state.event.notify(usize::MAX);
                states.extend(state.children.take().iter().filter_map(Weak::upgrade));
            }
        }
    }

    /// Tells whether the token is cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.get()
    }

    /// Ends when the token is cancelled. Cancel-safe.
    pub async fn cancelled(&self) {
        while !self.is_cancelled() {
            self.0.event.listen().await;
        }
    }

    /// Drives a future, but drops it when the token is cancelled.
    ///
    /// # Errors
    /// [`Cancelled`] when the token was cancelled first.
    pub async fn run<F: Future>(&self, future: F) -> Result<F::Output, Cancelled> {
        let (future, cancelled) = (pin!(future), pin!(self.cancelled()));
        match select(cancelled, future).await {
            Either::Left(((), _)) => Err(Cancelled),
            Either::Right((output, _)) => Ok(output),
        }
    }
}

/// Begins a task that goes on when whoever awaits it is cancelled, but no longer than `limit` from
/// then on, or from the moment when its run comes to its end.
///
/// The task is awaited as any other. Dropping the [`Shield`] that this returns begins the limit; a
/// task that is not done by then is aborted, and the loop's exception handler is told.
///
/// asyncio: `shield`, but with a bound. trio: `CancelScope(shield=True, deadline=...)`.
#[track_caller]
pub fn shield<F>(handle: &LoopHandle, limit: Duration, future: F) -> Shield<F::Output>
where
    F: Future<Output: Outcome + 'static> + 'static,
{
    let task = spawn(handle, future);
    task.set_shield(limit);
    Shield { task: Some(task), limit }
}

/// A task that outlives whoever awaits it by a limit; see [`shield`].
#[must_use = "dropping a shield begins its limit"]
pub struct Shield<T: 'static> {
    task: Option<Task<T>>,
    limit: Duration,
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

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken").field("cancelled", &self.is_cancelled()).finish()
    }
}

impl<T: 'static> fmt::Debug for Shield<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shield").field("limit", &self.limit).finish_non_exhaustive()
    }
}
