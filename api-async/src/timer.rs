//! Sleeping with async.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use loop_core::{Handle, LoopHandle};

use crate::task::current::{self, Wait};

/// The future of [`sleep`] and [`sleep_until`].
///
/// Cancel-safe: dropping it takes its timer back.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct Sleep {
    /// The loop that has the timer.
    handle: LoopHandle,
    /// In the loop's time, so that a late first poll does not put it off.
    deadline: Duration,
    /// The timer, and the waker that it has; from the first poll on.
    timer: Option<(Handle, Waker)>,
}

/// Ends when `delay` has passed since the call, or when the loop is closed. With no delay it lets
/// the others run once.
///
/// asyncio: `sleep`, but the time runs from the call, not from the first poll.
pub fn sleep(handle: &LoopHandle, delay: Duration) -> Sleep {
    sleep_until(handle, handle.time().saturating_add(delay))
}

/// Ends when the loop's time is `deadline`, or when the loop is closed.
pub fn sleep_until(handle: &LoopHandle, deadline: Duration) -> Sleep {
    Sleep { handle: handle.clone(), deadline, timer: None }
}

impl Sleep {
    /// Tells whether the deadline has passed, whether a task waits for it or not.
    pub(crate) fn is_over(&self) -> bool {
        self.handle.has_come(self.deadline)
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.handle.is_closing() {
            // Ready at once: what sleeps so again and again on another loop lets that one go on.
            if !current::take_budget() {
                return current::give_way(cx);
            }
        }
        // The first poll is pending even so: to sleep for no time is to let others run.
        let over = self.timer.is_some() && self.handle.has_come(self.deadline);
        if over || self.handle.is_closing() {
            return Poll::Ready(());
        }
        if self.timer.as_ref().is_none_or(|(_, waker)| !waker.will_wake(cx.waker())) {
            let timer = self.handle.wake_at(self.deadline, cx.waker().clone());
            if let Some((before, _)) = self.timer.replace((timer, cx.waker().clone())) {
                before.cancel();
            }
        }
        current::wait(Wait::Sleeping);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some((timer, _)) = &self.timer {
            timer.cancel();
        }
    }
}
