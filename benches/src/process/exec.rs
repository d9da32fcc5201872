//! `oneloop exec`, hidden: becomes a foreign server, pinned and tied to its parent as our own are.

use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::Args;

use crate::failure::Failure;
use crate::process::cpu::{self, ProcessArguments};

/// The arguments of `exec`.
#[derive(Debug, Args)]
pub(crate) struct ExecArguments {
    #[command(flatten)]
    pub(crate) process: ProcessArguments,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<String>,
}

/// Replaces this process; returns only when that fails.
pub(crate) fn run(arguments: &ExecArguments) -> Result<(), Failure> {
    cpu::follow(&arguments.process)?;
    let (program, rest) = arguments.command.split_first().expect("clap asks for a word");
    let error = Command::new(program).args(rest).exec();
    Err(Failure::Refused(format!("cannot start {program}: {error}")))
}
