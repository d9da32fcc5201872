//! The figures of a run's phases, in the form of `run.json`.

use std::fmt;

use examples::ServerCounts;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::measure::cost::slope::slope;
use crate::measure::load::{Course, Recorder};
use crate::statistics::{Measure, Ratio, Standing};
use crate::values::Rule;

/// One closed phase of one arm.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ClosedFigures {
    /// The round, from 1.
    pub(crate) round: usize,
    /// The arm, by its name.
    pub(crate) arm: String,
    /// Messages echoed from first to last.
    pub(crate) messages: u64,
    /// Messages echoed within the window of time, and its length.
    pub(crate) messages_within: u64,
    pub(crate) window_ns: u64,
    /// Messages per second within the window.
    pub(crate) messages_per_second: f64,
    /// CPU time of all the server's threads, for those messages.
    pub(crate) server_cpu_ns: Option<u64>,
    /// The same for each message.
    pub(crate) cpu_us_per_message: Option<f64>,
    /// The share of its processor that the server used.
    pub(crate) server_busy: Option<f64>,
    /// Response times, which a closed phase understates.
    pub(crate) response_us: Quantiles,
}

/// One open phase of one arm.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OpenFigures {
    /// The round, from 1.
    pub(crate) round: usize,
    /// The arm, by its name.
    pub(crate) arm: String,
    /// The seed of the arrivals, the same for all arms of a round.
    pub(crate) arrival_seed: u64,
    /// From the intended send to the last byte of the reply.
    pub(crate) response_us: Quantiles,
    /// From the actual send to the last byte of the reply.
    pub(crate) service_us: Quantiles,
    /// From the intended to the actual send.
    pub(crate) send_lag_us: Quantiles,
    /// The response times over the time of the phase; runs of older programs have none.
    #[serde(default)]
    pub(crate) course: Option<CourseFigures>,
}

/// The response times of a phase, slice by slice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CourseFigures {
    /// The length of a slice.
    pub(crate) slice_seconds: f64,
    /// The median of each slice, 0 where nothing was sent.
    pub(crate) p50_us: Vec<f64>,
    /// The slowest reply of each slice, 0 where nothing was sent.
    pub(crate) max_us: Vec<f64>,
}

/// Some quantiles of a histogram, in microseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Quantiles {
    /// Samples.
    pub(crate) count: u64,
    /// The median.
    pub(crate) p50: f64,
    /// One nine.
    pub(crate) p90: f64,
    /// Two nines.
    pub(crate) p99: f64,
    /// Three nines.
    pub(crate) p999: f64,
    /// The greatest.
    pub(crate) max: f64,
}

impl OpenFigures {
    /// Reads the figures off a phase's recorder.
    pub(crate) fn of(round: usize, arm: &str, arrival_seed: u64, recorder: &Recorder) -> Self {
        OpenFigures {
            round,
            arm: arm.to_owned(),
            arrival_seed,
            response_us: Quantiles::of(&recorder.response),
            service_us: Quantiles::of(&recorder.service),
            send_lag_us: Quantiles::of(&recorder.send_lag),
            course: CourseFigures::of(&recorder.course),
        }
    }

    /// Says the figures in a line, for a person who watches.
    pub(crate) fn line(&self) -> String {
        let Self { round, arm, response_us: Quantiles { p50, p99, .. }, .. } = self;
        format!("round {round}: {arm}, open: p50 {p50:.0} us, p99 {p99:.0} us")
    }
}

impl ClosedFigures {
    /// Says the figures in a line, for a person who watches.
    pub(crate) fn line(&self) -> String {
        let cpu = self
            .cpu_us_per_message
            .map_or(String::new(), |us| format!(", {us:.2} us CPU a message"));
        let Self { round, arm, messages_per_second, .. } = self;
        format!("round {round}: {arm}, closed: {messages_per_second:.0}/s{cpu}")
    }
}

impl CourseFigures {
    fn of(course: &Course) -> Option<CourseFigures> {
        course.is_divided().then(|| CourseFigures {
            slice_seconds: course.slice_seconds(),
            p50_us: course.quantile_us(0.5),
            max_us: course.quantile_us(1.0),
        })
    }
}

impl Quantiles {
    /// Returns each with its name.
    pub(crate) fn each(self) -> impl Iterator<Item = (&'static str, f64)> {
        let Quantiles { count, p50, p90, p99, p999, max } = self;
        let named = [("p50", p50), ("p90", p90), ("p99", p99), ("p99.9", p999), ("max", max)];
        named.into_iter().chain([("count", count as f64)])
    }

    /// Reads the quantiles off a histogram of nanoseconds.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Quantiles {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
        Quantiles {
            count: histogram.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max() as f64 / 1_000.0,
        }
    }
}

/// The highest rate that a server kept up with, as the search found it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SaturationFigures {
    /// The arm, by its name.
    pub(crate) arm: String,
    /// Messages per second.
    pub(crate) messages_per_second: f64,
    /// Each rate that was tried, and whether the server kept up.
    pub(crate) tried: Vec<(f64, bool)>,
}

/// User-space instructions of a server in a short and in a long run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InstructionFigures {
    /// The arm, by its name.
    pub(crate) arm: String,
    /// Messages of the short and of the long run.
    pub(crate) messages: [u64; 2],
    /// What callgrind collected in them.
    pub(crate) counted: [u64; 2],
}

/// Resident memory of a server with a small and with a large crowd of idle connections.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MemoryFigures {
    /// The arm, by its name.
    pub(crate) arm: String,
    /// Connections of the small and of the large crowd.
    pub(crate) connections: [usize; 2],
    /// Resident bytes of the server with them.
    pub(crate) resident_bytes: [u64; 2],
}

impl InstructionFigures {
    /// Returns the instructions for each message.
    pub(crate) fn per_message(&self) -> f64 {
        slope(self.messages, self.counted)
    }
}

impl MemoryFigures {
    /// Returns the bytes for each further connection.
    pub(crate) fn bytes_per_connection(&self) -> f64 {
        slope(self.connections.map(|crowd| crowd as u64), self.resident_bytes)
    }
}

/// What a run says about a pair of servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// The server compared.
    pub(crate) arm: String,
    /// The server compared with.
    pub(crate) against: String,
    /// What is compared.
    pub(crate) measure: Measure,
    /// Rounds in which both have it.
    pub(crate) rounds: usize,
    /// The first's over the second's; none for fewer than six rounds.
    pub(crate) ratio: Option<Ratio>,
    /// The probability of such a ratio by chance, corrected for all answers of the run.
    pub(crate) p: Option<f64>,
    /// What the rules make of it.
    pub(crate) standing: Standing,
    /// The same in a sentence.
    pub(crate) sentence: String,
}

/// What a server counted per message, as the slope between a short and a long run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CountFigures {
    /// The arm, by its name.
    pub(crate) arm: String,
    /// The rule of the loop's turns; none for a baseline, which has no such rule.
    pub(crate) turn_rule: Option<Rule>,
    /// Connections.
    pub(crate) connections: usize,
    /// How fast messages came.
    pub(crate) pace: Pace,
    /// Messages of the short and of the long run.
    pub(crate) messages: [u64; 2],
    /// What the servers counted in them.
    pub(crate) counted: [ServerCounts; 2],
}

/// How fast the messages of a counts pass come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pace {
    /// One message at a time, with pauses.
    Idle,
    /// One under way on each connection.
    Saturated,
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pace::Idle => "idle",
            Pace::Saturated => "saturated",
        })
    }
}

impl CountFigures {
    /// Returns one count per message.
    pub(crate) fn per_message(&self, of: impl Fn(&ServerCounts) -> Option<u64>) -> Option<f64> {
        let [short, long] = [of(&self.counted[0])?, of(&self.counted[1])?];
        let messages = self.messages[1] - self.messages[0];
        Some((long as f64 - short as f64) / messages as f64)
    }
}

/// Why an arm has no, or not all, figures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ArmFailure {
    /// The arm, by its name.
    pub(crate) arm: String,
    /// In which part of the run.
    pub(crate) during: String,
    /// What happened.
    pub(crate) reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_per_message_are_the_slope_between_two_runs() {
        let turns = |turns| ServerCounts { turns: Some(turns), ..ServerCounts::default() };
        let figures = CountFigures {
            arm: "callbacks".to_owned(),
            turn_rule: Some(Rule::Bounded),
            connections: 1,
            pace: Pace::Idle,
            messages: [100, 300],
            counted: [turns(1_007), turns(1_407)],
        };
        assert_eq!(figures.per_message(|counts| counts.turns), Some(2.0));
        assert_eq!(figures.per_message(|counts| counts.hops), None);
    }
}
