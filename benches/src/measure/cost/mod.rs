//! `oneloop cost`: what a message costs a server, counted and not timed.
//!
//! Rule: every figure is the slope between a short and a long run, so that what happens once does
//! not count. What cannot be counted on this system is said once; a server that fails is named; the
//! rest goes on.

mod callgrind;
mod crossings;
mod depth;
mod figures;
mod idle;
pub(crate) mod programs;
mod session;
mod slope;
mod strace;
mod table;
mod timing;
mod volume;

use std::time::Instant;

use clap::{Args, Subcommand};

use crate::failure::Failure;
use crate::measure::compare::{CompareArguments, Interrupted, Plan};
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
use session::Session;

pub(crate) const EXAMPLES: &str = "\
Examples:
  oneloop cost echo                          about two minutes
  oneloop cost echo --quick                  shorter runs, the same columns
  oneloop cost echo --only raw,async --json
  oneloop cost echo --connections 4000       as many under way at once
  oneloop cost echo --only raw --peer go='go-echo :{port}'
  oneloop cost crossings                     from each colour to each other, and a yardstick
  oneloop cost depth --svg depth.svg         against depth, length and width, with the slopes
  oneloop cost programs --only chat          an operation of a program, in every style

Counted for an echo are system calls (by strace), user-space instructions (by valgrind's callgrind),
allocations, turns of the loop, and resident bytes of an idle connection. These figures do not
depend on how fast or how busy the machine is. What the system has no tool for is left out, and
said so. A peer counts nothing itself, and its figures are those of the process that its command
becomes.";

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
    /// Print one JSON object instead of tables
    #[arg(long)]
    pub(crate) json: bool,
}

/// Counts what was asked for.
pub(crate) fn run(asked: &CostArguments) -> Result<(), Failure> {
    match &asked.subject {
        Subject::Echo(asked) => echo(asked),
        Subject::Crossings(asked) => crossings::run(asked),
        Subject::Depth(asked) => depth::run(asked),
        Subject::Programs(asked) => programs::run(asked),
    }
}

/// Counts everything about an echo, prints tables or JSON.
fn echo(asked: &EchoArguments) -> Result<(), Failure> {
    limits::ensure_connections_fit(asked.connections)?;
    let arms = asked.selection.arms()?;
    let interrupt = Interrupt::listen()
        .map_err(|error| Failure::Refused(format!("cannot listen for signals: {error}")))?;
    // The load is compare's, 64 bytes a message.
    let compared =
        CompareArguments { connections: asked.connections, ..CompareArguments::unsaid() };
    let plan = Plan::new(&compared, arms, interrupt);
    if let Some(placement) = plan.placement {
        // A refusal leaves the generator where it is; the servers pin themselves or fail.
        let _ = cpu::pin(placement.generator);
    }
    let environment = Environment::observe(plan.placement);
    let begun = Instant::now();
    let report = CostReport::begin(environment, asked.connections, asked.quick);
    let mut session = Session::begin(&plan, asked.quick, report);
    let finished = session.measure();
    let mut report = session.end();
    report.partial = finished.is_err();
    report.environment.finish(begun.elapsed());
    let text = if asked.json {
        let line = serde_json::to_string(&report).expect("a report is plain data");
        format!("{line}\n")
    } else {
        table::compose(&report, Dress::of_stdout())
    };
    output::print(&text)?;
    match finished {
        Err(Interrupted) => Err(Failure::Interrupted),
        Ok(()) if !report.failures.is_empty() => Err(Failure::Arms),
        Ok(()) => Ok(()),
    }
}
