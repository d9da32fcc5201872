//! Limits of a promise as methods, so that a chain with its limits reads from left to right.

use std::time::Duration;

use loop_core::{Elapsed, LoopTime};

use crate::combine::{race, timeout};
use crate::promise::{Promise, Reason};
use crate::timer::wake_at;
use crate::token::CancellationToken;

impl<T: 'static, E: Reason> Promise<T, E> {
    /// Has the promise's outcome, but cancels it when `delay` has passed since the call.
    ///
    /// What has come in the turn of the deadline is heard: the handler that is the next behind an operation
    /// runs, and its outcome is dropped if more handlers follow.
    ///
    /// ```
    /// use api_promises::sleep;
    /// use std::{io::ErrorKind, time::Duration};
    ///
    /// let mut event_loop = loop_core::EventLoop::new()?;
    /// let (day, moment) = (Duration::from_secs(86_400), Duration::from_millis(1));
    /// let slept = sleep(&event_loop.handle(), day).timeout(moment).map(|()| "slept");
    /// let late = slept.run_until_complete(&mut event_loop).unwrap().unwrap_err();
    /// assert_eq!(late.kind(), ErrorKind::TimedOut);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Elapsed`] when the time is over, else the promise's rejection.
    ///
    /// As [`combine::timeout`](crate::combine::timeout), which every wing has. KJ: `Timer::timeoutAfter`.
    /// Bluebird: `Promise.prototype.timeout`.
    #[track_caller]
    pub fn timeout(self, delay: Duration) -> Promise<T, E>
    where
        E: From<Elapsed>,
    {
        timeout(&self.handle().clone(), delay, self)
    }

    /// As [`Promise::timeout`], but cancels the promise when the loop's time is `deadline`.
    ///
    /// # Errors
    /// As [`Promise::timeout`].
    ///
    /// KJ: `Timer::timeoutAt`. asyncio: `timeout_at`.
    #[track_caller]
    pub fn timeout_at(self, deadline: LoopTime) -> Promise<T, E>
    where
        E: From<Elapsed>,
    {
        let handle = self.handle().clone();
        let elapsed = wake_at(&handle, deadline).then(|()| Err(Elapsed.into()));
        race(&handle, [self, elapsed])
    }

    /// Has the promise's outcome, unless the token is cancelled before: [`CancellationToken::guard`].
    ///
    /// # Errors
    /// [`Fault::Cancelled`](crate::Fault::Cancelled) when the token is cancelled, else the promise's rejection.
    #[track_caller]
    pub fn guard(self, token: &CancellationToken) -> Promise<T, E> {
        token.guard(self)
    }
}
