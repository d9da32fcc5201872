//! The command line: what can be asked, and what is refused before anything starts.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use examples::Style;
use loop_core::TurnRule;
use serde::{Deserialize, Serialize};

use crate::claims::{self, ClaimArguments, ClaimsArguments};
use crate::cost::programs::operate::OperateArguments;
use crate::cost::{self, CostArguments};
use crate::cpu::ProcessArguments;
use crate::demo::{self, DemoArguments};
use crate::duel::{self, BurnArguments, DuelArguments};
use crate::exec::ExecArguments;
use crate::load::SIZE_MAX;
use crate::nearest;
use crate::past_run::ReportArguments;
use crate::redis::{self, RedisArguments, ServeKeyValueArguments};
use crate::run::{self, RunArguments};
use crate::selection::Selection;
use crate::show::{self, ShowArguments};

const EXAMPLES: &str = "\
Examples:
  oneloop                                    compare the styles, about 40 s
  oneloop --only callbacks,promises,async    compare the three styles of the loop
  oneloop compare --size 16384 --rounds 10   larger messages, more rounds
  oneloop duel raw async                     what a message costs, to about 1 %
  oneloop cost echo --quick                  count what a message costs
  oneloop serve echo --style async --listen 127.0.0.1:7000
  oneloop load --connect 127.0.0.1:7000 --rate 20000 --seconds 5

Exit codes: 0 well, 1 an address or a file refused, 2 bad input or a server that failed,
130 ended by Ctrl-C.";

const COMPARE_EXAMPLES: &str = "\
Examples:
  oneloop compare
  oneloop compare --only raw,async --connections 256 --seconds 2
  oneloop compare --rate 20000 --rounds 20 --out results
  oneloop compare --only raw --peer libuv='./uv-echo {port}' --peer go='go-echo :{port}'

A peer is started without a shell, for each phase anew, and has 30 s to take a connection on
127.0.0.1. SIGTERM ends it, and SIGKILL if it has not ended after 15 s. Its CPU time is that of the
process that its command becomes. It counts nothing.

Each round has two phases for each style, each with a fresh server: a closed one (saturated: every
connection has exactly one message under way) and an open one (a Poisson schedule at one rate for
all, 30 % of what the slowest style reached in the first round; latency counts from the intended
send time).";

const SERVE_EXAMPLES: &str = "\
Examples:
  oneloop serve echo --style callbacks --listen 127.0.0.1:7000
  oneloop serve echo --style promises --listen 127.0.0.1:0 --counts --turn-rule snapshot

The first line on standard output is `listening on ADDR`. SIGINT and SIGTERM end it with code 0.";

const LOAD_EXAMPLES: &str = "\
Examples:
  oneloop load --connect 127.0.0.1:7000                  closed: as fast as replies come
  oneloop load --connect 127.0.0.1:7000 --rate 20000     open: 20,000 messages/s, replies or not
  oneloop load --connect 127.0.0.1:7000 --json";

/// One event loop, three ways to write programs for it: the comparison.
#[derive(Debug, Parser)]
#[command(name = "oneloop", version = env!("ONELOOP_VERSION"), after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    /// What to do; without it, `compare`.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) compare: CompareArguments,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compare the styles (the default)
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(CompareArguments),
    /// Tell two servers apart by the CPU time that a message costs them
    #[command(after_help = duel::EXAMPLES)]
    Duel(DuelArguments),
    /// Run one server until SIGINT or SIGTERM
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ServeArguments),
    /// Run the load generator alone, against any echo server
    #[command(after_help = LOAD_EXAMPLES)]
    Load(LoadArguments),
    /// Count what a message costs: calls, instructions, allocations, memory
    #[command(after_help = cost::EXAMPLES)]
    Cost(CostArguments),
    /// Run the experiments of a claim, and show what they saw
    #[command(after_help = claims::EXAMPLES)]
    Claim(ClaimArguments),
    /// List what the essays assert, with verdicts
    #[command(after_help = claims::EXAMPLES)]
    Claims(ClaimsArguments),
    /// Show what is claimed by doing it
    #[command(after_help = demo::EXAMPLES)]
    Demo(DemoArguments),
    /// Show code side by side, and what crosses from colour to colour
    #[command(after_help = show::EXAMPLES)]
    Show(ShowArguments),
    /// Compare the key-value server, in each style, with a real Redis
    #[command(after_help = redis::EXAMPLES)]
    Redis(RedisArguments),
    /// Run a program that is written in every style
    #[command(after_help = run::EXAMPLES)]
    Run(RunArguments),
    /// Print a comparison again from its files
    Report(ReportArguments),
    /// List the scenarios, the programs, the demonstrations and the styles
    List,
    /// Become another program, pinned and tied to its parent
    #[command(hide = true)]
    Exec(ExecArguments),
    /// One program of `cost programs`
    #[command(hide = true)]
    Operate(OperateArguments),
    /// One server of `redis`
    #[command(hide = true)]
    ServeKeyValue(ServeKeyValueArguments),
    /// The server of the duel's self-test
    #[command(hide = true)]
    Burn(BurnArguments),
}

/// The arguments of `compare`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CompareArguments {
    /// Connections to each server
    #[arg(long, value_name = "N", default_value = "64", value_parser = connections)]
    pub(crate) connections: usize,
    /// Bytes of each message, up to 16 MiB
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = size)]
    pub(crate) size: usize,
    /// Rounds; each measures every style, in an order drawn anew
    #[arg(long, value_name = "N", default_value = "4", value_parser = rounds)]
    pub(crate) rounds: usize,
    /// Length of each open phase; a closed one takes half as long
    #[arg(long, value_name = "S", default_value = "0.85", value_parser = seconds)]
    pub(crate) seconds: f64,
    /// Messages/s of the open phases, over all connections [default: 30 % of the slowest style]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Where each run gets a new directory
    #[arg(long, value_name = "DIR", default_value = "target/oneloop")]
    pub(crate) out: PathBuf,
    /// Seed of orders and arrivals [default: drawn, and printed]
    #[arg(long, value_name = "SEED")]
    pub(crate) seed: Option<u64>,
}

/// The arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// What to serve
    pub(crate) scenario: Scenario,
    /// The style that the server is written in
    #[arg(long, value_name = "STYLE", value_parser = style)]
    pub(crate) style: Style,
    /// The address to listen on; port 0 lets the system choose
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// Print what was counted as one line of JSON at the end
    #[arg(long)]
    pub(crate) counts: bool,
    /// How many ready callbacks a turn runs before it asks the kernel again
    #[arg(long, value_name = "RULE", default_value = "bounded")]
    pub(crate) turn_rule: Rule,
    #[command(flatten)]
    pub(crate) process: ProcessArguments,
}

/// The arguments of `load`.
#[derive(Debug, Args)]
pub(crate) struct LoadArguments {
    /// The echo server's address
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(crate) connect: SocketAddr,
    /// Messages/s over all connections; without it, as fast as replies come
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Length of the measurement
    #[arg(long, value_name = "S", default_value = "5", value_parser = seconds)]
    pub(crate) seconds: f64,
    /// Connections
    #[arg(long, value_name = "N", default_value = "64", value_parser = connections)]
    pub(crate) connections: usize,
    /// Bytes of each message, up to 16 MiB
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = size)]
    pub(crate) size: usize,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// What can be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Sends back every byte
    Echo,
}

/// The rule of the loop's turns, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Rule {
    /// What is ready, and what becomes ready meanwhile, up to a bound
    Bounded,
    /// Only what was ready when the turn began, as asyncio does
    Snapshot,
}

impl Rule {
    /// Returns the name by which the command line calls the rule.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Rule::Bounded => "bounded",
            Rule::Snapshot => "snapshot",
        }
    }

    /// Returns the loop's own form of the rule.
    pub(crate) fn turn_rule(self) -> TurnRule {
        match self {
            Rule::Bounded => TurnRule::default(),
            Rule::Snapshot => TurnRule::Snapshot,
        }
    }
}

/// Finds a style, or says which exist and which one was probably meant.
pub(crate) fn style(name: &str) -> Result<Style, String> {
    name.parse().map_err(|_| {
        let names = Style::ALL.map(Style::name);
        let hint = nearest::hint(name, names);
        format!("no such style; {hint}the styles are {}", names.join(", "))
    })
}

fn address(text: &str) -> Result<SocketAddr, String> {
    // The one host name that needs no resolver.
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    numeric.as_deref().unwrap_or(text).parse().map_err(|_| {
        "an address is an IP address and a port, such as 127.0.0.1:7000 or [::1]:7000".to_owned()
    })
}

pub(crate) fn connections(text: &str) -> Result<usize, String> {
    whole(text, 1, 1_000_000, "connections")
}

pub(crate) fn size(text: &str) -> Result<usize, String> {
    whole(text, 1, SIZE_MAX, "bytes (16 MiB)")
}

pub(crate) fn rounds(text: &str) -> Result<usize, String> {
    whole(text, 1, 1_000, "rounds")
}

pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    positive(text, 0.05, 600.0, "seconds")
}

fn rate(text: &str) -> Result<f64, String> {
    positive(text, 0.1, 10_000_000.0, "messages/s")
}

fn whole(text: &str, least: usize, most: usize, unit: &str) -> Result<usize, String> {
    let within = text.parse().ok().filter(|number| (least..=most).contains(number));
    within.ok_or_else(|| format!("must be a whole number from {least} to {most} {unit}"))
}

fn positive(text: &str, least: f64, most: f64, unit: &str) -> Result<f64, String> {
    // A NaN is in no range.
    let within = text.parse().ok().filter(|number| (least..=most).contains(number));
    within.ok_or_else(|| format!("must be a number from {least} to {most} {unit}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_of_compare_work_without_its_name() {
        let cli = Cli::try_parse_from(["oneloop", "--connections", "8", "--only", "raw,async"]);
        let cli = cli.unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.compare.connections, 8);
        assert_eq!(cli.compare.selection.only, [Style::Raw, Style::Async]);
    }

    #[test]
    fn an_unknown_style_names_the_nearest_and_all() {
        let reason = style("calbacks").unwrap_err();
        assert!(reason.contains("did you mean `callbacks`?"), "{reason}");
        assert!(reason.contains("raw, threads, tokio"), "{reason}");
        assert!(!style("zzz").unwrap_err().contains("did you mean"));
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert!(connections("0").is_err());
        assert!(size("0").is_err());
        assert!(size("16777216").is_ok());
        assert!(size("16777217").is_err());
        assert!(rounds("0").is_err());
        for bad in ["NaN", "-1", "0", "inf", "1e300", "fast"] {
            assert!(rate(bad).is_err(), "{bad}");
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_are_numbers_or_localhost() {
        assert_eq!(address("localhost:80").unwrap().to_string(), "127.0.0.1:80");
        assert!(address("[::1]:0").is_ok());
        assert!(address("127.0.0.1").is_err());
        assert!(address("example.org:80").is_err());
    }
}
