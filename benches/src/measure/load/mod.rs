//! The load generator: one thread, nonblocking sockets, every echoed byte checked.
//!
//! A [`Generator`] holds its connections; a *phase* ([`Generator::closed`], [`Generator::paced`],
//! [`Generator::open`]) begins and ends with no message under way. Nothing is allocated per
//! message, and everything is bounded in count and in time.

mod churn;
mod connection;
mod course;
mod crowd;
mod pattern;
mod phases;
mod recorder;
mod schedule;
mod shape;
mod trouble;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use crate::process::interrupt::Interrupt;
use churn::Churn;
use connection::{Connection, Drained, drain};
use crowd::Crowd;
use pattern::{CHUNK, Pattern};

pub(crate) use course::Course;
pub(crate) use phases::Limit;
pub(crate) use recorder::{Message, Recorder, supported, supports};
pub(crate) use schedule::{MESSAGES_MAX, Schedule};
pub(crate) use shape::{Bursts, Shape, SlowReaders};
pub(crate) use trouble::Trouble;

/// The largest message.
pub(crate) const SIZE_MAX: usize = 16 * 1024 * 1024;

/// A server that owes a reply and shows no life for as long has stopped answering.
pub(crate) const STALL_LIMIT: Duration = Duration::from_secs(4);

/// The same where nothing is timed: a tool slows a server down fifty times, and many connections wait their turn.
const STALL_LIMIT_UNTIMED: Duration = Duration::from_secs(60);

/// How often the connections are searched for one that has stalled.
const STALL_CHECK: Duration = Duration::from_millis(100);

const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// A set of connections to one server.
#[derive(Debug)]
pub(crate) struct Generator {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    /// Connections that send at the same time.
    width: usize,
    /// Messages under way on each connection of a closed phase.
    pipeline: usize,
    /// What stands in the place of the connections where each message has its own.
    churn: Option<Churn>,
    crowd: Crowd,
    pattern: Pattern,
    buffer: Vec<u8>,
    /// Connections that may have something to read.
    undrained: Vec<usize>,
    origin: Instant,
    next_stall_check: u64,
    stall_limit: Duration,
    /// Whether to ask the kernel again and again instead of sleeping.
    sleepless: bool,
    interrupt: Interrupt,
}

impl Generator {
    /// Makes all connections, one after the other.
    ///
    /// # Errors
    ///
    /// The first connection that is refused, or takes longer than 5 s.
    pub(crate) fn connect(
        addr: SocketAddr,
        shape: Shape,
        interrupt: &Interrupt,
    ) -> Result<Generator, Trouble> {
        let pattern = Pattern::new(shape.size);
        let crowd = Crowd::connect(addr, shape, &pattern)?;
        let mut generator = Generator {
            poll: Poll::new().map_err(Trouble::Poll)?,
            // Room for all at once: after a turn, nothing that had come is left unread.
            events: Events::with_capacity(shape.connections_max() + 1),
            connections: Vec::with_capacity(shape.connections),
            width: shape.connections,
            pipeline: shape.pipeline,
            churn: shape.churn.then(|| Churn::new(addr, shape.size)),
            crowd,
            pattern,
            buffer: vec![0; CHUNK],
            undrained: Vec::with_capacity(shape.connections),
            origin: Instant::now(),
            next_stall_check: 0,
            stall_limit: STALL_LIMIT,
            sleepless: false,
            interrupt: interrupt.clone(),
        };
        let held = if shape.churn { 0 } else { shape.connections };
        for index in 0..held {
            if interrupt.is_raised() {
                return Err(Trouble::Interrupted);
            }
            generator.add_connection(addr, index, shape.size)?;
        }
        Ok(generator)
    }

    /// Waits longer for a reply, because nothing is timed.
    pub(crate) fn untimed(mut self) -> Generator {
        self.stall_limit = STALL_LIMIT_UNTIMED;
        self
    }

    /// Never sleeps from now on: to wake a sleeper costs the server CPU time, and the more often the
    /// slower it is.
    pub(crate) fn stay_awake(&mut self) {
        self.sleepless = true;
    }

    fn add_connection(
        &mut self,
        addr: SocketAddr,
        index: usize,
        size: usize,
    ) -> Result<(), Trouble> {
        let socket = mio::net::TcpStream::from_std(connect(addr)?);
        let mut connection = Connection::new(socket, index, size, &self.pattern);
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut connection.socket, Token(index), both)
            .map_err(Trouble::Poll)?;
        self.connections.push(connection);
        Ok(())
    }

    /// Returns nanoseconds since the generator was made.
    fn now(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }

    /// Hands a message to a connection, or to one of its own.
    fn send(&mut self, connection: usize, message: Message) -> Result<(), Trouble> {
        if self.churn.is_some() {
            return self.arrive(message);
        }
        self.connections[connection].hand_over(message, &self.pattern)
    }

    /// Waits for the kernel once and serves what is ready. `on_reply` sees each complete reply and
    /// says whether its connection is to send another message at once.
    fn turn(
        &mut self,
        timeout: Duration,
        mut on_reply: impl FnMut(Message, u64) -> bool,
    ) -> Result<(), Trouble> {
        if self.interrupt.is_raised() {
            return Err(Trouble::Interrupted);
        }
        let at_once = self.sleepless || !self.undrained.is_empty();
        let timeout = if at_once { Duration::ZERO } else { self.until_crowd(timeout) };
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                return Err(Trouble::Poll(error));
            }
            _ => {}
        }
        let now = self.now();
        self.crowd.advance(now, &mut self.buffer, &self.pattern)?;
        if self.churn.is_some() {
            self.churn_turn(on_reply)?;
            return self.check_for_stall();
        }
        // What is still undrained after its turn is pushed behind these.
        let left_over = self.undrained.len();
        for event in &self.events {
            let index = event.token().0;
            if event.is_writable() {
                self.connections[index].flush(&self.pattern)?;
            }
            let readable = event.is_readable() || event.is_read_closed() || event.is_error();
            if readable && !self.undrained[..left_over].contains(&index) {
                self.undrained.push(index);
            }
        }
        self.drain_all(&mut on_reply)?;
        self.check_for_stall()
    }

    /// Shortens a wait to the next turn of the crowd.
    fn until_crowd(&self, timeout: Duration) -> Duration {
        let until = |at: u64| Duration::from_nanos(at.saturating_sub(self.now()));
        self.crowd.next_at().map_or(timeout, |at| timeout.min(until(at)))
    }

    /// Reads from every connection that has something; keeps those that still have.
    fn drain_all(
        &mut self,
        on_reply: &mut impl FnMut(Message, u64) -> bool,
    ) -> Result<(), Trouble> {
        let origin = self.origin;
        let now = || origin.elapsed().as_nanos() as u64;
        let mut kept = 0;
        for at in 0..self.undrained.len() {
            let index = self.undrained[at];
            let connection = &mut self.connections[index];
            let drained = drain(connection, &mut self.buffer, &self.pattern, now, &mut *on_reply)?;
            if drained == Drained::No {
                self.undrained[kept] = index;
                kept += 1;
            }
        }
        self.undrained.truncate(kept);
        Ok(())
    }

    /// Looks for a connection that has waited too long. All that had come has just been read, so
    /// that the silence is the server's, even if this process has not run for a while.
    fn check_for_stall(&mut self) -> Result<(), Trouble> {
        let now = self.now();
        if now < self.next_stall_check {
            return Ok(());
        }
        self.next_stall_check = now + STALL_CHECK.as_nanos() as u64;
        self.check_visits(now)?;
        let limit = self.stall_limit.as_nanos() as u64;
        for (index, connection) in self.connections.iter().enumerate() {
            let silent = now.saturating_sub(connection.heard);
            if connection.is_waiting() && silent > limit {
                let waited = Duration::from_nanos(silent);
                return Err(Trouble::NeverAnswered { connection: index, waited });
            }
        }
        Ok(())
    }
}

/// Makes a connection as clients that care for latency do.
fn connect(addr: SocketAddr) -> Result<std::net::TcpStream, Trouble> {
    std::net::TcpStream::connect_timeout(&addr, CONNECT_LIMIT)
        .and_then(|socket| {
            socket.set_nodelay(true)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        })
        .map_err(|error| Trouble::Connect { addr, error })
}
