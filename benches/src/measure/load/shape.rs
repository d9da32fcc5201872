//! The shape of a load: how many connections, how large messages, and what else the server has to bear.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What the generator is to hold against a server.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shape {
    /// Connections that send messages, all open at the same time.
    pub(crate) connections: usize,
    /// Bytes of each message.
    pub(crate) size: usize,
    /// Messages under way on each connection of a closed phase.
    pub(crate) pipeline: usize,
    /// Whether each message has a connection of its own, which its client makes and ends.
    pub(crate) churn: bool,
    /// How the messages of an open phase are bunched.
    pub(crate) bursts: Option<Bursts>,
    /// Connections beside them that send much and read little.
    pub(crate) slow_readers: Option<SlowReaders>,
    /// Connections beside them on which nothing happens.
    pub(crate) idle: usize,
}

/// Messages that are to leave nearly at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bursts {
    /// How many.
    pub(crate) messages: usize,
    /// Within which time.
    pub(crate) within_ms: f64,
}

/// Clients that send as much as the server takes, and read back slowly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SlowReaders {
    /// How many.
    pub(crate) connections: usize,
    /// How fast each of them reads.
    pub(crate) bytes_per_second: u64,
}

impl Shape {
    /// Makes the plain shape: one message under way on each connection, and nothing beside.
    pub(crate) const fn plain(connections: usize, size: usize) -> Shape {
        Shape {
            connections,
            size,
            pipeline: 1,
            churn: false,
            bursts: None,
            slow_readers: None,
            idle: 0,
        }
    }

    /// Returns how many connections may be open at the same time.
    pub(crate) fn connections_max(&self) -> usize {
        let slow = self.slow_readers.map_or(0, |slow| slow.connections);
        // One that is being made may meet one that is being ended.
        let own = if self.churn { 2 * self.connections } else { self.connections };
        own + slow + self.idle
    }
}

impl Bursts {
    /// Returns the time within which the messages of a burst leave.
    pub(super) fn within(&self) -> Duration {
        Duration::from_secs_f64(self.within_ms / 1_000.0)
    }
}
