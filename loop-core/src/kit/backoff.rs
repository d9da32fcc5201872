//! How long to wait before the next try.

use std::time::Duration;

/// The delays between the tries of an operation that may fail: an iterator, which ends when there is
/// to be no further try.
///
/// Each delay is `factor` times the one before, up to `max`; then `jitter` takes a random part away,
/// so that operations which failed together do not try again together.
///
/// ```
/// use loop_core::Backoff;
/// use std::time::Duration;
///
/// let backoff = Backoff { attempts: 4, jitter: 0.0, ..Backoff::default() };
/// let delays: Vec<_> = backoff.map(|delay| delay.as_millis()).collect();
/// assert_eq!(delays, [100, 200, 400]);
/// # let _ = Duration::ZERO;
/// ```
///
/// # Limits
/// A factor or a jitter that is not a number counts as 0, and a delay beyond what a duration holds
/// as `max`.
#[derive(Clone, Debug)]
pub struct Backoff {
    /// The delay after the first failure.
    pub first: Duration,
    /// How much longer each further delay is.
    pub factor: f64,
    /// The longest delay.
    pub max: Duration,
    /// How often the operation is tried in all.
    pub attempts: u32,
    /// The greatest part of a delay that is taken away: between 0 (none) and 1 (all of it).
    pub jitter: f64,
    /// Where the random parts come from; the same seed gives the same delays.
    pub random: fastrand::Rng,
}

impl Default for Backoff {
    /// Returns five tries, 100 ms and then twice as long each time, up to 10 s, less up to a half.
    fn default() -> Backoff {
        Backoff {
            first: Duration::from_millis(100),
            factor: 2.0,
            max: Duration::from_secs(10),
            attempts: 5,
            jitter: 0.5,
            random: fastrand::Rng::new(),
        }
    }
}

impl Iterator for Backoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if self.attempts <= 1 {
            return None;
        }
        self.attempts -= 1;
        let delay = self.first.min(self.max);
        self.first = scale(delay, self.factor, self.max);
        let kept = 1.0 - self.jitter.clamp(0.0, 1.0) * self.random.f64();
        Some(scale(delay, kept, self.max))
    }
}

fn scale(delay: Duration, factor: f64, max: Duration) -> Duration {
    let seconds = delay.as_secs_f64() * factor.max(0.0);
    Duration::try_from_secs_f64(seconds).map_or(max, |scaled| scaled.min(max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_attempt_has_no_delay_and_none_has_none_either() {
        for attempts in [0, 1] {
            assert_eq!(Backoff { attempts, ..Backoff::default() }.next(), None);
        }
    }

    #[test]
    fn delays_grow_up_to_the_longest() {
        let max = Duration::from_millis(350);
        let backoff = Backoff { max, jitter: 0.0, ..Backoff::default() };
        let delays: Vec<_> = backoff.map(|delay| delay.as_millis()).collect();
        assert_eq!(delays, [100, 200, 350, 350]);
    }

    #[test]
    fn jitter_shortens_within_its_bounds_and_by_its_seed() {
        let seeded = || Backoff { random: fastrand::Rng::with_seed(7), ..Backoff::default() };
        let delays: Vec<Duration> = seeded().collect();
        assert!(seeded().eq(delays.iter().copied()));
        let plain = Backoff { jitter: 0.0, ..Backoff::default() };
        for (delay, whole) in delays.iter().zip(plain) {
            assert!((whole / 2..=whole).contains(delay), "{delay:?} of {whole:?}");
        }
    }

    #[test]
    fn factors_that_make_no_sense_do_no_harm() {
        for factor in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 1e300] {
            let backoff = Backoff { factor, jitter: f64::NAN, attempts: 9, ..Backoff::default() };
            assert!(backoff.clone().all(|delay| delay <= backoff.max), "{factor}");
        }
    }
}
