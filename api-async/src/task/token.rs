//! Cancelling by asking: tokens that tasks look at, and shields that hold for a while.
//!
//! Dropping a future cancels it at once, and it can do nothing about it. A token asks, and whoever
//! has it may end in good order.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use loop_core::{Cancelled, LoopHandle};

use crate::task::panics::{Panics, in_drop};
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
    /// What waits, by numbers in the order of its coming.
    waiters: RefCell<BTreeMap<u64, Waker>>,
    /// Each takes itself out when it goes.
    children: RefCell<BTreeMap<u64, Weak<State>>>,
    /// The number of the next waiter or child.
    next: Cell<u64>,
    /// Held, so that a chain of tokens is whole while somebody has its end; and the number there.
    parent: Option<(Rc<State>, u64)>,
}

/// The future of [`CancellationToken::cancelled`].
struct Waits<'a> {
    state: &'a State,
    /// Where its waker is, once it was polled.
    number: Option<u64>,
}

impl CancellationToken {
    /// Makes a token that nobody has cancelled.
    pub fn new() -> CancellationToken {
        CancellationToken::default()
    }

    /// Makes a token that is cancelled with this one.
    pub fn child(&self) -> CancellationToken {
        let number = self.0.number();
        let mut state = State::default();
        state.parent = Some((self.0.clone(), number));
        let child = CancellationToken(Rc::new(state));
        if self.is_cancelled() {
            child.cancel();
        } else {
            self.0.children.borrow_mut().insert(number, Rc::downgrade(&child.0));
        }
        child
    }

    /// Cancels the token and its children: who waits for that is woken.
    ///
    /// # Panics
    /// When a waker does, and then only when all others have been woken.
    pub fn cancel(&self) {
        let mut panics = Panics::default();
        let mut states = VecDeque::from([self.0.clone()]);
        while let Some(state) = states.pop_front() {
            if !state.cancelled.replace(true) {
                // A waker may be anybody's code: nothing is borrowed then.
                let (waiters, children) = (state.waiters.take(), state.children.take());
                waiters.into_values().for_each(|waker| panics.catch(|| waker.wake()));
                states.extend(children.into_values().filter_map(|child| child.upgrade()));
            }
        }
        panics.resume();
    }

    /// Tells whether the token is cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.get()
    }

    /// Ends when the token is cancelled. Cancel-safe.
    pub async fn cancelled(&self) {
        Waits { state: &self.0, number: None }.await;
    }

    /// Drives a future, but drops it when the token is cancelled.
    ///
    /// # Errors
    /// [`Cancelled`] when the token was cancelled first.
    pub async fn run<F: Future>(&self, future: F) -> Result<F::Output, Cancelled> {
        let mut future = pin!(Some(future));
        let mut cancelled = pin!(self.cancelled());
        let output = poll_fn(|cx| {
            if cancelled.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            let future = future.as_mut().as_pin_mut();
            future.expect("a future is not polled after its end").poll(cx).map(Some)
        })
        .await;
        // While the output is a variable: it would be leaked if a destructor panicked behind it.
        future.set(None);
        output.ok_or(Cancelled)
    }
}

impl State {
    /// Returns a number that it gives once.
    fn number(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }
}

impl Drop for State {
    /// Lets go of the tokens above that nobody else has, one after the other: a chain of them may be
    /// longer than the stack is deep.
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some((state, number)) = parent {
            state.children.borrow_mut().remove(&number);
            parent = Rc::into_inner(state).and_then(|mut state| state.parent.take());
        }
    }
}

impl Future for Waits<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.state.cancelled.get() {
            return Poll::Ready(());
        }
        let state = self.state;
        let number = *self.number.get_or_insert_with(|| state.number());
        let waiters = &state.waiters;
        let known = waiters.borrow().get(&number).is_some_and(|kept| kept.will_wake(cx.waker()));
        if !known {
            // Cloned and dropped outside the borrow: a waker may be anybody's code.
            let waker = cx.waker().clone();
            let before = waiters.borrow_mut().insert(number, waker);
            drop(before);
        }
        Poll::Pending
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let waker = self.state.waiters.borrow_mut().remove(&number);
            in_drop(|| drop(waker));
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
