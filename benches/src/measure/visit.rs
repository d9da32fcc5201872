//! One visit to one arm: a fresh server, something done with it, its end.

use std::io;

use examples::{Server, Stopped};

use crate::measure::arm::{Arm, Setting, Tool};
use crate::measure::load::Trouble;
use crate::measure::plan::{Misfortune, Plan};
use crate::process::ending;
use crate::values::Rule;

/// What is visited, and how it is to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit<'a> {
    pub(crate) arm: &'a Arm,
    pub(crate) rule: Rule,
    pub(crate) counts: bool,
    /// What is put before its command.
    pub(crate) tool: Tool,
    /// Whether it shares the generator's processor, because another server runs at the same time.
    pub(crate) aside: bool,
}

/// Starts a server, does `what` with it and stops it; returns the outcome and what it printed.
pub(crate) fn visit<T>(
    plan: &Plan,
    visit: Visit<'_>,
    what: impl FnOnce(&Server) -> Result<T, Trouble>,
) -> Result<(T, Stopped), Misfortune> {
    let Visit { arm, rule, counts, tool, aside } = visit;
    let cpu = plan.placement.map(|at| if aside { at.generator } else { at.server });
    let server = arm
        .start(
            Setting { rule, counts, idle_timeout: plan.idle_timeout, cpu, tool },
            &plan.interrupt,
        )
        .map_err(|error| plan.blame(format!("did not start: {error}")))?;
    match what(&server) {
        Ok(outcome) => {
            let stopped = stop_in_order(arm, server).map_err(|reason| plan.blame(reason))?;
            Ok((outcome, stopped))
        }
        Err(Trouble::Interrupted) => Err(Misfortune::Interrupted),
        Err(trouble) => {
            // A server that hung up may have died of it.
            let reason = match ending::of_trouble(server) {
                Some(ending) => format!("{ending}; {trouble}"),
                None => trouble.to_string(),
            };
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
    if died || (arm.is_ours() && !stopped.status.success()) {
        return Err(ending::of(&stopped));
    }
    Ok(stopped)
}
