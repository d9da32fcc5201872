//! What the generator records of each message, and the percentiles that the records support.

use hdrhistogram::Histogram;

use super::Course;

/// The longest time that is told apart from longer ones, in nanoseconds: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Significant decimal digits kept of each value.
const DIGITS: u8 = 3;

/// Samples that must lie beyond a quantile before it is quoted: with fewer, it is the luck of a few
/// events and no property of the server.
const SAMPLES_BEYOND: f64 = 100.0;

/// A generator that is later than this at p99, in nanoseconds, has not measured the server.
const SEND_LAG_MAX_NS: u64 = 500_000;

/// The times of one message, in nanoseconds of the generator's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    /// When it was to leave.
    pub(crate) intended: u64,
    /// When the generator came to it.
    pub(crate) handed: u64,
}

/// Three histograms over the same messages, in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    /// From the intended send time to the last byte of the reply: what a user waits.
    pub(crate) response: Histogram<u64>,
    /// From the actual send to the last byte of the reply.
    pub(crate) service: Histogram<u64>,
    /// From the intended to the actual send: how late the generator itself was.
    pub(crate) send_lag: Histogram<u64>,
    /// The response times over the time of an open phase.
    pub(crate) course: Course,
}

impl Recorder {
    /// Creates an empty recorder. Recording allocates nothing.
    pub(crate) fn new() -> Recorder {
        Recorder {
            response: empty(),
            service: empty(),
            send_lag: empty(),
            course: Course::default(),
        }
    }

    // ANCHOR: record
    /// Records a message whose reply is complete.
    pub(crate) fn record(&mut self, message: Message, received: u64) {
        let response = received.saturating_sub(message.intended);
        self.response.saturating_record(response);
        self.course.record(message.intended, response);
        self.service.saturating_record(received.saturating_sub(message.handed));
        self.send_lag.saturating_record(message.handed.saturating_sub(message.intended));
    }
    // ANCHOR_END: record

    /// Tells whether the generator was the bottleneck: it sent too late, by its own schedule.
    pub(crate) fn is_late(&self) -> bool {
        self.send_lag.value_at_quantile(0.99) > SEND_LAG_MAX_NS
    }

    /// Adds the counts of another recorder: the only way to join percentiles of several rounds. Each
    /// round has a course of its own.
    pub(crate) fn merge(&mut self, other: &Recorder) {
        for (into, from) in [
            (&mut self.response, &other.response),
            (&mut self.service, &other.service),
            (&mut self.send_lag, &other.send_lag),
        ] {
            into.add(from).expect("all recorders have the same bounds");
        }
    }

    /// Returns the three series with the names that files and reports give them.
    pub(crate) fn series(&self) -> [(&'static str, &Histogram<u64>); 3] {
        [("response", &self.response), ("service", &self.service), ("send-lag", &self.send_lag)]
    }
}

/// Tells whether enough samples lie beyond a quantile to quote it.
pub(crate) fn supports(histogram: &Histogram<u64>, quantile: f64) -> bool {
    supported(histogram.len(), quantile)
}

/// The same for so many samples.
pub(crate) fn supported(samples: u64, quantile: f64) -> bool {
    // The tolerance is for 1 - 0.999, which is a little less than 0.001.
    samples as f64 * (1.0 - quantile) >= SAMPLES_BEYOND * (1.0 - 1e-9)
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).expect("the bounds are valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(intended: u64, handed: u64) -> Message {
        Message { intended, handed }
    }

    #[test]
    fn response_is_lag_plus_service() {
        let mut recorder = Recorder::new();
        recorder.record(message(1_000, 1_200), 1_700);
        assert_eq!(recorder.response.max(), 700);
        assert_eq!(recorder.service.max(), 500);
        assert_eq!(recorder.send_lag.max(), 200);
    }

    #[test]
    fn merging_adds_counts_and_does_not_average_percentiles() {
        let (mut quick, mut slow) = (Recorder::new(), Recorder::new());
        for _ in 0..990 {
            quick.record(message(0, 0), 100);
        }
        for _ in 0..10 {
            slow.record(message(0, 0), 1_000_000);
        }
        quick.merge(&slow);
        assert_eq!(quick.response.len(), 1_000);
        assert_eq!(quick.response.value_at_quantile(0.99), 100);
        assert!(quick.response.value_at_quantile(0.991) > 900_000);
    }

    #[test]
    fn a_quantile_needs_a_hundred_samples_beyond_it() {
        let mut recorder = Recorder::new();
        recorder.response.record_n(5, 99_999).unwrap();
        assert!(supports(&recorder.response, 0.99));
        assert!(!supports(&recorder.response, 0.999));
        recorder.response.record(5).unwrap();
        assert!(supports(&recorder.response, 0.999));
    }
}
