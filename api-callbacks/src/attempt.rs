//! An attempt at a socket: whether it is to be made again, and what its error tells.

use std::io::{self, ErrorKind};

use loop_core::transfer::Partial;
use loop_core::{Cancelled, Direction, Source};

/// The parts of a socket's job.
pub(crate) const READ: u64 = 0;
pub(crate) const WRITE: u64 = 1;

/// A connected socket on the loop.
pub(crate) type Socket = Source<mio::net::TcpStream>;

/// Makes an attempt, unless its operation is cancelled. Returns `None` if it has to be made again
/// later.
pub(crate) fn attempt<T>(
    cancelled: bool,
    attempt: impl FnOnce() -> io::Result<T>,
) -> Option<io::Result<T>> {
    if cancelled { Some(Err(Cancelled.into())) } else { unless_blocked(attempt()) }
}

/// Returns the result of an attempt, or `None` if it has to be made again later.
pub(crate) fn unless_blocked<T>(result: io::Result<T>) -> Option<io::Result<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        result => Some(result),
    }
}

/// Puts the count of what was moved before it into an error.
pub(crate) fn with_count(result: io::Result<()>, count: impl FnOnce() -> usize) -> io::Result<()> {
    result.map_err(|error| match count() {
        0 => error,
        count => io::Error::new(error.kind(), Partial { count, error }),
    })
}

/// Returns the part of the job that works in a direction.
pub(crate) fn part_of(direction: Direction) -> u64 {
    match direction {
        Direction::Read => READ,
        Direction::Write => WRITE,
    }
}

/// Returns the direction that a part of the job works in.
pub(crate) fn direction_of(part: u64) -> Direction {
    if part == READ { Direction::Read } else { Direction::Write }
}
