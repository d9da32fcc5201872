//! When the open phase sends: Poisson arrivals, computed before anything is sent.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::Shape;

/// The most messages that one open phase may hold, which bounds its memory.
pub(crate) const MESSAGES_MAX: f64 = 5_000_000.0;

/// One arrival: a message that is to leave, whether or not the replies before it have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// When, in nanoseconds from the start of the phase.
    pub(crate) at_ns: u64,
    /// On which connection.
    pub(crate) connection: u32,
}

/// All arrivals of an open phase, in order of time.
#[derive(Debug)]
pub(crate) struct Schedule {
    arrivals: Vec<Arrival>,
    length: Duration,
}

impl Schedule {
    /// Draws independent users' arrivals: exponential gaps with the mean `1 / rate`, each on a
    /// connection chosen at random. The same seed gives the same schedule.
    pub(crate) fn poisson(rate: f64, length: Duration, connections: usize, seed: u64) -> Schedule {
        let mut random = SmallRng::seed_from_u64(seed);
        let expected = (rate * length.as_secs_f64()).min(MESSAGES_MAX) as usize;
        let mut arrivals = Vec::with_capacity(expected + expected / 16 + 16);
        let mut at = 0.0;
        loop {
            // 1 - u is in (0, 1], where the logarithm is finite.
            at += -(1.0 - random.random::<f64>()).ln() / rate;
            // A phase without any message would measure nothing.
            if at >= length.as_secs_f64() && !arrivals.is_empty() {
                break;
            }
            let connection = random.random_range(0..connections as u32);
            let at_ns = (at.min(length.as_secs_f64()) * 1e9) as u64;
            arrivals.push(Arrival { at_ns, connection });
        }
        Schedule { arrivals, length }
    }

    /// Draws the arrivals of a shape: as [`Schedule::poisson`] does or, if the shape has bursts, so
    /// that bursts arrive at random, and their messages at random within a burst.
    pub(crate) fn of(shape: &Shape, rate: f64, length: Duration, seed: u64) -> Schedule {
        let Some(bursts) = shape.bursts else {
            return Schedule::poisson(rate, length, shape.connections, seed);
        };
        let begins = rate / bursts.messages as f64;
        let begins = Schedule::poisson(begins, length, shape.connections, seed);
        let mut random = SmallRng::seed_from_u64(!seed);
        let within = (bursts.within().as_nanos() as u64).max(1);
        let mut arrivals: Vec<Arrival> = begins
            .arrivals
            .iter()
            .flat_map(|begin| (0..bursts.messages).map(|_| begin.at_ns))
            .map(|begin| Arrival {
                at_ns: (begin + random.random_range(0..within)).min(length.as_nanos() as u64),
                connection: random.random_range(0..shape.connections as u32),
            })
            .collect();
        arrivals.sort_by_key(|arrival| arrival.at_ns);
        Schedule { arrivals, length }
    }

    /// Returns the arrivals in order.
    pub(crate) fn arrivals(&self) -> &[Arrival] {
        &self.arrivals
    }

    /// Returns the length of the phase.
    pub(crate) fn length(&self) -> Duration {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::load::Bursts;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_same_seed_gives_the_same_schedule() {
        let draw = |seed| Schedule::poisson(5_000.0, SECOND, 8, seed).arrivals().to_vec();
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn arrivals_have_the_rate_and_the_spread_of_a_poisson_process() {
        let schedule = Schedule::poisson(100_000.0, SECOND, 8, 1);
        let gaps: Vec<f64> = schedule
            .arrivals()
            .windows(2)
            .map(|pair| (pair[1].at_ns - pair[0].at_ns) as f64)
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let square = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean / 10_000.0 - 1.0).abs() < 0.02, "mean gap {mean} ns");
        // The standard deviation of exponential gaps equals their mean.
        assert!((square.sqrt() / mean - 1.0).abs() < 0.03, "deviation {} ns", square.sqrt());
    }

    #[test]
    fn arrivals_are_ordered_and_use_every_connection() {
        let schedule = Schedule::poisson(10_000.0, SECOND, 16, 3);
        assert!(schedule.arrivals().is_sorted_by_key(|arrival| arrival.at_ns));
        for connection in 0..16 {
            assert!(schedule.arrivals().iter().any(|arrival| arrival.connection == connection));
        }
    }

    #[test]
    fn bursts_have_their_messages_within_their_time_and_the_rate_of_the_phase() {
        let bursts = Some(Bursts { messages: 50, within_ms: 1.0 });
        let shape = Shape { bursts, ..Shape::plain(8, 64) };
        let schedule = Schedule::of(&shape, 10_000.0, SECOND, 5);
        let arrivals = schedule.arrivals();
        assert!(arrivals.is_sorted_by_key(|arrival| arrival.at_ns));
        assert_eq!(arrivals.len() % 50, 0);
        // About 200 bursts: a Poisson count of them, within four deviations.
        assert!((7_000..13_000).contains(&arrivals.len()), "{}", arrivals.len());
        // Most messages have another one close by, where an even load would have it 100 us away.
        let close = arrivals.windows(2).filter(|pair| pair[1].at_ns - pair[0].at_ns < 50_000);
        assert!(close.count() > arrivals.len() * 8 / 10);
        let again = Schedule::of(&shape, 10_000.0, SECOND, 5);
        assert_eq!(again.arrivals(), arrivals);
    }

    #[test]
    fn the_slowest_schedule_still_has_a_message() {
        let schedule = Schedule::poisson(0.001, SECOND, 1, 3);
        assert_eq!(schedule.arrivals().len(), 1);
        assert!(schedule.arrivals()[0].at_ns <= 1_000_000_000);
    }
}
