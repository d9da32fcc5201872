//! One visit to one arm: a fresh server, something done with it, its end.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

use examples::{Server, Stopped, Style};

use super::Plan;
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

/// How the server of a visit is to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) style: Style,
    pub(crate) rule: Rule,
    pub(crate) counts: bool,
}

/// Starts a server, does `what` with it and stops it; returns the outcome and what it printed.
pub(crate) fn visit<T>(
    plan: &Plan,
    setting: Setting,
    what: impl FnOnce(&Server) -> Result<T, Trouble>,
) -> Result<(T, Stopped), Misfortune> {
    visit_command(plan, &mut command(plan, setting), what)
}

/// As [`visit`], with the server's command as the caller has dressed it.
pub(crate) fn visit_command<T>(
    plan: &Plan,
    command: &mut Command,
    what: impl FnOnce(&Server) -> Result<T, Trouble>,
) -> Result<(T, Stopped), Misfortune> {
    let mut server =
        Server::start(command).map_err(|error| plan.blame(format!("did not start: {error}")))?;
    match what(&server) {
        Ok(outcome) => {
            let stopped = server
                .stop()
                .map_err(|error| plan.blame(format!("did not stop in order: {error}")))?;
            if !stopped.status.success() {
                return Err(plan.blame(ended(stopped.status, &stopped.stderr)));
            }
            Ok((outcome, stopped))
        }
        Err(Trouble::Interrupted) => Err(Misfortune::Interrupted),
        Err(trouble) => {
            // Whoever hung up may have died of it.
            let died = !server.is_running().unwrap_or(true);
            let mut reason = trouble.to_string();
            if died && let Ok(stopped) = server.stop() {
                reason = format!("{}; {reason}", ended(stopped.status, &stopped.stderr));
            }
            Err(plan.blame(reason))
        }
    }
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

/// Composes the command that starts the server of a visit.
pub(crate) fn command(plan: &Plan, setting: Setting) -> Command {
    let program = std::env::current_exe().unwrap_or_else(|_| "oneloop".into());
    let mut command = Command::new(program);
    command.args(["serve", "echo", "--style", setting.style.name()]);
    command.args(["--listen", "127.0.0.1:0", "--turn-rule", setting.rule.name()]);
    command.args(["--end-with", &std::process::id().to_string()]);
    if setting.counts {
        command.arg("--counts");
    }
    if let Some(placement) = plan.placement {
        command.args(["--cpu", &placement.server.to_string()]);
    }
    // Where the kernel ends the servers with their parent, the terminal's Ctrl-C need not.
    #[cfg(target_os = "linux")]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

fn ended(status: ExitStatus, stderr: &str) -> String {
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("the server ended with code {code}"),
        (None, Some(signal)) => format!("the server was ended by signal {signal}"),
        (None, None) => "the server ended".to_owned(),
    };
    match stderr.lines().rev().find(|line| !line.trim().is_empty()) {
        Some(line) => format!("{how} ({})", line.trim()),
        None => how,
    }
}
