//! Counts that many tasks or threads add to.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::ServerCounts;

/// What was accepted, read and written, by calls that completed.
#[derive(Default)]
pub(crate) struct Tally {
    /// Whether to count at all: threads on several cores would fight over the cache line.
    counting: bool,
    accepts: AtomicU64,
    reads: AtomicU64,
    writes: AtomicU64,
}

impl Tally {
    pub(crate) fn new(counting: bool) -> Tally {
        Tally { counting, ..Tally::default() }
    }

    pub(crate) fn accepted(&self) {
        self.add(&self.accepts);
    }

    pub(crate) fn read(&self) {
        self.add(&self.reads);
    }

    pub(crate) fn written(&self) {
        self.add(&self.writes);
    }

    pub(crate) fn counts(&self) -> ServerCounts {
        let told = |count: &AtomicU64| self.counting.then(|| count.load(Relaxed));
        ServerCounts {
            accepts: told(&self.accepts),
            reads: told(&self.reads),
            writes: told(&self.writes),
            ..ServerCounts::default()
        }
    }

    fn add(&self, count: &AtomicU64) {
        if self.counting {
            count.fetch_add(1, Relaxed);
        }
    }
}
