//! `run.json`: everything a run found, raw, so that each published number can be traced to it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::files::figures::{
    Answer, ArmFailure, ClosedFigures, CountFigures, InstructionFigures, MemoryFigures,
    OpenFigures, SaturationFigures,
};
use crate::measure::arm::Arm;
use crate::measure::load::Shape;
use crate::measure::peers::asked::Absent;
use crate::measure::suites::citation::Citation;
use crate::process::environment::{self, Environment};

/// The version of the form of `run.json`; it grows when a reader of the old form would be misled.
pub(crate) const SCHEMA: u32 = 3;

/// The name of the file in the directory of a run.
pub(crate) const RUN_NAME: &str = "run.json";

/// The name of the page beside it.
pub(crate) const PAGE_NAME: &str = "report.html";

/// A run, complete or not.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    /// The version of this form.
    pub(crate) schema: u32,
    /// Whether the run ended before its time; it can be resumed.
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
    /// When it was resumed.
    #[serde(default)]
    pub(crate) resumed: Vec<Timestamp>,
    /// Whole rounds: a resumed run goes on behind them.
    pub(crate) rounds_done: usize,
    /// Bytes of the log after the last whole round.
    pub(crate) log_bytes: u64,
    /// What rates each arm kept up with; only a full run searches for them.
    pub(crate) saturation: Vec<SaturationFigures>,
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
    /// User-space instructions; only a full run counts them.
    pub(crate) instructions: Vec<InstructionFigures>,
    /// Memory of idle connections; only a full run measures it.
    pub(crate) memory: Vec<MemoryFigures>,
    /// What could not be counted here, and why; a sentence each.
    pub(crate) uncounted: Vec<String>,
    /// Arms that failed, and why.
    pub(crate) failures: Vec<ArmFailure>,
    /// What the run says about each pair of arms, and about the controls.
    pub(crate) answers: Vec<Answer>,
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
    /// How much is asked.
    pub(crate) mode: Mode,
    /// Rounds that are to count.
    pub(crate) rounds: usize,
    /// The time after which no further round begins, if there is such a time.
    pub(crate) limit_seconds: Option<f64>,
    /// Length of each open phase; a closed one takes half as long.
    pub(crate) seconds: f64,
    /// The rate of the open phases, as a share of what the slowest arm can.
    pub(crate) load_percent: f64,
    /// The rate that overrides the chosen one.
    pub(crate) rate: Option<f64>,
    /// What was compared, in the order of reports, and the controls last.
    pub(crate) arms: Vec<Arm>,
    /// Whether instructions and memory are counted as well.
    pub(crate) costs: bool,
    /// The arms that all others are compared with; if none is named, the first.
    pub(crate) against: Vec<String>,
    /// Ready-made peers that are absent on the machine; runs of older programs have none.
    #[serde(default)]
    pub(crate) absent: Vec<Absent>,
    /// The suite that the run belongs to, and its load.
    #[serde(default)]
    pub(crate) suite: Option<Citation>,
}

/// How much a comparison asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// A null and one rate, in a minute: indicative.
    Quick,
    /// All that a verdict takes.
    Full,
}

impl Arguments {
    /// Returns the load: that of the suite, or else a plain one.
    pub(crate) fn shape(&self) -> Shape {
        let plain = Shape::plain(self.connections, self.size_bytes);
        self.suite.as_ref().map_or(plain, |suite| suite.shape)
    }
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
            resumed: Vec::new(),
            rounds_done: 0,
            log_bytes: 0,
            saturation: Vec::new(),
            open_rate: None,
            void_rounds: Vec::new(),
            closed: Vec::new(),
            open: Vec::new(),
            counts: Vec::new(),
            instructions: Vec::new(),
            memory: Vec::new(),
            uncounted: Vec::new(),
            failures: Vec::new(),
            answers: Vec::new(),
            verdict: String::new(),
            series: Vec::new(),
        }
    }

    /// Tells whether all of the open rounds are void: their latencies measure the machine.
    pub(crate) fn is_void(&self) -> bool {
        let is_void = |figures: &OpenFigures| self.void_rounds.contains(&figures.round);
        !self.open.is_empty() && self.open.iter().all(is_void)
    }

    /// Tells whether anything was counted beside the clock.
    pub(crate) fn has_costs(&self) -> bool {
        !(self.saturation.is_empty() && self.instructions.is_empty() && self.memory.is_empty())
    }

    /// Lists the arms that have not failed, without the controls.
    pub(crate) fn servers(&self) -> impl Iterator<Item = &Arm> {
        let arms = self.arguments.arms.iter();
        arms.filter(|arm| !arm.is_control() && !self.has_failed(arm.name()))
    }

    /// Tells whether the latencies of a round count.
    pub(crate) fn is_valid(&self, round: usize) -> bool {
        !self.void_rounds.contains(&round)
    }

    /// Forgets what a round left that was not finished.
    pub(crate) fn drop_unfinished_round(&mut self) {
        let whole = |round: usize| round <= self.rounds_done;
        self.closed.retain(|figures| whole(figures.round));
        self.open.retain(|figures| whole(figures.round));
        self.void_rounds.retain(|&round| whole(round));
    }

    /// Tells whether an arm has failed.
    pub(crate) fn has_failed(&self, arm: &str) -> bool {
        self.failures.iter().any(|failure| failure.arm == arm)
    }
}
