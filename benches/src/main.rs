//! `oneloop`: compares three styles of program on one event loop.
//!
//! ```text
//!   cli                                                what can be asked
//!    └──► serve  run  demo  show/  list  claims/  past_run  verify  diff
//!         measure/ (compare, duel, cost)              commands
//!          └──► report/  page/                        what a run means, in a terminal, in a browser
//!                └──► files/  statistics/             what a run leaves; intervals and verdicts
//!                      └──► measure/ (load, arm)  process/  values  output  failure
//! ```
//!
//! `cli` is what can be asked; each command has its arguments beside it. `measure/` is how servers are
//! compared, `files/` what a run leaves, `process/` this process, its children and the machine.
//!
//! `compare` starts a server for each style (`serve`), drives it with the generator (`load`),
//! counts (`counts`), keeps all figures (`run_file`, `interval_log`, `hgrm`) and tells what they
//! mean (`report`, and `page` for a browser), then or later (`past_run`). `verify` computes a run's
//! figures again from what was recorded, and `diff` tells what has changed between two runs.
//! `duel` compares two servers by CPU time alone, closely.
//! `claims` lists what the essays assert, and `claim` runs the experiments that decide it.
//! `show` lays code out to be read, and `demo` does what is claimed.
//! `cost` counts what does not vary: system calls, instructions, allocations, memory.
//! `run` runs a program that is written in every style.
//! `peers` are echo servers on other loops, ready to be compared.
//! `redis` holds the key-value server beside a real Redis.
//!
//! # Decisions
//!
//! - **Arms.** What is measured is an `Arm`: a built-in style, a baseline, a control or a peer, another
//!   server behind `--peer NAME='COMMAND {port}'`. Its name is its identity in tables, tags and files, so
//!   no two arms share one. Each is a process of its own, pinned to the server's processor, started
//!   afresh for each phase, ended with its parent even when that is killed: a peer is started by the
//!   hidden `oneloop exec`, which does to itself what our servers do, and then becomes the peer. A peer
//!   takes connections within 30 s or has failed; it ends by SIGTERM, or else SIGKILL, with its whole
//!   process group. It counts nothing. `smol` is a baseline that a comparison leaves out unless asked;
//!   since its sockets never yield while they are ready, its server yields after 64 KiB, as much as the
//!   others move in a turn. The ready-made peers of `peers/` are part of the binary as sources, written
//!   out and compiled in `target/peers` when they are first used and when a source is newer; each
//!   source's own head says how it is compiled, and the program reads it there.
//! - **Verdicts of a comparison.** A round is a block: every arm once, in an order drawn anew. A figure
//!   of two arms is divided within a round; the answer is the median of the ratios with a block-bootstrap
//!   interval, and Holm's correction over all answers of the run. It stands if the interval excludes 1,
//!   it is greater than the null reaches, and, in a full run, the control (`raw` made 5 us dearer) was
//!   found in that measure; a null that lies beyond the margin of its measure voids the measure.
//!   `statistics/` has the rules and knows neither servers nor files; `report/answers` asks. 400
//!   resamplings of recorded rounds of one server hold both kinds of error
//!   (`report/answers/tests/recorded.rs`).
//! - **A run can be left.** After each whole round `run.json` is written whole, with the length of the
//!   log; a resumed run cuts the log there and goes on with the same seeds. Several connections or loads
//!   are a sweep: a directory of runs, measured round by round, so that all meet the same machine.
//! - **Duels.** Cost is compared as CPU time per message, pair of slices by pair, of two servers on one
//!   processor that a busy loop takes half of: below saturation a dearer server sleeps less and looks
//!   cheaper. The generator never sleeps there: waking it costs the server CPU, which made 5 us look like
//!   7. The interval is the exact binomial one of the median, which assumes no distribution; no pair is
//!   ever left out. A difference stands if the interval excludes 1 and it is greater than the null's
//!   interval reaches from 1.
//! - **Loads.** A suite is a file of loads with a name and a version, part of the binary or a user's; a
//!   run cites it and has the load's whole shape, so that the file is not needed to read the run. With
//!   churn, a client ends its half when it has its reply and waits for the server's end; slow readers
//!   have their turns one after the other, so that none of them makes the generator late. Loads of
//!   several machines are added up from the logs of `oneloop load`, which have the clock, the program and
//!   the load in a comment that other readers of interval logs pass over.
//! - **Files of a run.** `run.json` has every figure and what was asked for; `run.hlog` (HdrHistogram's
//!   interval log, version 2) has every phase of every round as an interval with the tag
//!   `ARM/PHASE/SERIES`, in nanoseconds; the `.hgrm` files have the valid rounds merged, in microseconds,
//!   at ticks that are the same in all of them, as the public plotter wants; `run.csv` has every figure
//!   as a row. `verify` computes all of them again from what was recorded. The report is a function of
//!   `run.json` and `run.hlog`, and `oneloop report` prints it again. The schema in `run.json` is the
//!   version of both; a reader refuses any other.
//! - **Depth.** `cost depth` draws the shapes of `examples::demonstrations::depth` by `plotters`, once,
//!   on two backends: SVG and characters.

#[cfg(windows)]
compile_error!("oneloop needs a Unix: its loop wakes itself through a pipe");

mod claims;
mod cli;
mod demo;
mod diff;
mod failure;
mod files;
mod list;
mod measure;
mod merged;
mod nearest;
mod output;
mod page;
mod past_run;
mod process;
mod report;
mod run;
mod serve;
mod show;
mod statistics;
mod values;
mod verify;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use cli::{Cli, Command};
use failure::Failure;
use measure::{compare, cost, duel, load_alone, peers, redis};
use process::exec;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let outcome = match cli.command.unwrap_or(Command::Compare(cli.compare)) {
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Duel(arguments) => duel::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Load(arguments) => load_alone::run(&arguments),
        Command::Report(arguments) => past_run::print(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Cost(arguments) => cost::run(&arguments),
        Command::Claim(arguments) => claims::run(&arguments),
        Command::Claims(arguments) => claims::run_all(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Show(arguments) => show::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::List => list::run(),
        Command::Peers(arguments) => peers::run(&arguments),
        Command::Redis(arguments) => redis::run(&arguments),
        Command::Operate(arguments) => cost::programs::operate::run(&arguments),
        Command::Exec(arguments) => exec::run(&arguments),
        Command::ServeKeyValue(arguments) => redis::serve(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure.to_string());
            failure.exit_code()
        }
    }
}

/// Prints help where help was asked for, and otherwise why the arguments cannot be used.
fn refuse(error: &clap::Error) -> ExitCode {
    if error.kind() == ErrorKind::ValueValidation {
        // Our own sentences say it all; clap's pointer to --help would follow.
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        let failure = Failure::Usage(line.trim_start_matches("error: ").to_owned());
        output::complain(&failure.to_string());
        return failure.exit_code();
    }
    // A closed pipe is no reason for a second complaint.
    let _ = error.print();
    ExitCode::from(error.exit_code() as u8)
}
