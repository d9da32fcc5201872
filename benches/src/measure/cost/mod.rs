//! `oneloop cost`: what a message costs a server, counted and not timed.
//!
//! Rule: every figure is the slope between a short and a long run, so that what happens once does
//! not count. What cannot be counted on this system is said once; a server that fails is named; the
//! rest goes on.

mod beside;
mod callgrind;
mod crossings;
mod depth;
mod figures;
mod idle;
mod panels;
pub(crate) mod programs;
mod scale;
mod session;
pub(crate) mod slope;
mod strace;
mod table;
mod timing;
mod volume;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, Subcommand};

use crate::failure::Failure;
use crate::files::record;
use crate::files::run_directory::RunDirectory;
use crate::files::run_file::{Arguments, Mode};
use crate::measure::peers::{self, Resolved};
use crate::measure::plan::{Interrupted, Plan};
use crate::measure::selection::Selection;
use crate::output::{self, Dress};
use crate::process::cpu;
use crate::process::environment::Environment;
use crate::process::interrupt::Interrupt;
use crate::process::limits;
use crate::values;
use depth::DepthArguments;
use figures::CostReport;
use programs::ProgramsArguments;
use scale::ScaleArguments;
use session::Session;

pub(crate) use beside::measure as beside_the_clock;

/// What a count leaves.
const RECORD: &str = "cost.json";

pub(crate) const EXAMPLES: &str = "\
Examples:
  oneloop cost echo                     about two minutes
  oneloop cost echo --quick             shorter runs, the same columns
  oneloop cost echo --only raw,async --json
  oneloop cost echo --only raw --peers libuv,go
  oneloop cost echo --connections 4000  as many under way at once
  oneloop cost scale --svg scale.svg    whether that grows
  oneloop cost crossings                from each colour to each other
  oneloop cost depth --svg depth.svg    against depth, length, width
  oneloop cost programs --only chat     an operation of a program

Counted for an echo are system calls (by strace), user-space instructions (by
valgrind's callgrind), allocations, turns of the loop, and resident bytes of an
idle connection. These figures do not depend on how fast or how busy the
machine is. What the system has no tool for is left out, and said so. A peer
counts nothing itself, and its figures are those of the process that its
command becomes.";

/// The arguments of `cost`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CostArguments {
    /// What to count
    #[command(subcommand)]
    pub(crate) subject: Subject,
}

/// What can be counted.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Subject {
    /// A message that a server echoes
    Echo(EchoArguments),
    /// The same against connections, size and pipeline: whether it grows
    Scale(ScaleArguments),
    /// A call from each colour of function into each other
    Crossings(PlainArguments),
    /// Calls in depth, in a chain and side by side
    Depth(DepthArguments),
    /// An operation of each program that is written in every style
    Programs(ProgramsArguments),
}

/// The arguments of what is measured in this process.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct PlainArguments {
    /// Fewer samples
    #[arg(long)]
    pub(crate) quick: bool,
    /// Print one JSON object instead of tables
    #[arg(long)]
    pub(crate) json: bool,
}

/// The arguments of `cost echo`.
#[derive(Clone, Debug, Args)]
pub(crate) struct EchoArguments {
    /// Connections of the loads that have many
    #[arg(long, value_name = "N", default_value = "64", value_parser = values::connections)]
    pub(crate) connections: usize,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Shorter runs
    #[arg(long)]
    pub(crate) quick: bool,
    /// Where each run gets a new directory
    #[arg(long, value_name = "DIR", default_value = "target/oneloop")]
    pub(crate) out: PathBuf,
    /// Print one JSON object instead of tables
    #[arg(long)]
    pub(crate) json: bool,
}

/// Counts what was asked for.
pub(crate) fn run(asked: &CostArguments) -> Result<(), Failure> {
    match &asked.subject {
        Subject::Echo(asked) => echo(asked),
        Subject::Scale(asked) => scale::run(asked),
        Subject::Crossings(asked) => crossings::run(asked),
        Subject::Depth(asked) => depth::run(asked),
        Subject::Programs(asked) => programs::run(asked),
    }
}

/// Returns the load of a plain `compare`.
fn usual_load(of: Resolved) -> Arguments {
    Arguments {
        connections: 64,
        size_bytes: 64,
        mode: Mode::Quick,
        rounds: 1,
        limit_seconds: None,
        seconds: 1.0,
        load_percent: 30.0,
        rate: None,
        arms: of.arms,
        absent: of.absent,
        suite: None,
        costs: false,
        against: Vec::new(),
    }
}

/// Reads a count that is over, if the path has one, and composes its report.
///
/// # Errors
/// Names the file and says why it cannot be used.
pub(crate) fn past(path: &Path) -> Result<Option<String>, Failure> {
    let Some(file) = record::find(path, RECORD) else { return Ok(None) };
    let report: CostReport = record::read(&file, figures::SCHEMA)?;
    Ok(Some(table::compose(&report, Dress::Plain)))
}

/// Counts everything about an echo, prints tables or JSON.
fn echo(asked: &EchoArguments) -> Result<(), Failure> {
    limits::ensure_connections_fit(asked.connections)?;
    let resolved = asked.selection.arms()?;
    let interrupt = Interrupt::listen()
        .map_err(|error| Failure::Refused(format!("cannot listen for signals: {error}")))?;
    let load = Arguments { connections: asked.connections, ..usual_load(resolved) };
    let plan = Plan::new(load, None, interrupt);
    if let Some(placement) = plan.placement {
        // A refusal leaves the generator where it is; the servers pin themselves or fail.
        let _ = cpu::pin(placement.generator);
    }
    let environment = Environment::observe(plan.placement);
    let begun = Instant::now();
    let report = CostReport::begin(environment, asked.connections, asked.quick);
    let cannot_write =
        |error| Failure::Refused(format!("cannot write to {}: {error}", asked.out.display()));
    let mut directory = RunDirectory::create(&asked.out, report.started).map_err(cannot_write)?;
    let mut session = Session::begin(&plan, asked.quick, report);
    let finished = session.measure();
    let mut report = session.end();
    report.partial = finished.is_err();
    report.environment.finish(begun.elapsed());
    report.peers = peers::notes(&plan.arguments.arms, &plan.arguments.absent).collect();
    let text = if asked.json {
        let line = serde_json::to_string(&report).expect("a report is plain data");
        format!("{line}\n")
    } else {
        table::compose(&report, Dress::of_stdout())
    };
    let left = record::leave(&mut directory, RECORD, &report, &report.table());
    let files = match (&left, asked.json) {
        (Ok(()), false) => {
            let file = directory.path().join(RECORD);
            format!("\nFiles: {}, and every figure as cost.csv\n", file.display())
        }
        _ => String::new(),
    };
    output::print(&(text + &files))?;
    left.map_err(cannot_write)?;
    match finished {
        Err(Interrupted) => Err(Failure::Interrupted),
        Ok(()) if !report.failures.is_empty() => Err(Failure::Arms),
        Ok(()) => Ok(()),
    }
}
