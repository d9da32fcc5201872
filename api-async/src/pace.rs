//! How often something happens, with async: at each tick of an interval, and no more often than a rate.

use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use loop_core::{Bucket, LoopHandle, Ticks};

use crate::semaphore::Semaphore;
use crate::timer::sleep;

/// A tick each `period`, the first when a period has passed since it was made, by the loop's clock.
///
/// A clone names the same interval. Ticks stay at whole periods from the beginning, however late one is heard;
/// what was missed is skipped, and the next tick tells how many periods it stands for. Of several that wait,
/// each has a tick of its own, in the order of their coming.
///
/// ```
/// use api_async::{Interval, run};
/// use std::time::Duration;
///
/// let passed = run(async |handle| {
///     let interval = Interval::new(&handle, Duration::from_millis(1))?;
///     std::thread::sleep(Duration::from_millis(3));
///     std::io::Result::Ok(interval.tick().await)
/// });
/// assert!(passed.unwrap()? >= 3, "a tick that comes late stands for those that were missed");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// tokio: `Interval` with `MissedTickBehavior::Skip`. timerfd: the count of expirations.
#[derive(Clone)]
pub struct Interval(Rc<Ticking>);

/// A bound on how often something begins: as many at once as `permits`, and then `permits` each `period`, evenly,
/// by the loop's clock.
///
/// A clone names the same limit. Permits go to those that wait in the order of their coming, and what is cancelled
/// while it waits takes none.
///
/// ```
/// use api_async::{RateLimit, run};
/// use std::{io, time::Duration};
///
/// run(async |handle| {
///     let limit = RateLimit::new(&handle, 100, Duration::from_millis(100))?;
///     for _ in 0..110 {
///         limit.wait().await;
///     }
///     io::Result::Ok(())
/// })
/// .unwrap()?;
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

    /// Waits for the next tick; has how many periods it stands for. Cancel-safe: a tick that was not returned
    /// is not taken.
    pub async fn tick(&self) -> u64 {
        let Ticking { ticks, turn } = &*self.0;
        let _turn = turn.acquire().await;
        sleep(ticks.handle(), ticks.delay()).await;
        ticks.take()
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

    /// Waits until something may begin. Cancel-safe: what was not returned is not used up.
    pub async fn wait(&self) {
        let Limit { bucket, turn } = &*self.0;
        let _turn = turn.acquire().await;
        sleep(bucket.handle(), bucket.delay()).await;
        bucket.take();
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
