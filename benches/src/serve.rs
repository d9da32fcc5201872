//! `oneloop serve`: one server in one style, until a signal ends it.

use std::cell::Cell;
use std::process;

use examples::echo;

use crate::cli::{Scenario, ServeArguments};
use crate::failure::Failure;
use crate::{cpu, limits, output};

/// Serves; prints the address first and, if asked, the counts last.
pub(crate) fn run(arguments: &ServeArguments) -> Result<(), Failure> {
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
