//! The arms of a measurement: the built-in styles, and foreign servers that the user names.
//!
//! Rule: an arm is known by its name, in tables, files and messages; no two arms share one.

mod names;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

use examples::{Server, Style};
use serde::{Deserialize, Serialize};

use crate::process::interrupt::Interrupt;
use crate::values::{self, Rule};
use names::ensure_name;

pub(crate) use names::ensure_distinct;

/// What stands in a peer's command for the port that it is to listen on.
const PORT: &str = "{port}";

/// An hour: it is set and taken back, and never comes.
const IDLE_TIMEOUT_MS: &str = "3600000";

/// A server that is measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Arm {
    /// One of the program's own.
    Style(Style),
    /// A foreign server, by its command.
    Peer(Peer),
    /// One that is there to try the instrument.
    Control(Control),
}

/// A foreign echo server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Peer {
    name: String,
    /// The words of the command; `{port}` in them is replaced.
    command: Vec<String>,
    /// What a ready-made peer runs on, as it says itself; any other is not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

/// An arm once more: as it is, which shows what differs by chance, or dearer by a known time, which
/// shows what can be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Control {
    name: String,
    of: Box<Arm>,
    /// Microseconds of CPU that each message costs more.
    dearer_by_us: u64,
}

/// The words of a program that runs a server and watches it; none for a server on its own.
pub(crate) type Tool = &'static [&'static str];

/// How a server is to run. A peer heeds the processor and the tool alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// The rule of the loop's turns.
    pub(crate) rule: Rule,
    /// Whether it is to count.
    pub(crate) counts: bool,
    /// Whether it is to have an idle timeout, longer than any run.
    pub(crate) idle_timeout: bool,
    /// The processor that it is pinned to.
    pub(crate) cpu: Option<usize>,
    /// What is put before its command.
    pub(crate) tool: Tool,
}

impl Arm {
    /// Reads the name of a style, or a peer.
    ///
    /// # Errors
    ///
    /// As those of [`values::style`] and of [`Peer::parse`].
    pub(crate) fn parse(text: &str) -> Result<Arm, String> {
        if text.contains('=') {
            Peer::parse(text).map(Arm::Peer)
        } else {
            values::style(text).map(Arm::Style)
        }
    }

    /// Makes the null of an arm: the same once more.
    pub(crate) fn null_of(arm: &Arm) -> Arm {
        let name = format!("{arm}-null");
        Arm::Control(Control { name, of: Box::new(arm.clone()), dearer_by_us: 0 })
    }

    /// Makes the positive control: the baseline `raw`, dearer by so many microseconds a message.
    pub(crate) fn dearer_raw(by_us: u64) -> Arm {
        let of = Arm::Style(Style::Raw);
        let name = format!("{of}+{by_us}us");
        Arm::Control(Control { name, of: Box::new(of), dearer_by_us: by_us })
    }

    /// Returns the name by which reports and files call the arm.
    pub(crate) fn name(&self) -> &str {
        match self {
            Arm::Style(style) => style.name(),
            Arm::Peer(peer) => &peer.name,
            Arm::Control(control) => &control.name,
        }
    }

    /// Returns the style of a built-in arm.
    pub(crate) fn style(&self) -> Option<Style> {
        match self {
            Arm::Style(style) => Some(*style),
            Arm::Peer(_) | Arm::Control(_) => None,
        }
    }

    /// Tells whether the arm tries the instrument, and is no answer itself.
    pub(crate) fn is_control(&self) -> bool {
        matches!(self, Arm::Control(_))
    }

    /// Returns the arm that a control is a control of.
    pub(crate) fn control_of(&self) -> Option<&Arm> {
        match self {
            Arm::Control(control) => Some(&control.of),
            Arm::Style(_) | Arm::Peer(_) => None,
        }
    }

    /// Tells whether the arm is the same as another once more.
    pub(crate) fn is_null_of(&self, arm: &Arm) -> bool {
        matches!(self, Arm::Control(Control { of, dearer_by_us: 0, .. }) if **of == *arm)
    }

    /// Tells whether the server is a program of ours, which ends well when it is asked to.
    pub(crate) fn is_ours(&self) -> bool {
        match self {
            Arm::Style(_) => true,
            Arm::Peer(_) => false,
            Arm::Control(control) => control.of.is_ours(),
        }
    }

    /// Tells whether the arm runs on the project's own loop.
    pub(crate) fn is_wing(&self) -> bool {
        self.style().is_some_and(Style::is_wing)
    }

    /// Starts a fresh server on a free port of 127.0.0.1, which ends with this process.
    ///
    /// # Errors
    ///
    /// When it does not take connections within ten seconds, with the last line that it said, and
    /// when the user does not want to wait so long.
    pub(crate) fn start(&self, setting: Setting, interrupt: &Interrupt) -> io::Result<Server> {
        self.start_dearer(0, setting, interrupt)
    }

    fn start_dearer(
        &self,
        by_us: u64,
        setting: Setting,
        interrupt: &Interrupt,
    ) -> io::Result<Server> {
        match self {
            Arm::Style(style) => {
                let mut command = serve_command(*style, setting);
                if by_us > 0 {
                    command.args(["--dearer-ns", &(1_000 * by_us).to_string()]);
                }
                Server::start(&mut command)
            }
            Arm::Control(control) => {
                control.of.start_dearer(control.dearer_by_us, setting, interrupt)
            }
            Arm::Peer(peer) => {
                let port = free_port()?;
                let mut command = follower("exec", setting);
                command.arg("--").args(setting.tool).args(peer.words(port));
                let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                Server::start_at(&mut command, addr, || !interrupt.is_raised())
            }
        }
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Peer {
    /// Reads `NAME=COMMAND`, where the command is split into words as a shell would, and nothing
    /// else of a shell is done.
    ///
    /// # Errors
    ///
    /// Says what is missing or wrong.
    pub(crate) fn parse(text: &str) -> Result<Peer, String> {
        let Some((name, command)) = text.split_once('=') else {
            return Err("a peer is NAME='COMMAND {port}'".to_owned());
        };
        ensure_name(name)?;
        let command =
            shlex::split(command).ok_or("the command has a quote or a backslash without an end")?;
        if command.is_empty() {
            return Err("there is no command".to_owned());
        }
        if !command.iter().any(|word| word.contains(PORT)) {
            return Err("the command has no {port}, so it could not be told where to listen".into());
        }
        Ok(Peer { name: name.to_owned(), command, version: None })
    }

    /// Makes a peer of a program that takes its port as the last word.
    pub(crate) fn ready_made(name: &str, mut command: Vec<String>, version: String) -> Peer {
        command.push(PORT.to_owned());
        Peer { name: name.to_owned(), command, version: Some(version) }
    }

    /// Returns what a ready-made peer runs on.
    pub(crate) fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Returns the command that listens on a port.
    pub(crate) fn words(&self, port: u16) -> impl Iterator<Item = String> {
        self.command.iter().map(move |word| word.replace(PORT, &port.to_string()))
    }
}

/// Finds a port on which nothing listens. Another process may take it before the peer does, which
/// then says so and fails.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn serve_command(style: Style, setting: Setting) -> Command {
    let mut command = match setting.tool {
        [] => follower("serve", setting),
        tool => {
            let mut command = follower("exec", setting);
            command.arg("--").args(tool).arg(this_program()).arg("serve");
            command
        }
    };
    command.args(["echo", "--style", style.name()]);
    command.args(["--listen", "127.0.0.1:0", "--turn-rule", setting.rule.name()]);
    if setting.counts {
        command.arg("--counts");
    }
    if setting.idle_timeout {
        command.args(["--idle-timeout-ms", IDLE_TIMEOUT_MS]);
    }
    command
}

/// Prepares this program to do `what` on its processor, until its parent ends.
pub(crate) fn follower(what: &str, setting: Setting) -> Command {
    let mut command = Command::new(this_program());
    command.args([what, "--end-with", &std::process::id().to_string()]);
    if let Some(cpu) = setting.cpu {
        command.args(["--cpu", &cpu.to_string()]);
    }
    // Where the kernel ends the servers with their parent, the terminal's Ctrl-C need not.
    #[cfg(target_os = "linux")]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// Returns the path of this program, to be started again.
pub(crate) fn this_program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| "oneloop".into())
}

#[cfg(test)]
mod tests;
