//! The hidden `launch`: becomes a foreign server, pinned, that ends with its parent.
//!
//! A process can only ask for both on its own behalf; both outlast its becoming another program.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::Args;

use crate::cpu;
use crate::failure::Failure;

/// The arguments of `launch`.
#[derive(Debug, Args)]
pub(crate) struct LaunchArguments {
    /// The processor to run on
    #[arg(long, value_name = "N")]
    cpu: usize,
    /// End when this process, the parent, has ended
    #[arg(long, value_name = "PID")]
    end_with: u32,
    /// The command and its arguments
    #[arg(required = true, last = true)]
    words: Vec<String>,
}

/// Returns only if the command cannot be run.
pub(crate) fn run(arguments: &LaunchArguments) -> Result<(), Failure> {
    let words = &arguments.words;
    let become_it = || -> io::Result<()> {
        cpu::end_with_parent(arguments.end_with)?;
        cpu::pin(arguments.cpu)?;
        Err(Command::new(&words[0]).args(&words[1..]).exec())
    };
    become_it().map_err(|error| Failure::Refused(format!("cannot start `{}`: {error}", words[0])))
}
