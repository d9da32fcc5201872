//! What `compare` can be asked.

use std::path::PathBuf;

use clap::{Args, FromArgMatches};

use crate::measure::load::Shape;
use crate::measure::selection::Selection;
use crate::measure::suites::Suite;
use crate::values;

pub(crate) const EXAMPLES: &str = "\
Examples:
  oneloop compare
  oneloop compare --only raw,async --connections 256 --seconds 2
  oneloop compare --rate 20000 --rounds 20 --out results
  oneloop compare --only raw,async --suite churn
  oneloop compare --only raw,async --peers libuv,node-await
  oneloop compare --only raw --peers all --peer mine='./my-echo --listen :{port}'

A peer is started without a shell, for each phase anew, and has 30 s to take a connection on
127.0.0.1. SIGTERM ends it, and SIGKILL if it has not ended after 15 s. Its CPU time is that of the
process that its command becomes. It counts nothing.

Each round has two phases for each style, each with a fresh server: a closed one (saturated: every
connection has exactly one message under way) and an open one (a Poisson schedule at one rate for
all, 30 % of what the slowest style reached in the first round; latency counts from the intended
send time).";

/// The arguments of `compare`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CompareArguments {
    /// Run the loads of a suite, each a run of its own: a name that `oneloop list` shows, or a file
    #[arg(long, value_name = "SUITE", value_parser = Suite::find)]
    #[arg(conflicts_with_all = ["connections", "size"])]
    pub(crate) suite: Option<Suite>,
    /// Connections to each server
    #[arg(long, value_name = "N", default_value = "64", value_parser = values::connections)]
    pub(crate) connections: usize,
    /// Bytes of each message, up to 16 MiB
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = values::size)]
    pub(crate) size: usize,
    /// Rounds; each measures every style, in an order drawn anew
    #[arg(long, value_name = "N", default_value = "4", value_parser = values::rounds)]
    pub(crate) rounds: usize,
    /// Length of each open phase; a closed one takes half as long
    #[arg(long, value_name = "S", default_value = "0.85", value_parser = values::seconds)]
    pub(crate) seconds: f64,
    /// Messages/s of the open phases, over all connections [default: 30 % of the slowest style]
    #[arg(long, value_name = "RATE", value_parser = values::rate)]
    pub(crate) rate: Option<f64>,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Where each run gets a new directory
    #[arg(long, value_name = "DIR", default_value = "target/oneloop")]
    pub(crate) out: PathBuf,
    /// Open the page of the run in a browser when it has ended
    #[arg(long)]
    pub(crate) open: bool,
    /// Seed of orders and arrivals [default: drawn, and printed]
    #[arg(long, value_name = "SEED")]
    pub(crate) seed: Option<u64>,
}

impl CompareArguments {
    /// Returns the plain load that is asked for without a suite.
    pub(crate) fn shape(&self) -> Shape {
        Shape::plain(self.connections, self.size)
    }

    /// Returns what is asked where nothing is said.
    pub(crate) fn unsaid() -> CompareArguments {
        let command = CompareArguments::augment_args(clap::Command::new("compare"));
        CompareArguments::from_arg_matches(&command.get_matches_from(["compare"]))
            .expect("every argument has a default")
    }
}
