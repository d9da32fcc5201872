//! `run.json`: everything a run found, raw, so that each published number can be traced to it.

use std::fmt;

use examples::ServerCounts;
use hdrhistogram::Histogram;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::measure::arm::Arm;
use crate::measure::load::{Course, Recorder};
use crate::measure::peers::Absent;
use crate::measure::suites::Citation;
use crate::process::environment::{self, Environment};
use crate::values::Rule;

/// The version of the form of `run.json`; it grows when a reader of the old form would be misled.
pub(crate) const SCHEMA: u32 = 2;

/// The name of the file in the directory of a run.
pub(crate) const RUN_NAME: &str = "run.json";

/// The name of the page beside it.
pub(crate) const PAGE_NAME: &str = "report.html";

/// A run, complete or not.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    /// The version of this form.
    pub(crate) schema: u32,
    /// Whether the run ended before its time.
    pub(crate) partial: bool,
    /// When it began.
    pub(crate) started: Timestamp,
    /// The machine and the build.
    pub(crate) environment: Environment,
    /// The command that made the run, to be typed again; runs of older programs have none.
    #[serde(default)]
    pub(crate) command: Option<String>,
    /// What was asked for.
    pub(crate) arguments: Arguments,
    /// What orders and arrivals were drawn from.
    pub(crate) seed: u64,
    /// The rate of all open phases, once known.
    pub(crate) open_rate: Option<f64>,
    /// Rounds whose latencies do not count, because the generator was late in one of them.
    pub(crate) void_rounds: Vec<usize>,
    /// Each closed phase, in order.
    pub(crate) closed: Vec<ClosedFigures>,
    /// Each open phase, in order.
    pub(crate) open: Vec<OpenFigures>,
    /// Counts per message.
    pub(crate) counts: Vec<CountFigures>,
    /// Arms that failed, and why.
    pub(crate) failures: Vec<ArmFailure>,
    /// What the report concluded.
    pub(crate) verdict: String,
    /// The histograms' files.
    pub(crate) series: Vec<String>,
}

/// What the user asked for, defaults filled in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Arguments {
    /// Connections to each server.
    pub(crate) connections: usize,
    /// Bytes of each message.
    pub(crate) size_bytes: usize,
    /// Rounds.
    pub(crate) rounds: usize,
    /// Length of each open phase; a closed one takes half as long.
    pub(crate) seconds: f64,
    /// The rate that overrides the chosen one.
    pub(crate) rate: Option<f64>,
    /// What was compared, in the order of reports.
    pub(crate) arms: Vec<Arm>,
    /// Ready-made peers that are absent on the machine; runs of older programs have none.
    #[serde(default)]
    pub(crate) absent: Vec<Absent>,
    /// The suite that the run belongs to, and its load.
    #[serde(default)]
    pub(crate) suite: Option<Citation>,
}

/// One closed phase of one arm.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ClosedFigures {
    /// The round, from 1.
    pub(crate) round: usize,
    /// The arm, by its name.
    pub(crate) arm: String,
    /// Messages echoed from first to last.
    pub(crate) messages: u64,
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

impl Run {
    /// Begins an empty run.
    pub(crate) fn begin(environment: Environment, arguments: Arguments, seed: u64) -> Run {
        Run {
            schema: SCHEMA,
            partial: false,
            started: Timestamp::now(),
            environment,
            command: environment::command(),
            arguments,
            seed,
            open_rate: None,
            void_rounds: Vec::new(),
            closed: Vec::new(),
            open: Vec::new(),
            counts: Vec::new(),
            failures: Vec::new(),
            verdict: String::new(),
            series: Vec::new(),
        }
    }

    /// Tells whether all of the open rounds are void: their latencies measure the machine.
    pub(crate) fn is_void(&self) -> bool {
        let is_void = |figures: &OpenFigures| self.void_rounds.contains(&figures.round);
        !self.open.is_empty() && self.open.iter().all(is_void)
    }

    /// Tells whether an arm has failed.
    pub(crate) fn has_failed(&self, arm: &str) -> bool {
        self.failures.iter().any(|failure| failure.arm == arm)
    }
}

#[cfg(test)]
mod tests;
