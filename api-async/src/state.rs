//! How far a task has come, and by what name the table knows it.

use std::any::Any;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future and, when it has ended, its output, in one allocation.
pub(crate) trait Cell {
    /// Polls the future; `Ready` means that the output is there.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;

    /// Moves the output to `slot`, which is an `Option` of its type.
    fn take_output(self: Pin<&mut Self>, slot: &mut dyn Any);

    /// Says what the output has failed with, if it has.
    fn failure(&self) -> Option<String>;
}

/// Names a task: its row, and a generation that tells it from the row's next owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskId(u64);

/// How far a task has come.
pub(crate) enum Stage {
    /// It waits to be polled.
    Waiting(Pin<Box<dyn Cell>>),
    /// It is being polled.
    Polled,
    /// It has ended, and its output was not taken yet.
    Ended(Pin<Box<dyn Cell>>),
    /// It has panicked, with this message.
    Panicked(String),
    /// It was aborted.
    Aborted,
}

impl TaskId {
    /// Names the task that stands in `row`, of all that ever stood there.
    pub(crate) fn new(row: usize, generation: u32) -> TaskId {
        TaskId(u64::from(generation) << 32 | row as u64)
    }

    /// Returns the task's row.
    pub(crate) fn row(self) -> usize {
        (self.0 & u64::from(u32::MAX)) as usize
    }

    /// Returns the id as the part of the table that it stands for.
    pub(crate) fn part(self) -> u64 {
        self.0
    }

    /// Returns the task that a part of the table stands for.
    pub(crate) fn of_part(part: u64) -> TaskId {
        TaskId(part)
    }
}
