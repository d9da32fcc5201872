//! Shared jobs: what is queued without an allocation.

use std::rc::Rc;

/// Work that is queued again and again without an allocation.
///
/// A task table, a promise's node and a stream are jobs: queueing one moves a counted reference.
pub trait Job {
    /// Does the work. `part` is what the job was queued with: which of its parts is meant.
    fn run(self: Rc<Self>, part: u64);

    /// Says what the job is, for a snapshot of the queue.
    fn kind(&self) -> &'static str {
        "job"
    }
}
