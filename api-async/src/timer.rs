//! Sleeping with async.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use loop_core::{Context as Failure, Handle, LoopHandle, LoopTime};

use crate::task::current::{self, Wait};

/// The deadline of what was told that it never ends.
const NEVER: LoopTime = LoopTime::MAX;

/// The future of [`sleep`] and [`sleep_until`].
///
/// Cancel-safe: dropping it takes its timer back.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct Sleep {
    /// The loop that has the timer.
    handle: LoopHandle,
    /// A moment, so that a late first poll does not put it off.
    deadline: LoopTime,
    /// The timer, and the waker that it has; from the first poll on.
    timer: Option<(Handle, Waker)>,
}

/// Ends when `delay` has passed since the call. With no delay it lets the others run once.
///
/// On a loop that is closed it never ends, and nothing behind it runs, as with a callback or a promise there. The
/// tasks of that loop are gone by then; should a task of another loop sleep there, it is reported.
///
/// asyncio: `sleep`, but the time runs from the call, not from the first poll.
pub fn sleep(handle: &LoopHandle, delay: Duration) -> Sleep {
    sleep_until(handle, handle.time() + delay)
}

/// Ends when the loop's time is `deadline`; on a loop that is closed as [`sleep`] does.
///
/// A moment is no span, nor a span a moment:
///
/// ```compile_fail,E0308
/// # let handle = loop_core::EventLoop::new().unwrap().handle();
/// let _ = api_async::sleep(&handle, handle.time());
/// ```
/// ```compile_fail,E0308
/// # let handle = loop_core::EventLoop::new().unwrap().handle();
/// let _ = api_async::sleep_until(&handle, std::time::Duration::from_secs(1));
/// ```
pub fn sleep_until(handle: &LoopHandle, deadline: LoopTime) -> Sleep {
    Sleep { handle: handle.clone(), deadline, timer: None }
}

impl Sleep {
    /// Tells whether the deadline has passed, or has no loop to come on, whether a task waits for it or not.
    pub(crate) fn is_over(&self) -> bool {
        self.handle.has_come(self.deadline) || self.handle.is_closing()
    }

    /// Tells, once, that the loop is closed.
    fn report_closed(&mut self) {
        if self.deadline != NEVER {
            self.deadline = NEVER;
            let message = "a sleep on a loop that is closed never ends".to_owned();
            self.handle.report(&Failure { message, scheduled_at: None, by: None });
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // The first poll is pending even so: to sleep for no time is to let others run.
        if self.timer.is_some() && self.handle.has_come(self.deadline) {
            return Poll::Ready(());
        }
        current::wait(Wait::Sleeping);
        if self.handle.is_closing() {
            self.report_closed();
            return Poll::Pending;
        }
        if self.timer.as_ref().is_none_or(|(_, waker)| !waker.will_wake(cx.waker())) {
            let timer = self.handle.wake_at(self.deadline, cx.waker().clone());
            if let Some((before, _)) = self.timer.replace((timer, cx.waker().clone())) {
                before.cancel();
            }
        }
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
