//! How often something happens, with callbacks: at each tick of an interval, and no more often than a rate.

use std::fmt;
use std::io;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use loop_core::{Bucket, LoopHandle, Ticks};

use crate::combine::{Completion, Sequence};
use crate::operation::Operation;
use crate::semaphore::{Permit, Semaphore};
use crate::timer::sleep;

/// A tick each `period`, the first when a period has passed since it was made, by the loop's clock.
///
/// A clone names the same interval. Ticks stay at whole periods from the beginning, however late one is heard;
/// what was missed is skipped, and the next tick tells how many periods it stands for. Of several that wait,
/// each has a tick of its own, in the order of their coming.
///
/// ```
/// use api_callbacks::Interval;
/// use std::time::Duration;
///
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let interval = Interval::new(&event_loop.handle(), Duration::from_millis(1))?;
/// std::thread::sleep(Duration::from_millis(3));
/// let passed = event_loop.run_until_complete(|completer| {
///     interval.tick(|passed| completer.complete(passed));
/// });
/// assert!(passed.unwrap()? >= 3, "a tick that comes late stands for those that were missed");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// tokio: `Interval` with `MissedTickBehavior::Skip`. Node and libuv repeat a callback, as
/// [`Timer`](crate::Timer) does, and tell no count. timerfd: the count of expirations.
#[derive(Clone)]
pub struct Interval(Rc<Ticking>);

/// A bound on how often something begins: as many at once as `permits`, and then `permits` each `period`, evenly,
/// by the loop's clock.
///
/// A clone names the same limit. Permits go to those that wait in the order of their coming, and what is cancelled
/// while it waits takes none.
///
/// ```
/// use api_callbacks::{RateLimit, combine::each};
/// use std::{io, time::Duration};
///
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let limit = RateLimit::new(&handle, 100, Duration::from_millis(100))?;
/// let begun: io::Result<Vec<()>> = event_loop
///     .run_until_complete(|completer| {
///         let wait = move |_number, done| limit.wait(done);
///         each(&handle, 0..110, wait, |begun| completer.complete(begun));
///     })
///     .unwrap();
/// assert_eq!(begun?.len(), 110);
/// # Ok::<(), io::Error>(())
/// ```
///
/// # Limits
/// Within a period that begins with a full bucket, up to twice `permits` less one begin. A rate of one in
/// `period / permits` spaces them instead.
///
/// The token bucket of networks; see [`Bucket`].
#[derive(Clone)]
pub struct RateLimit(Rc<Limit>);

/// What the clones of an interval share.
struct Ticking {
    /// When the next tick is due.
    ticks: Ticks,
    /// Whose turn it is to wait for that.
    turn: Semaphore,
}

/// What the clones of a rate limit share.
struct Limit {
    /// When the next permit is there.
    bucket: Bucket,
    /// Whose turn it is to wait for that.
    turn: Semaphore,
}

impl Interval {
    /// Begins an interval now.
    ///
    /// # Errors
    /// `InvalidInput` for a period of nothing.
    pub fn new(handle: &LoopHandle, period: Duration) -> io::Result<Interval> {
        let (ticks, turn) = (Ticks::new(handle, period)?, Semaphore::new(1));
        Ok(Interval(Rc::new(Ticking { ticks, turn })))
    }

    /// Calls back at the next tick, with how many periods it stands for. What is cancelled takes no tick.
    ///
    /// # Errors
    /// Only `Cancelled`.
    #[track_caller]
    pub fn tick(&self, callback: impl FnOnce(io::Result<u64>) + 'static) -> Operation {
        let (interval, first) = (self.0.clone(), self.0.clone());
        Sequence::new(self.0.ticks.handle(), move |done| {
            first.turn.acquire(first.ticks.handle(), done)
        })
        .then(move |turn: Permit, done: Completion<u64, io::Error>| {
            let (handle, delay) = (interval.ticks.handle().clone(), interval.ticks.delay());
            sleep(&handle, delay, move |due| {
                drop(turn);
                done(due.map(|()| interval.ticks.take()));
            })
        })
        .start(noting(self.0.ticks.handle().clone(), callback))
    }
}

impl RateLimit {
    /// Makes a limit of which nothing is used up.
    ///
    /// # Errors
    /// `InvalidInput` for no permits, and for more than one a nanosecond.
    pub fn new(handle: &LoopHandle, permits: u32, period: Duration) -> io::Result<RateLimit> {
        let (bucket, turn) = (Bucket::new(handle, permits, period)?, Semaphore::new(1));
        Ok(RateLimit(Rc::new(Limit { bucket, turn })))
    }

    /// Calls back when something may begin. What is cancelled uses nothing up.
    ///
    /// # Errors
    /// Only `Cancelled`.
    #[track_caller]
    pub fn wait(&self, callback: impl FnOnce(io::Result<()>) + 'static) -> Operation {
        let (limit, first) = (self.0.clone(), self.0.clone());
        Sequence::new(self.0.bucket.handle(), move |done| {
            first.turn.acquire(first.bucket.handle(), done)
        })
        .then(move |turn: Permit, done: Completion<(), io::Error>| {
            let (handle, delay) = (limit.bucket.handle().clone(), limit.bucket.delay());
            sleep(&handle, delay, move |there| {
                drop(turn);
                done(there.map(|()| limit.bucket.take()));
            })
        })
        .start(noting(self.0.bucket.handle().clone(), callback))
    }
}

/// Has a report of the callback's panic name the caller's line: what runs then is a timer from here.
#[track_caller]
fn noting<T>(handle: LoopHandle, callback: impl FnOnce(T)) -> impl FnOnce(T) {
    let called_at = Location::caller();
    move |result| {
        handle.job_began_at(Some(called_at));
        callback(result);
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Interval").field(&self.0.ticks).finish()
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RateLimit").field(&self.0.bucket).finish()
    }
}
