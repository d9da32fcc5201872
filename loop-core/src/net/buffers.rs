//! Reads and writes with buffers of the caller's.

use std::io::{self, IoSlice, Read, Write};

use crate::readiness::direction::Direction;
use crate::readiness::source::Source;

/// How many buffers one system call takes (`IOV_MAX`).
pub(crate) const BUFFERS_PER_WRITE: usize = 1024;

impl<S> Source<S> {
    /// Reads once, no more than the socket's share of the turn; 0 is the end of the stream.
    ///
    /// A read of a TCP stream that leaves room has drained it, so that the next one waits for the
    /// kernel instead of asking it. Not so once the peer has shut down, or has sent urgent data: a read
    /// ends early at the mark of these, and reading goes on until the kernel has no more. Of other
    /// descriptors a short read says nothing: a terminal hands out lines, a Unix socket ends a read
    /// where descriptors were sent along.
    ///
    /// # Errors
    /// As [`Source::attempt`].
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize>
    where
        for<'a> &'a S: Read,
    {
        let share = self.admit(Direction::Read)?;
        self.read_share(buffer, share)
    }

    /// Writes once from several buffers. A shorter write has filled a TCP stream.
    ///
    /// # Errors
    /// As [`Source::attempt`].
    ///
    /// # Limits
    /// 1,024 buffers. A write that goes over the socket's share of the turn is not cut short.
    pub fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize>
    where
        for<'a> &'a S: Write,
    {
        let length: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        let count = self.attempt(Direction::Write, |mut io| {
            self.handle().state.counters().writes.count();
            io.write_vectored(buffers)
        })?;
        self.socket().moved(Direction::Write, self.turn(), count, length);
        Ok(count)
    }
}
