//! One connection of the generator: what it owes the server, and what the server owes it.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use mio::net::TcpStream;

use super::Trouble;
use super::pattern::{CHUNK, Pattern};
use super::recorder::Message;

/// Reads in a row after which other connections, and the sender, have their turn.
const READS_MAX: usize = 4;

/// A socket with its place in the pattern's stream, in both directions.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) socket: TcpStream,
    /// The number by which errors call it.
    index: usize,
    size: u64,
    /// Messages handed over whose reply is not complete, in order.
    waiting: VecDeque<Message>,
    /// Bytes of messages handed over that the socket has not taken yet.
    unsent: u64,
    /// Bytes of the reply to the first waiting message that have come.
    arrived: u64,
    /// Bytes received in all, for error messages.
    received: u64,
    write_place: usize,
    read_place: usize,
    /// Whether the last write was not refused; edge-triggered readiness does not repeat itself.
    writable: bool,
    /// When the server last showed life, or had nothing to do.
    pub(crate) heard: u64,
}

/// What a round of reading found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    /// All there was; the kernel will report what comes later.
    Yes,
    /// There may be more, which the kernel will not report again.
    No,
}

impl Connection {
    /// Wraps a connected, nonblocking socket.
    pub(crate) fn new(
        socket: TcpStream,
        index: usize,
        size: usize,
        pattern: &Pattern,
    ) -> Connection {
        let place = pattern.start_of(index);
        Connection {
            socket,
            index,
            size: size as u64,
            waiting: VecDeque::with_capacity(64),
            unsent: 0,
            arrived: 0,
            received: 0,
            write_place: place,
            read_place: place,
            writable: true,
            heard: 0,
        }
    }

    /// Tells whether the server owes a reply.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Returns the messages without a complete reply.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Message> {
        self.waiting.iter()
    }

    /// Queues a message and sends as much as the socket takes.
    pub(crate) fn hand_over(&mut self, message: Message, pattern: &Pattern) -> Result<(), Trouble> {
        if self.waiting.is_empty() {
            self.heard = message.handed;
        }
        self.waiting.push_back(message);
        self.unsent += self.size;
        if self.writable { self.flush(pattern) } else { Ok(()) }
    }

    /// Sends what is queued until the socket is full.
    pub(crate) fn flush(&mut self, pattern: &Pattern) -> Result<(), Trouble> {
        self.writable = true;
        while self.unsent > 0 {
            let length = self.unsent.min(CHUNK as u64) as usize;
            match self.socket.write(pattern.slice(self.write_place, length)) {
                Ok(written) => {
                    self.unsent -= written as u64;
                    self.write_place = pattern.advance(self.write_place, written);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.writable = false;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.hung_up(Some(error))),
            }
        }
        Ok(())
    }

    /// Reads once into `buffer` and checks every byte. Complete replies are then to be taken with
    /// [`Connection::complete`].
    pub(crate) fn receive(
        &mut self,
        buffer: &mut [u8],
        pattern: &Pattern,
    ) -> Result<Option<usize>, Trouble> {
        loop {
            match self.socket.read(buffer) {
                Ok(0) => return Err(self.hung_up(None)),
                Ok(length) => {
                    self.check(&buffer[..length], pattern)?;
                    return Ok(Some(length));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.hung_up(Some(error))),
            }
        }
    }

    /// Takes the first waiting message if its reply is complete.
    pub(crate) fn complete(&mut self) -> Option<Message> {
        if self.arrived < self.size {
            return None;
        }
        self.arrived -= self.size;
        self.waiting.pop_front()
    }

    fn check(&mut self, bytes: &[u8], pattern: &Pattern) -> Result<(), Trouble> {
        if let Some(at) = pattern.first_difference(self.read_place, bytes) {
            let position = self.received + at as u64;
            return Err(Trouble::WrongBytes { connection: self.index, position });
        }
        self.read_place = pattern.advance(self.read_place, bytes.len());
        self.received += bytes.len() as u64;
        self.arrived += bytes.len() as u64;
        // Right bytes, but more than were ever sent: the server made them up.
        if self.arrived > self.waiting.len() as u64 * self.size - self.unsent {
            return Err(self.unasked());
        }
        Ok(())
    }

    pub(super) fn unasked(&self) -> Trouble {
        Trouble::Unasked { connection: self.index }
    }

    pub(super) fn hung_up(&self, error: Option<io::Error>) -> Trouble {
        Trouble::HungUp { connection: self.index, received: self.received, error }
    }
}

/// Reads from a connection until it is drained or others should have their turn; `on_reply` takes
/// each complete message and says whether another one is to follow at once.
pub(crate) fn drain(
    connection: &mut Connection,
    buffer: &mut [u8],
    pattern: &Pattern,
    now: impl Fn() -> u64,
    mut on_reply: impl FnMut(Message, u64) -> bool,
) -> Result<Drained, Trouble> {
    for _ in 0..READS_MAX {
        let Some(length) = connection.receive(buffer, pattern)? else {
            return Ok(Drained::Yes);
        };
        let received = now();
        connection.heard = received;
        while let Some(message) = connection.complete() {
            if on_reply(message, received) {
                let handed = now();
                connection.hand_over(Message { intended: handed, handed }, pattern)?;
            }
        }
        // A short read has emptied the socket: what comes later is a new edge.
        if length < buffer.len() {
            return Ok(Drained::Yes);
        }
    }
    Ok(Drained::No)
}
