//! The floor: the echo server on mio, written by hand, with no abstraction to pay for.
//!
//! Rule: the kernel is asked only what it has not said already. A turn polls once, keeps what the
//! events say, accepts, and serves the connections that are listed; `connection` is what happens to one of them.

mod connection;
mod silence;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::mem;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::unix::pipe;
use mio::{Events, Interest, Poll, Token};
use signal_hook::consts::{SIGINT, SIGTERM};
use slab::Slab;

use self::connection::{After, Connection};
use self::silence::Silence;
use super::listening::{ACCEPT_PAUSE, Shortage, is_about_one_connection, listen};
use super::{BUFFER_BYTES, Options};
use crate::ServerCounts;

const LISTENER: Token = Token(usize::MAX);
const SIGNALS: Token = Token(usize::MAX - 1);

/// A token is the row of a connection below, and its generation above.
const ROW_BITS: u32 = usize::BITS / 2;

/// What the poll tells of a connection: urgent data, too, since a read ends early at their mark.
#[cfg(any(target_os = "linux", target_os = "android"))]
const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE).add(Interest::PRIORITY);

/// What the poll tells of a connection.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE);

const ACCEPTS_PER_TURN: usize = 64;
const EVENTS_PER_TURN: usize = 1024;

/// The server: everything that its one thread owns.
struct RawServer {
    poll: Poll,
    listener: TcpListener,
    /// The listener's last edge is not exhausted.
    acceptable: bool,
    /// No accept before this moment: descriptors ran out.
    accept_from: Option<Instant>,
    shortage: Shortage,
    connections: Slab<Connection>,
    /// How many connections there were: a late event never meets the next one in its row.
    generation: usize,
    /// The connections to serve, first in, first out, each listed once.
    ready: VecDeque<Token>,
    /// One buffer for all: what is read is written at once.
    buffer: Box<[u8]>,
    /// Spun away after each read.
    dearer_by: Duration,
    /// What ends silent connections, if anything does.
    silence: Option<Silence>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    polls: u64,
    events: u64,
    reads: u64,
    writes: u64,
    accepts: u64,
    registrations: u64,
}

pub(crate) fn serve(
    options: &Options,
    announce: impl FnOnce(SocketAddr),
) -> io::Result<ServerCounts> {
    let poll = Poll::new()?;
    // Before the address is bound, so that no client of the server can end it unheard.
    let _signals = watch_signals(&poll)?;
    let mut server = RawServer::bind(poll, options)?;
    announce(server.listener.local_addr()?);
    let mut events = Events::with_capacity(EVENTS_PER_TURN);
    while !server.turn(&mut events)? {}
    Ok(server.counts.told())
}

/// Lets SIGINT and SIGTERM write to a pipe that the poll watches.
fn watch_signals(poll: &Poll) -> io::Result<pipe::Receiver> {
    let (sender, mut receiver) = pipe::new()?;
    let sender = OwnedFd::from(sender);
    signal_hook::low_level::pipe::register(SIGINT, sender.try_clone()?)?;
    signal_hook::low_level::pipe::register(SIGTERM, sender)?;
    poll.registry().register(&mut receiver, SIGNALS, Interest::READABLE)?;
    Ok(receiver)
}

impl RawServer {
    fn bind(poll: Poll, options: &Options) -> io::Result<RawServer> {
        let listener = listen(options.listen)?;
        listener.set_nonblocking(true)?;
        let mut listener = TcpListener::from_std(listener);
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(RawServer {
            poll,
            listener,
            acceptable: false,
            accept_from: None,
            shortage: Shortage::default(),
            connections: Slab::new(),
            generation: 0,
            ready: VecDeque::new(),
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
            dearer_by: options.dearer_by,
            silence: options.idle_timeout.map(Silence::of),
            // The listener, and the pipe of the signals.
            counts: Counts { registrations: 2, ..Counts::default() },
        })
    }

    /// Polls once, then accepts and serves; tells whether a signal asked for the end.
    fn turn(&mut self, events: &mut Events) -> io::Result<bool> {
        self.counts.polls += 1;
        match self.poll.poll(events, self.patience()) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(false),
            polled => polled?,
        }
        self.silence.as_mut().map(Silence::begin_turn);
        let mut ends = false;
        for event in events.iter() {
            self.counts.events += 1;
            match event.token() {
                SIGNALS => ends = true,
                LISTENER => self.acceptable = true,
                _ => self.note(event),
            }
        }
        self.accept();
        // A connection that spent its share joins the end of the list, after the kernel's next events.
        for _ in 0..self.ready.len() {
            let token = self.ready.pop_front().expect("the list is as long as it was");
            self.serve(token);
        }
        self.end_silent();
        Ok(ends)
    }

    /// How long the poll may block.
    fn patience(&self) -> Option<Duration> {
        if !self.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        let pause = |from: Instant| from.saturating_duration_since(Instant::now());
        let accepting = self.acceptable.then(|| self.accept_from.map_or(Duration::ZERO, pause));
        let looking = self.silence.as_ref().and_then(Silence::patience);
        accepting.into_iter().chain(looking).min()
    }

    /// Closes the connections that have been silent for too long.
    fn end_silent(&mut self) {
        let RawServer { silence: Some(silence), connections, .. } = self else { return };
        while let Some(token) = silence.find(|token| live(connections, token).is_some()) {
            connections.remove(row_of(token));
        }
    }

    /// Keeps what the kernel said about a connection, and lists it to be served.
    fn note(&mut self, event: &Event) {
        let token = event.token();
        let Some(connection) = live(&mut self.connections, token) else { return };
        connection.note(event);
        if let Some(silence) = &mut self.silence {
            silence.hear(token);
        }
        if !mem::replace(&mut connection.listed, true) {
            self.ready.push_back(token);
        }
    }

    fn accept(&mut self) {
        if !self.acceptable || self.accept_from.is_some_and(|from| Instant::now() < from) {
            return;
        }
        self.accept_from = None;
        for _ in 0..ACCEPTS_PER_TURN {
            let adopted = self.listener.accept().and_then(|(stream, _)| self.adopt(stream));
            match adopted {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.acceptable = false;
                    return;
                }
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) => {
                    self.shortage.report(&error);
                    self.accept_from = Some(Instant::now() + ACCEPT_PAUSE);
                    return;
                }
            }
        }
    }

    /// Gives a new connection its row and its one registration.
    fn adopt(&mut self, mut stream: TcpStream) -> io::Result<()> {
        self.counts.accepts += 1;
        // It fails when the peer is gone already, which the first read will tell.
        let _ = stream.set_nodelay(true);
        let row = self.connections.vacant_entry();
        self.generation = self.generation.wrapping_add(1);
        let token = Token((self.generation << ROW_BITS) | row.key());
        self.counts.registrations += 1;
        self.poll.registry().register(&mut stream, token, INTEREST)?;
        row.insert(Connection::new(stream, token));
        if let Some(silence) = &mut self.silence {
            silence.watch(token);
        }
        Ok(())
    }

    fn serve(&mut self, token: Token) {
        let Some(connection) = live(&mut self.connections, token) else { return };
        connection.listed = false;
        match connection.echo(&mut self.buffer, self.dearer_by, &mut self.counts) {
            Ok(After::Edge) => return,
            Ok(After::Turn) => {
                connection.listed = true;
                self.ready.push_back(token);
                return;
            }
            // A failed shutdown means that the peer is gone.
            Ok(After::Close) => drop(connection.end()),
            // A reset ends this connection, and concerns no other.
            Err(_) => {}
        }
        // The kernel forgets the registration with the descriptor.
        self.connections.remove(row_of(token));
    }
}

impl Counts {
    fn told(&self) -> ServerCounts {
        ServerCounts {
            turns: Some(self.polls),
            polls: Some(self.polls),
            events: Some(self.events),
            reads: Some(self.reads),
            writes: Some(self.writes),
            accepts: Some(self.accepts),
            registrations: Some(self.registrations),
            ..ServerCounts::default()
        }
    }
}

fn row_of(token: Token) -> usize {
    token.0 & ((1 << ROW_BITS) - 1)
}

/// Finds the connection that a token was made for, unless its row was left or reused.
fn live(connections: &mut Slab<Connection>, token: Token) -> Option<&mut Connection> {
    connections.get_mut(row_of(token)).filter(|connection| connection.token == token)
}
