//! `oneloop serve`: one server in one style, until a signal ends it.

use std::cell::Cell;
use std::net::SocketAddr;
use std::process;
use std::time::Duration;

use clap::{Args, ValueEnum};
use examples::{Style, echo};

use crate::failure::Failure;
use crate::output;
use crate::process::cpu::ProcessArguments;
use crate::process::{cpu, limits};
use crate::values::{self, Rule};

pub(crate) const EXAMPLES: &str = "\
Examples:
  oneloop serve echo --style callbacks --listen 127.0.0.1:7000
  oneloop serve echo --style promises --listen 127.0.0.1:0 --counts

The first line on standard output is `listening on ADDR`. SIGINT and SIGTERM
end it with code 0.";

/// The arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// What to serve
    pub(crate) scenario: Scenario,
    /// The style that the server is written in
    #[arg(long, value_name = "STYLE", value_parser = values::style)]
    pub(crate) style: Style,
    /// The address to listen on; port 0 lets the system choose
    #[arg(long, value_name = "ADDR", value_parser = values::address)]
    pub(crate) listen: SocketAddr,
    /// Print what was counted as one line of JSON at the end
    #[arg(long)]
    pub(crate) counts: bool,
    /// How many ready callbacks a turn runs before it asks the kernel again
    #[arg(long, value_name = "RULE", default_value = "bounded")]
    pub(crate) turn_rule: Rule,
    /// Nanoseconds of CPU to spin away after each read: a control, which only raw knows
    #[arg(long, value_name = "NS", default_value = "0", hide = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(..=1_000_000_000))]
    pub(crate) dearer_ns: u64,
    /// Close a connection on which nothing has come for so long
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) idle_timeout_ms: Option<u64>,
    #[command(flatten)]
    pub(crate) process: ProcessArguments,
}

/// What can be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Sends back every byte
    Echo,
}

/// Serves; prints the address first and, if asked, the counts last.
pub(crate) fn run(arguments: &ServeArguments) -> Result<(), Failure> {
    if arguments.dearer_ns > 0 && arguments.style != Style::Raw {
        return Err(Failure::Usage("--dearer-ns is for the style raw".to_owned()));
    }
    if arguments.idle_timeout_ms.is_some() && arguments.style == Style::Threads {
        return Err(Failure::Usage("--idle-timeout-ms is for every style but threads".to_owned()));
    }
    cpu::follow(&arguments.process)?;
    limits::raise_descriptor_limit();
    match arguments.scenario {
        Scenario::Echo => serve_echo(arguments),
    }
}

fn serve_echo(arguments: &ServeArguments) -> Result<(), Failure> {
    let options = echo::Options {
        style: arguments.style,
        listen: arguments.listen,
        turn_rule: arguments.turn_rule.turn_rule(),
        counts: arguments.counts,
        dearer_by: Duration::from_nanos(arguments.dearer_ns),
        idle_timeout: arguments.idle_timeout_ms.map(Duration::from_millis),
    };
    let listening = Cell::new(false);
    let served = echo::serve(&options, |addr| {
        listening.set(true);
        if let Err(failure) = output::print(&format!("listening on {addr}\n")) {
            // A server whose address stays untold is of no use, and nothing has begun yet.
            output::complain(&failure.to_string());
            process::exit(1);
        }
    });
    let counts = served.map_err(|error| {
        let addr = arguments.listen;
        let reason = error.to_string();
        // Once is enough for an address.
        Failure::Refused(if reason.contains(&addr.to_string()) {
            reason
        } else if listening.get() {
            format!("the server on {addr} ended: {reason}")
        } else {
            format!("cannot listen on {addr}: {reason}")
        })
    })?;
    if arguments.counts {
        let line = serde_json::to_string(&counts).expect("counts are plain numbers");
        output::print(&format!("{line}\n"))?;
    }
    Ok(())
}
