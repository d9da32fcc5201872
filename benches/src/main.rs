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
//! `cost` counts what does not wobble: system calls, instructions, allocations, memory.
//! `run` runs a program that is written in every style.
//! `peers` are echo servers on other loops, ready to be compared.
//! `redis` holds the key-value server beside a real Redis.

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
