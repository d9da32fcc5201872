//! What wakes a task from anywhere: the data; how it finds the task is in `executor.rs`.

use std::sync::atomic::{AtomicBool, Ordering};

use loop_core::Remote;

/// Queues a task.
pub(crate) struct TaskWaker {
    /// The task's row in the table of its thread.
    row: usize,
    /// Whether another thread has asked for the task to be queued.
    submitted: AtomicBool,
    /// The way to the loop from other threads.
    remote: Remote,
}

impl TaskWaker {
    /// Makes the waker of a row.
    pub(crate) fn new(row: usize, remote: Remote) -> TaskWaker {
        TaskWaker { row, submitted: AtomicBool::new(false), remote }
    }

    /// Returns the row.
    pub(crate) fn row(&self) -> usize {
        self.row
    }

    /// Returns the way to the loop from other threads.
    pub(crate) fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Notes that another thread has asked for the task to be queued; tells whether one had before.
    pub(crate) fn submit(&self) -> bool {
        self.submitted.swap(true, Ordering::AcqRel)
    }

    /// Notes that the loop has come to what was asked for.
    pub(crate) fn arrive(&self) {
        self.submitted.swap(false, Ordering::AcqRel);
    }
}
