//! Who takes part in a duel: any arm, or the self-test's own server.

use std::fmt;
use std::io;

use examples::Server;

use crate::measure::arm::{Arm, Setting, follower};
use crate::process::interrupt::Interrupt;
use crate::values::Rule;

/// A server to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Contestant {
    /// One that users can name.
    Arm(Arm),
    /// The self-test's: echoes, and spins as many microseconds for each message.
    Dearer { by_us: u64 },
}

impl Contestant {
    /// Starts a fresh server on a processor.
    ///
    /// # Errors
    ///
    /// As those of [`Arm::start`].
    pub(super) fn start(&self, processor: usize, interrupt: &Interrupt) -> io::Result<Server> {
        let setting =
            Setting { rule: Rule::Bounded, counts: false, cpu: Some(processor), tool: &[] };
        match self {
            Contestant::Arm(arm) => arm.start(setting, interrupt),
            Contestant::Dearer { by_us } => {
                let mut command = follower("burn", setting);
                command.args(["--us", &by_us.to_string(), "--listen", "127.0.0.1:0"]);
                Server::start(&mut command)
            }
        }
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Contestant::Arm(arm) => arm.fmt(f),
            Contestant::Dearer { by_us: 0 } => f.write_str("plain"),
            Contestant::Dearer { by_us } => write!(f, "plain+{by_us}us"),
        }
    }
}
