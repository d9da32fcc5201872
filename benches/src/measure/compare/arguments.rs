//! What `compare` can be asked.

use std::path::PathBuf;

use clap::Args;
use examples::Style;

use super::length;
use crate::failure::Failure;
use crate::files::run_file::{Arguments, Mode};
use crate::measure::arm::{Arm, ensure_distinct};
use crate::measure::load::Shape;
use crate::measure::peers::Resolved;
use crate::measure::selection::Selection;
use crate::measure::suites::{Citation, Suite};
use crate::values;

pub(crate) const EXAMPLES: &str = "\
Examples:
  oneloop compare
  oneloop compare --only raw,async --connections 256 --seconds 2
  oneloop compare --peer mine='./my-echo {port}' --against mine
  oneloop compare --full --connections 1,64,1000 --load 50
  oneloop compare --resume target/oneloop/20261123T050607Z
  oneloop compare --only raw,async --suite churn
  oneloop compare --only raw,async --peers libuv,node-await

A round measures every server, each phase with a fresh one, in an order drawn
anew: a closed phase (saturated: every connection has exactly one message under
way) and an open one (a Poisson schedule at one rate for all; latency counts
from the intended send time). One server is measured twice: what it differs
from itself is the null, and no smaller difference is one.

--quick, the default, has the null and one rate, and says what it finds as
indicative. --full also has `raw` made 5 us dearer, to show what can be seen
here, the rates that each server keeps up with, instructions and memory, and up
to 200 rounds. A round in which the generator was late (send lag p99 over 500
us) is void, and repeated while time allows. Verdicts are medians over the
rounds with a block-bootstrap interval of 95 %, corrected by Holm for all that
is asked at once.

A peer is started without a shell, for each phase anew, and has 30 s to take a
connection on 127.0.0.1. SIGTERM ends it, and SIGKILL if it has not ended after
15 s. Its CPU time is that of the process that its command becomes. It counts
nothing.";

/// What the positive control spends more than `raw` on each message.
const CONTROL_US: u64 = 5;

/// The arguments of `compare`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CompareArguments {
    /// The null and one rate, in a minute at most (the default)
    #[arg(long, conflicts_with = "full")]
    pub(crate) quick: bool,
    /// All that a verdict takes, in 45 minutes at most
    #[arg(long)]
    pub(crate) full: bool,
    /// Run the loads of a suite, round by round: a name that `oneloop list` shows, or a file
    #[arg(long, value_name = "SUITE", value_parser = Suite::find)]
    #[arg(conflicts_with_all = ["connections", "size"])]
    pub(crate) suite: Option<Suite>,
    /// Connections to each server; several numbers are measured round by round
    #[arg(long, value_name = "N,...", default_value = "64", value_delimiter = ',')]
    #[arg(value_parser = values::connections)]
    pub(crate) connections: Vec<usize>,
    /// Bytes of each message, up to 16 MiB
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = values::size)]
    pub(crate) size: usize,
    /// Rounds, however long they take [default: as many as fit, 7 or 200]
    #[arg(long, value_name = "N", value_parser = values::rounds)]
    pub(crate) rounds: Option<usize>,
    /// The time that rounds may take [default: 1 or 45]
    #[arg(long, value_name = "MINUTES", value_parser = values::minutes)]
    pub(crate) minutes: Option<f64>,
    /// Length of each open phase; a closed one takes half as long [default: 0.5 or 0.6]
    #[arg(long, value_name = "S", value_parser = values::seconds)]
    pub(crate) seconds: Option<f64>,
    /// Rates of the open phases, in percent of what the slowest can [default: 30, or 30,50,70]
    #[arg(long, value_name = "PERCENT,...", value_delimiter = ',', value_parser = values::percent)]
    #[arg(conflicts_with = "rate")]
    pub(crate) load: Vec<f64>,
    /// Messages/s of the open phases, over all connections
    #[arg(long, value_name = "RATE", value_parser = values::rate)]
    pub(crate) rate: Option<f64>,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Compare all others with this server, and answer for each [default: raw, and the styles]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub(crate) against: Vec<String>,
    /// Where each run gets a new directory
    #[arg(long, value_name = "DIR", default_value = "target/oneloop")]
    pub(crate) out: PathBuf,
    /// Open the page of the run in a browser when it has ended
    #[arg(long)]
    pub(crate) open: bool,
    /// Seed of orders and arrivals [default: drawn, and printed]
    #[arg(long, value_name = "SEED")]
    pub(crate) seed: Option<u64>,
    /// Go on with a run that was ended before its time, as it was asked for
    #[arg(long, value_name = "RUN", exclusive = true)]
    pub(crate) resume: Option<PathBuf>,
}

impl CompareArguments {
    /// Lists what is to be measured: each number of connections under each load.
    ///
    /// # Errors
    /// When two servers share a name, or others are to be compared with one that is not there.
    pub(crate) fn cells(&self) -> Result<Vec<Arguments>, Failure> {
        let Resolved { arms, absent } = self.arms()?;
        let mode = if self.full { Mode::Full } else { Mode::Quick };
        let loads = match (&self.load[..], mode) {
            ([], Mode::Full) if self.rate.is_none() => &[30.0, 50.0, 70.0],
            ([], _) => &[30.0][..],
            (given, _) => given,
        };
        let each = |(shape, suite): (Shape, Option<Citation>)| {
            let (arms, absent) = (&arms, &absent);
            loads.iter().map(move |&load_percent| Arguments {
                connections: shape.connections,
                size_bytes: shape.size,
                mode,
                rounds: self.rounds.unwrap_or(1),
                limit_seconds: None,
                seconds: self.seconds.unwrap_or(length::phase_seconds(mode)),
                load_percent,
                rate: self.rate,
                arms: arms.clone(),
                absent: absent.clone(),
                suite: suite.clone(),
                costs: self.full || !self.against.is_empty(),
                against: self.against.clone(),
            })
        };
        let mut cells: Vec<Arguments> = self.shapes().into_iter().flat_map(each).collect();
        length::fit(&mut cells, self.rounds, self.minutes, self.seconds);
        Ok(cells)
    }

    /// Lists the loads of the suite, or each number of connections.
    pub(crate) fn shapes(&self) -> Vec<(Shape, Option<Citation>)> {
        match &self.suite {
            Some(suite) => {
                suite.citations().into_iter().map(|load| (load.shape, Some(load))).collect()
            }
            None => {
                let plain = |connections: &usize| (Shape::plain(*connections, self.size), None);
                self.connections.iter().map(plain).collect()
            }
        }
    }

    /// Lists the servers, and behind them the controls.
    fn arms(&self) -> Result<Resolved, Failure> {
        let Resolved { mut arms, absent } = self.selection.arms()?;
        for name in &self.against {
            if !arms.iter().any(|arm| arm.name() == name) {
                let names: Vec<_> = arms.iter().map(Arm::name).collect();
                let known = names.join(", ");
                let reason = format!("--against {name}: no such server here; there are {known}");
                return Err(Failure::Usage(reason));
            }
        }
        let raw = Arm::Style(Style::Raw);
        let has_raw = arms.contains(&raw);
        let null = Arm::null_of(reference(&arms));
        arms.push(null);
        if self.full && has_raw {
            arms.push(Arm::dearer_raw(CONTROL_US));
        }
        ensure_distinct(&arms).map_err(Failure::Usage)?;
        Ok(Resolved { arms, absent })
    }
}

/// Returns the arm that is measured twice: the floor if it is there, or else the first.
fn reference(arms: &[Arm]) -> &Arm {
    let raw = arms.iter().find(|arm| arm.style() == Some(Style::Raw));
    raw.unwrap_or(&arms[0])
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    fn asked(arguments: &[&str]) -> CompareArguments {
        let command = CompareArguments::augment_args(clap::Command::new("compare"));
        let matches = command.get_matches_from(["compare"].iter().chain(arguments));
        CompareArguments::from_arg_matches(&matches).unwrap()
    }

    fn names(arguments: &[&str]) -> Vec<String> {
        let cells = asked(arguments).cells().unwrap();
        cells[0].arms.iter().map(|arm| arm.name().to_owned()).collect()
    }

    #[test]
    fn the_floor_is_measured_twice_or_else_the_first() {
        assert_eq!(names(&["--only", "async,raw"]), ["async", "raw", "raw-null"]);
        assert_eq!(names(&["--only", "async,tokio"]), ["async", "tokio", "async-null"]);
        assert_eq!(
            names(&["--only", "async,raw", "--full"]),
            ["async", "raw", "raw-null", "raw+5us"]
        );
        assert_eq!(names(&["--only", "async", "--full"]), ["async", "async-null"]);
    }

    #[test]
    fn each_number_of_connections_meets_each_load() {
        let cells = asked(&["--connections", "1,64", "--load", "30,50"]).cells().unwrap();
        let found: Vec<_> =
            cells.iter().map(|cell| (cell.connections, cell.load_percent)).collect();
        assert_eq!(found, [(1, 30.0), (1, 50.0), (64, 30.0), (64, 50.0)]);
        assert_eq!(asked(&["--full"]).cells().unwrap().len(), 3);
        assert_eq!(asked(&["--full", "--rate", "5000"]).cells().unwrap().len(), 1);
    }

    #[test]
    fn only_servers_of_the_run_can_be_compared_with() {
        let refused = asked(&["--only", "raw", "--against", "mine"]).cells().unwrap_err();
        assert!(refused.to_string().contains("there are raw"), "{refused}");
    }
}
