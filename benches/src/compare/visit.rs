//! One visit to one arm: a fresh server, something done with it, its end.

use std::io;
use std::os::unix::process::ExitStatusExt;

use examples::{Server, Stopped};

use super::Plan;
use crate::arm::{Arm, Setting, Tool};
use crate::cli::Rule;
use crate::load::Trouble;

/// Why a visit ended badly.
#[derive(Debug)]
pub(crate) enum Misfortune {
    /// The arm is at fault; in words for the report.
    Failed(String),
    /// The user has ended the run.
    Interrupted,
}

/// What is visited, and how it is to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit<'a> {
    pub(crate) arm: &'a Arm,
    pub(crate) rule: Rule,
    pub(crate) counts: bool,
    /// What is put before its command.
    pub(crate) tool: Tool,
}

/// Starts a server, does `what` with it and stops it; returns the outcome and what it printed.
pub(crate) fn visit<T>(
    plan: &Plan,
    visit: Visit<'_>,
    what: impl FnOnce(&Server) -> Result<T, Trouble>,
) -> Result<(T, Stopped), Misfortune> {
    let Visit { arm, rule, counts, tool } = visit;
    let cpu = plan.placement.map(|placement| placement.server);
    let mut server = arm
        .start(Setting { rule, counts, cpu, tool }, &plan.interrupt)
        .map_err(|error| plan.blame(format!("did not start: {error}")))?;
    match what(&server) {
        Ok(outcome) => {
            let stopped = stop_in_order(arm, server).map_err(|reason| plan.blame(reason))?;
            Ok((outcome, stopped))
        }
        Err(Trouble::Interrupted) => Err(Misfortune::Interrupted),
        Err(trouble) => {
            // Whoever hung up may have died of it.
            let died = !server.is_running().unwrap_or(true);
            let mut reason = trouble.to_string();
            if died && let Ok(stopped) = server.stop() {
                reason = format!("{}; {reason}", ended(&stopped));
            }
            Err(plan.blame(reason))
        }
    }
}

/// Stops a server, which must have lived until then; our own have to end well, too.
fn stop_in_order(arm: &Arm, mut server: Server) -> Result<Stopped, String> {
    let not_in_order = |error: io::Error| format!("did not stop in order: {error}");
    let died = !server.is_running().map_err(not_in_order)?;
    let stopped = server.stop().map_err(not_in_order)?;
    // Foreign servers may leave SIGTERM its default.
    if died || (arm.style().is_some() && !stopped.status.success()) {
        return Err(ended(&stopped));
    }
    Ok(stopped)
}

impl Plan {
    /// A terminal sends its Ctrl-C to the servers as well: what they do then is not their fault.
    fn blame(&self, reason: String) -> Misfortune {
        if self.interrupt.is_raised() {
            Misfortune::Interrupted
        } else {
            Misfortune::Failed(reason)
        }
    }
}

fn ended(stopped: &Stopped) -> String {
    let how = match (stopped.status.code(), stopped.status.signal()) {
        (Some(code), _) => format!("the server ended with code {code}"),
        (None, Some(signal)) => format!("the server was ended by signal {signal}"),
        (None, None) => "the server ended".to_owned(),
    };
    match stopped.last_words() {
        Some(line) => format!("{how} ({line})"),
        None => how,
    }
}
