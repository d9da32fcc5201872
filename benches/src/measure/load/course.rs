//! The course of a phase: what its replies took in each slice of its time.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Slices of a phase, whatever its length.
const SLICES: usize = 40;

/// The longest time that is told apart from longer ones, in nanoseconds: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Response times by the slice of the phase that their messages were to leave in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Course {
    begun: u64,
    slice_ns: u64,
    slices: Vec<Histogram<u32>>,
}

impl Course {
    /// Divides a phase that begins at a time of the generator's clock. Recording allocates nothing then.
    pub(super) fn divide(&mut self, begun: u64, length: Duration) {
        let slice = || Histogram::new_with_bounds(1, LONGEST_NS, 2).expect("the bounds are valid");
        self.begun = begun;
        self.slice_ns = (length.as_nanos() as u64 / SLICES as u64).max(1);
        self.slices = (0..SLICES).map(|_| slice()).collect();
    }

    /// Records a response time, in nanoseconds; nothing, unless a phase was divided.
    pub(super) fn record(&mut self, intended: u64, response: u64) {
        if let Some(last) = self.slices.len().checked_sub(1) {
            let slice = intended.saturating_sub(self.begun) / self.slice_ns;
            self.slices[(slice as usize).min(last)].saturating_record(response);
        }
    }

    /// Returns the length of a slice, in seconds.
    pub(crate) fn slice_seconds(&self) -> f64 {
        self.slice_ns as f64 / 1e9
    }

    /// Returns a quantile of each slice in microseconds, 0 where nothing was sent.
    pub(crate) fn quantile_us(&self, quantile: f64) -> Vec<f64> {
        let of = |slice: &Histogram<u32>| match slice.len() {
            0 => 0.0,
            _ => slice.value_at_quantile(quantile) as f64 / 1_000.0,
        };
        self.slices.iter().map(of).collect()
    }

    /// Tells whether a phase was divided.
    pub(crate) fn is_divided(&self) -> bool {
        !self.slices.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_counts_for_the_slice_that_its_message_was_to_leave_in() {
        let mut course = Course::default();
        course.record(0, 5);
        course.divide(1_000, Duration::from_millis(40));
        for (intended, response) in [(1_000, 20_000), (1_500_000, 30_000), (99_000_000, 7_000)] {
            course.record(intended, response);
        }
        let worst = course.quantile_us(1.0);
        assert_eq!(worst.len(), SLICES);
        assert_eq!((worst[0].round(), worst[1].round(), worst[2]), (20.0, 30.0, 0.0));
        assert_eq!(worst[SLICES - 1].round(), 7.0);
        assert!((course.slice_seconds() - 0.001).abs() < 1e-9);
    }
}
