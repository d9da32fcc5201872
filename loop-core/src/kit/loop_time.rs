//! A moment of a loop's time, which is another type than a span.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A moment of one loop's time: what [`LoopHandle::time`](crate::LoopHandle::time) shows and a deadline is.
///
/// A span is a [`Duration`]; what takes a moment does not take a span, nor the other way round. A moment is
/// counted in nanoseconds from the loop's origin, when the loop was made, and means nothing to another loop.
/// [`LoopHandle::time_at`](crate::LoopHandle::time_at) makes it from an `Instant`, and
/// [`LoopHandle::instant_at`](crate::LoopHandle::instant_at) the other way.
///
/// ```
/// use loop_core::{LoopTime, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let event_loop = loop_core::EventLoop::with_clock(clock.clone())?;
/// let handle = event_loop.handle();
/// let deadline = handle.time() + Duration::from_secs(3);
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(deadline - handle.time(), Duration::from_secs(2));
/// assert_eq!(handle.time() - deadline, Duration::ZERO, "it lies ahead");
/// assert_eq!(handle.time() + Duration::MAX, LoopTime::MAX, "too far is never");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Limits
/// `+` and `-` stop at [`LoopTime::MAX`] and at [`LoopTime::ORIGIN`]; they never panic. The difference of two
/// moments is zero where it would be negative, as with `std::time::Instant`.
///
/// tokio: `time::Instant`. asyncio has one number for both.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoopTime(
    /// Nanoseconds since the origin: whole numbers compare faster than seconds with a fraction.
    u64,
);

impl LoopTime {
    /// When the loop was made. As a deadline it is now.
    pub const ORIGIN: LoopTime = LoopTime(0);

    /// The last moment, 584 years after the origin. As a deadline it stands for never.
    pub const MAX: LoopTime = LoopTime(u64::MAX);

    /// Returns how long after the loop's origin the moment is.
    pub const fn since_origin(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// Returns how long after `earlier` the moment is; zero, if it is before.
    pub const fn saturating_duration_since(self, earlier: LoopTime) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Returns how long after `earlier` the moment is; none, if it is before.
    pub fn checked_duration_since(self, earlier: LoopTime) -> Option<Duration> {
        self.0.checked_sub(earlier.0).map(Duration::from_nanos)
    }

    /// Returns the moment `span` later; none, if that is after [`LoopTime::MAX`].
    pub fn checked_add(self, span: Duration) -> Option<LoopTime> {
        self.0.checked_add(u64::try_from(span.as_nanos()).ok()?).map(LoopTime)
    }

    /// Returns the moment `span` before; none, if that is before [`LoopTime::ORIGIN`].
    pub fn checked_sub(self, span: Duration) -> Option<LoopTime> {
        self.0.checked_sub(u64::try_from(span.as_nanos()).ok()?).map(LoopTime)
    }
}

impl Add<Duration> for LoopTime {
    type Output = LoopTime;

    fn add(self, span: Duration) -> LoopTime {
        LoopTime(self.0.saturating_add(nanoseconds(span)))
    }
}

impl AddAssign<Duration> for LoopTime {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub<Duration> for LoopTime {
    type Output = LoopTime;

    fn sub(self, span: Duration) -> LoopTime {
        LoopTime(self.0.saturating_sub(nanoseconds(span)))
    }
}

impl Sub for LoopTime {
    type Output = Duration;

    fn sub(self, earlier: LoopTime) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

impl fmt::Debug for LoopTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LoopTime").field(&self.since_origin()).finish()
    }
}

fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn moments_and_spans_add_up() {
        let mut moment = LoopTime::ORIGIN + 3 * SECOND;
        assert_eq!((moment - SECOND).since_origin(), 2 * SECOND);
        moment += SECOND;
        assert_eq!(moment - (LoopTime::ORIGIN + SECOND), 3 * SECOND);
        assert_eq!(format!("{moment:?}"), "LoopTime(4s)");
    }

    #[test]
    fn what_would_leave_the_range_stops_at_its_end_or_is_none() {
        let moment = LoopTime::ORIGIN + SECOND;
        assert_eq!(
            (moment + Duration::MAX, moment - 2 * SECOND),
            (LoopTime::MAX, LoopTime::ORIGIN)
        );
        assert_eq!(
            (moment - LoopTime::MAX, LoopTime::MAX - moment > SECOND),
            (Duration::ZERO, true)
        );
        assert_eq!(
            (moment.checked_add(Duration::MAX), moment.checked_sub(2 * SECOND)),
            (None, None)
        );
        assert_eq!(LoopTime::MAX.checked_add(Duration::from_nanos(1)), None);
        assert_eq!(moment.checked_duration_since(LoopTime::MAX), None);
        assert_eq!(moment.checked_sub(SECOND).and_then(|it| it.checked_add(SECOND)), Some(moment));
        assert_eq!(moment.checked_duration_since(LoopTime::ORIGIN), Some(SECOND));
    }
}
