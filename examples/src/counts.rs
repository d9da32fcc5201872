//! What a server counted while it ran, in the form that it prints.

use serde::{Deserialize, Serialize};

/// What a server did from its start to its end; `None` where the style cannot tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerCounts {
    /// Turns of the loop.
    pub turns: Option<u64>,
    /// Calls to the kernel's readiness poll.
    pub polls: Option<u64>,
    /// Kernel events received.
    pub events: Option<u64>,
    /// Entries that went through the ready queue.
    pub hops: Option<u64>,
    /// Reads from sockets.
    pub reads: Option<u64>,
    /// Writes to sockets.
    pub writes: Option<u64>,
    /// Connections accepted.
    pub accepts: Option<u64>,
    /// Registrations made with, or changed in, the kernel.
    pub registrations: Option<u64>,
    /// Writes to the self-pipe.
    pub wake_writes: Option<u64>,
    /// Allocations made by the server's thread.
    pub allocations: Option<u64>,
    /// Bytes that those allocations asked for.
    pub allocated_bytes: Option<u64>,
    /// The most bytes that its allocations held at one time.
    pub heap_bytes_max: Option<u64>,
}

impl ServerCounts {
    /// Returns each count that grows with what is done, with its name.
    pub fn each(&self) -> [(&'static str, Option<u64>); 11] {
        [
            ("turns", self.turns),
            ("polls", self.polls),
            ("events", self.events),
            ("hops", self.hops),
            ("reads", self.reads),
            ("writes", self.writes),
            ("accepts", self.accepts),
            ("registrations", self.registrations),
            ("wake_writes", self.wake_writes),
            ("allocations", self.allocations),
            ("allocated_bytes", self.allocated_bytes),
        ]
    }
}
