//! One connection of the floor: what the kernel said about it, and what its socket did not take.
//!
//! Rule: a short read or write ends an edge without the call that would only answer `EAGAIN`, unless
//! the kernel has told of an urgent mark, at which a read ends early.

use std::hint;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use mio::Token;
use mio::event::Event;
use mio::net::TcpStream;

use super::Counts;

/// How much one connection may read in a turn while others wait.
const TURN_BYTES: usize = 64 * 1024;

pub(super) struct Connection {
    stream: TcpStream,
    pub(super) token: Token,
    /// Listed to be served already.
    pub(super) listed: bool,
    /// The last edge of each side is not exhausted.
    readable: bool,
    writable: bool,
    /// The peer ended its side. It stays said, for no further edge will tell.
    read_closed: bool,
    /// There is an urgent mark that reading may not have passed: a short read means nothing.
    urgent: bool,
    /// What the socket did not take, at most one buffer: nothing is read while this is not empty.
    unsent: Vec<u8>,
}

/// What a connection needs after it was served.
pub(super) enum After {
    /// The next edge.
    Edge,
    /// Another turn: its share of this one is spent.
    Turn,
    /// To be closed: the peer ended its side, and has everything back.
    Close,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, token: Token) -> Connection {
        Connection {
            stream,
            token,
            listed: false,
            readable: false,
            writable: true,
            read_closed: false,
            urgent: false,
            unsent: Vec::new(),
        }
    }

    /// Keeps what the kernel said.
    pub(super) fn note(&mut self, event: &Event) {
        self.readable |= event.is_readable() | event.is_read_closed() | event.is_error();
        self.writable |= event.is_writable() | event.is_error();
        self.read_closed |= event.is_read_closed();
        self.urgent |= event.is_priority();
    }

    /// Sends back what arrives, until an edge is exhausted or the share of the turn is spent.
    pub(super) fn echo(
        &mut self,
        buffer: &mut [u8],
        dearer_by: Duration,
        counts: &mut Counts,
    ) -> io::Result<After> {
        let mut share = TURN_BYTES;
        while self.flush(counts)? && self.readable {
            if share == 0 {
                return Ok(After::Turn);
            }
            counts.reads += 1;
            let length = match self.stream.read(buffer) {
                Ok(0) => return Ok(After::Close),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                Err(error) => return Err(error),
            };
            // A short read drained the socket, but the peer's end is still to be read behind it.
            let more = self.read_closed || self.urgent;
            self.readable = length == buffer.len() || (length > 0 && more);
            self.urgent &= self.readable;
            share = share.saturating_sub(length);
            if !dearer_by.is_zero() {
                spin(dearer_by);
            }
            let sent = self.send(&buffer[..length], counts)?;
            self.unsent.extend_from_slice(&buffer[sent..length]);
        }
        Ok(After::Edge)
    }

    /// Ends our side, as the peer ended its own.
    pub(super) fn end(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Sends what is left over; tells whether nothing is.
    fn flush(&mut self, counts: &mut Counts) -> io::Result<bool> {
        if self.writable && !self.unsent.is_empty() {
            let mut unsent = mem::take(&mut self.unsent);
            let sent = self.send(&unsent, counts)?;
            // Only a connection that is behind holds memory.
            if sent < unsent.len() {
                unsent.drain(..sent);
                self.unsent = unsent;
            }
        }
        Ok(self.unsent.is_empty())
    }

    /// Writes what the socket takes; less than all means that it is full.
    fn send(&mut self, bytes: &[u8], counts: &mut Counts) -> io::Result<usize> {
        while self.writable && !bytes.is_empty() {
            counts.writes += 1;
            match self.stream.write(bytes) {
                Ok(sent) => {
                    self.writable = sent == bytes.len();
                    return Ok(sent);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) => return Err(error),
            }
        }
        Ok(0)
    }
}

/// Spins by the wall clock, which is read without a system call. Of the few messages during which
/// another process has the processor it spins less: one in hundreds.
#[cold]
fn spin(time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        hint::spin_loop();
    }
}
