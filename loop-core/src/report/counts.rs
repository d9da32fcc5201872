//! What a loop counts while it runs.

use std::cell::Cell;

/// What a loop has done since it was made.
///
/// Counts do not vary: the same program on the same input makes the same ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Turns: passes of poll, fire, expire and run.
    pub turns: u64,
    /// Calls to the kernel's poll.
    pub polls: u64,
    /// Events that the kernel reported.
    pub events: u64,
    /// Entries that went into the ready queue.
    pub hops: u64,
    /// Entries of the ready queue that ran; the cancelled ones are left out.
    pub calls: u64,
    /// Registrations made with, or changed in, the kernel.
    pub registrations: u64,
    /// Writes to the self-pipe.
    pub wake_writes: u64,
    /// Reads from sockets, those included that found nothing.
    pub reads: u64,
    /// Writes to sockets, those included that found no room.
    pub writes: u64,
    /// Connections accepted.
    pub accepts: u64,
}

/// The counts that are kept by hand; the others are derived.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) turns: Counter,
    pub(crate) polls: Counter,
    pub(crate) events: Counter,
    pub(crate) calls: Counter,
    pub(crate) registrations: Counter,
    pub(crate) reads: Counter,
    pub(crate) writes: Counter,
    pub(crate) accepts: Counter,
}

/// A number that only grows.
#[derive(Default)]
pub(crate) struct Counter(Cell<u64>);

impl Counter {
    /// Adds one.
    pub(crate) fn count(&self) {
        self.add(1);
    }

    /// Adds `more`.
    pub(crate) fn add(&self, more: u64) {
        self.0.set(self.0.get() + more);
    }

    /// Returns the number.
    pub(crate) fn value(&self) -> u64 {
        self.0.get()
    }
}
