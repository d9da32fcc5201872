//! Connections beside those that are measured: some do nothing, some send much and read little.
//!
//! Rule: what a crowd costs the generator comes in pieces of a few microseconds, or the generator
//! would be late for the messages that are measured.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::pattern::{CHUNK, Pattern};
use super::shape::{Shape, SlowReaders};
use super::{Trouble, connect};

/// How often each slow reader reads.
const READ_EVERY_NS: u64 = 20_000_000;

/// The most bytes that a slow reader has sent and not read back: more than all buffers on the way
/// take, so that the server is held up, and not so much that sending it takes long.
const UNREAD_MAX: u64 = 64 << 20;

/// The most bytes that a slow reader sends at once.
const SENT_AT_ONCE_MAX: usize = 64 * 1024;

/// The connections that are beside.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    /// Held, and no more.
    _idle: Vec<TcpStream>,
    slow: Vec<SlowReader>,
    /// What each slow reader reads in its turn.
    portion: usize,
    /// Whose turn it is, and when.
    next: usize,
    next_at: u64,
}

/// A client that sends as much as it can and reads at its own pace.
#[derive(Debug)]
struct SlowReader {
    socket: TcpStream,
    /// The number by which errors call it.
    index: usize,
    sent: u64,
    received: u64,
    write_place: usize,
    read_place: usize,
}

impl Crowd {
    /// Connects the crowd of a shape; its numbers come after those of the shape's own connections.
    pub(super) fn connect(
        addr: SocketAddr,
        shape: Shape,
        pattern: &Pattern,
    ) -> Result<Crowd, Trouble> {
        let mut crowd = Crowd::default();
        for _ in 0..shape.idle {
            crowd._idle.push(connect(addr)?);
        }
        let Some(SlowReaders { connections, bytes_per_second }) = shape.slow_readers else {
            return Ok(crowd);
        };
        crowd.portion =
            ((bytes_per_second * READ_EVERY_NS / 1_000_000_000) as usize).clamp(1, CHUNK);
        for index in shape.connections..shape.connections + connections {
            let place = pattern.start_of(index);
            let (write_place, read_place) = (place, place);
            let socket = connect(addr)?;
            let reader =
                SlowReader { socket, index, sent: 0, received: 0, write_place, read_place };
            crowd.slow.push(reader);
        }
        Ok(crowd)
    }

    /// Returns when the next slow reader is to have its turn, if there is any.
    pub(super) fn next_at(&self) -> Option<u64> {
        (!self.slow.is_empty()).then_some(self.next_at)
    }

    /// Lets one slow reader read its portion and send as much as the socket takes, if it is time.
    pub(super) fn advance(
        &mut self,
        now: u64,
        buffer: &mut [u8],
        pattern: &Pattern,
    ) -> Result<(), Trouble> {
        if self.slow.is_empty() || now < self.next_at {
            return Ok(());
        }
        let reader = &mut self.slow[self.next];
        reader.read(&mut buffer[..self.portion], pattern)?;
        reader.send(pattern)?;
        self.next = (self.next + 1) % self.slow.len();
        // A generator that was away does not catch up.
        self.next_at = now + READ_EVERY_NS / self.slow.len() as u64;
        Ok(())
    }
}

impl SlowReader {
    fn read(&mut self, buffer: &mut [u8], pattern: &Pattern) -> Result<(), Trouble> {
        let length = match self.socket.read(buffer) {
            Ok(0) => return Err(self.hung_up(None)),
            Ok(length) => length,
            Err(error) if is_for_later(&error) => return Ok(()),
            Err(error) => return Err(self.hung_up(Some(error))),
        };
        if let Some(at) = pattern.first_difference(self.read_place, &buffer[..length]) {
            let position = self.received + at as u64;
            return Err(Trouble::WrongBytes { connection: self.index, position });
        }
        self.read_place = pattern.advance(self.read_place, length);
        self.received += length as u64;
        if self.received > self.sent {
            return Err(Trouble::Unasked { connection: self.index });
        }
        Ok(())
    }

    /// Sends once: a socket that took all of it is asked again in the next turn.
    fn send(&mut self, pattern: &Pattern) -> Result<(), Trouble> {
        if self.sent - self.received > UNREAD_MAX {
            return Ok(());
        }
        match self.socket.write(pattern.slice(self.write_place, SENT_AT_ONCE_MAX)) {
            Ok(written) => {
                self.write_place = pattern.advance(self.write_place, written);
                self.sent += written as u64;
                Ok(())
            }
            Err(error) if is_for_later(&error) => Ok(()),
            Err(error) => Err(self.hung_up(Some(error))),
        }
    }

    fn hung_up(&self, error: Option<io::Error>) -> Trouble {
        Trouble::HungUp { connection: self.index, received: self.received, error }
    }
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;
    use std::time::Duration;

    use super::*;

    const PERIOD: u64 = READ_EVERY_NS;

    fn echo_server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut socket in listener.incoming().flatten() {
                thread::spawn(move || {
                    let mut to = socket.try_clone().unwrap();
                    let _ = io::copy(&mut socket, &mut to);
                });
            }
        });
        addr
    }

    fn crowd(connections: usize, bytes_per_second: u64, pattern: &Pattern) -> Crowd {
        let slow_readers = Some(SlowReaders { connections, bytes_per_second });
        let shape = Shape { slow_readers, ..Shape::plain(1, 64) };
        Crowd::connect(echo_server(), shape, pattern).unwrap()
    }

    #[test]
    fn a_slow_reader_reads_its_portion_at_its_times_and_sends_until_the_server_is_held_up() {
        let pattern = Pattern::new(64);
        let mut crowd = crowd(1, 50_000, &pattern);
        let mut buffer = vec![0; CHUNK];
        // Portions of 1,000 bytes: fifty times in a second.
        assert_eq!(crowd.portion, 1_000);
        let (mut now, mut quiet, mut turns) = (0, 0, 0);
        while quiet < 20 {
            let (sent, received) = (crowd.slow[0].sent, crowd.slow[0].received);
            crowd.advance(now, &mut buffer, &pattern).unwrap();
            turns += 1;
            assert!(crowd.slow[0].received - received <= 1_000);
            // Before its time it does nothing.
            let after = crowd.slow[0].sent;
            crowd.advance(now + PERIOD - 1, &mut buffer, &pattern).unwrap();
            assert_eq!(crowd.slow[0].sent, after);
            // The manual clock runs ahead of the server, which gets its time here.
            thread::sleep(Duration::from_millis(1));
            quiet = if after == sent { quiet + 1 } else { 0 };
            now += PERIOD;
            assert!(turns < 5_000, "nothing holds the server up");
        }
        let reader = &crowd.slow[0];
        assert!(reader.received > 0 && reader.sent > reader.received + 100_000, "{reader:?}");
    }

    #[test]
    fn slow_readers_take_turns_within_a_period() {
        let pattern = Pattern::new(64);
        let mut crowd = crowd(4, 1_000_000, &pattern);
        let mut buffer = vec![0; CHUNK];
        for turn in 0..4 {
            assert_eq!(crowd.next_at(), Some(turn * PERIOD / 4));
            crowd.advance(turn * PERIOD / 4, &mut buffer, &pattern).unwrap();
            let sent = crowd.slow.iter().filter(|reader| reader.sent > 0).count();
            assert_eq!(sent as u64, turn + 1);
        }
    }
}
