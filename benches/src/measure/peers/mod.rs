//! `oneloop peers`: the ready-made peers, which of them can be used here, and how to get the rest.

pub(crate) mod asked;
mod catalogue;
mod notes;
mod workshop;

use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::Args;

use crate::failure::Failure;
use crate::measure::arm::Peer;
use crate::output;
use crate::process::cpu::{self, ProcessArguments};
use crate::process::limits;
use crate::report;
use catalogue::{READY_MADE, ReadyMade};
use workshop::Workshop;

pub(crate) use asked::{Asked, Resolved, resolve};
pub(crate) use notes::notes;

pub(crate) const EXAMPLES: &str = "\
Examples:
  oneloop peers                    which can be used, and how to get the rest
  oneloop peers --build            compile them now
  oneloop compare --only raw,async --peers libuv,go
  oneloop compare --peers all      what is absent is named in the report
  oneloop peers libuv --port 7000  become that server, until SIGINT or SIGTERM

Their sources are part of this program. They are written to target/peers, or to
the folder that ONELOOP_PEERS names, and compiled there when they are first
used and whenever a source is newer.";

/// The arguments of `peers`.
#[derive(Clone, Debug, Args)]
pub(crate) struct PeersArguments {
    /// Become this peer instead of listing all
    #[arg(value_name = "NAME", value_parser = asked::named)]
    pub(crate) name: Option<&'static ReadyMade>,
    /// The port that it listens on, of 127.0.0.1; 0 lets the system choose
    #[arg(
        long,
        value_name = "PORT",
        default_value = "0",
        requires = "name",
        conflicts_with = "build"
    )]
    pub(crate) port: u16,
    /// Compile what can be compiled here, or that one alone
    #[arg(long)]
    pub(crate) build: bool,
    #[command(flatten)]
    pub(crate) process: ProcessArguments,
}

/// Lists the peers, or becomes one.
pub(crate) fn run(asked: &PeersArguments) -> Result<(), Failure> {
    let mut workshop = Workshop::open();
    let Some(peer) = asked.name else {
        return output::print(&list(&mut workshop, asked.build));
    };
    let refused = |reason: String| Failure::Refused(format!("the peer {} {reason}", peer.name));
    let ready = workshop.prepare(peer).map_err(refused)?;
    if asked.build {
        return output::print(&format!("{}: {}\n", peer.name, ready.version().unwrap_or_default()));
    }
    become_peer(&ready, asked)
}

fn list(workshop: &mut Workshop, build: bool) -> String {
    let mut text =
        String::from("Ready-made peers: compare, duel and cost take them with --peer NAME\n");
    let mut absent = String::new();
    for peer in &READY_MADE {
        let head = format!("  {:<16} ", peer.name);
        match state(workshop, peer, build) {
            Ok(state) => text += &report::item(&head, &format!("{}; {state}", peer.sentence)),
            Err(reason) => {
                absent += &report::item(&head, &format!("{}; {reason}", peer.sentence));
            }
        }
    }
    if !absent.is_empty() {
        text += "\nAbsent here\n";
        text += &absent;
    }
    text += "\nAny other echo server is a peer as NAME='COMMAND {port}'.\n";
    text
}

/// Says on what a peer runs, or that it is still to be built.
fn state(workshop: &mut Workshop, peer: &'static ReadyMade, build: bool) -> Result<String, String> {
    if !build && workshop.is_to_be_built(peer) && workshop.lacks(peer).is_none() {
        return Ok("is compiled when it is first used".to_owned());
    }
    let peer = workshop.prepare(peer)?;
    Ok(format!("here: {}", peer.version().unwrap_or_default()))
}

/// Replaces this process; returns only when that fails.
fn become_peer(peer: &Peer, asked: &PeersArguments) -> Result<(), Failure> {
    cpu::follow(&asked.process)?;
    limits::raise_descriptor_limit();
    let words: Vec<String> = peer.words(asked.port).collect();
    let error = Command::new(&words[0]).args(&words[1..]).exec();
    Err(Failure::Refused(format!("cannot start {}: {error}", words[0])))
}
