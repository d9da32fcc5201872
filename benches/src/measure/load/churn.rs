//! Churn: each message on a connection of its own, which its client makes and ends.
//!
//! The response time is that from the intended beginning of the connection to the last byte of the
//! reply. The client then ends its half and waits for the server's end before it goes.

use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Token};

use super::connection::Connection;
use super::pattern::Pattern;
use super::recorder::Message;
use super::{Generator, Trouble};

/// The connections of a load that holds none.
#[derive(Debug)]
pub(super) struct Churn {
    addr: SocketAddr,
    size: usize,
    /// By token; a place that is free is taken again.
    visits: Vec<Option<Visit>>,
    free: Vec<usize>,
    /// Visits that ended and are to be followed by another at once.
    due: usize,
}

/// One client's stay.
#[derive(Debug)]
struct Visit {
    addr: SocketAddr,
    connection: Connection,
    stage: Stage,
    /// Whether another client comes when this one has gone.
    followed: bool,
}

/// How far a client has come.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Its connection is being made.
    Arriving(Message),
    /// Its message is under way.
    Asking,
    /// It has its reply, has ended its half and waits for the server's end.
    Leaving,
}

impl Churn {
    pub(super) fn new(addr: SocketAddr, size: usize) -> Churn {
        Churn { addr, size, visits: Vec::new(), free: Vec::new(), due: 0 }
    }

    /// Returns the messages whose replies are not complete.
    pub(super) fn waiting(&self) -> impl Iterator<Item = Message> {
        self.visits.iter().flatten().filter_map(|visit| match visit.stage {
            Stage::Arriving(message) => Some(message),
            Stage::Asking => visit.connection.waiting().next().copied(),
            Stage::Leaving => None,
        })
    }

    /// Finds a visit at which the server has shown no life for a while.
    fn stalled(&self, now: u64, limit: u64) -> Option<(usize, Duration)> {
        let silent = |visit: &Visit| now.saturating_sub(visit.connection.heard);
        let visits = self.visits.iter().enumerate();
        let mut visits = visits.filter_map(|(place, visit)| Some((place, silent(visit.as_ref()?))));
        let (place, silent) = visits.find(|(_, silent)| *silent > limit)?;
        Some((place, Duration::from_nanos(silent)))
    }
}

impl Generator {
    /// Begins a connection for a message.
    pub(super) fn arrive(&mut self, message: Message) -> Result<(), Trouble> {
        let churn = self.churn.as_mut().expect("only a load with churn has arrivals");
        let place = churn.free.pop().unwrap_or_else(|| {
            churn.visits.push(None);
            churn.visits.len() - 1
        });
        let addr = churn.addr;
        let mut socket =
            TcpStream::connect(addr).map_err(|error| Trouble::Connect { addr, error })?;
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket, Token(place), both).map_err(Trouble::Poll)?;
        let mut connection = Connection::new(socket, place, churn.size, &self.pattern);
        connection.heard = message.handed;
        let stage = Stage::Arriving(message);
        churn.visits[place] = Some(Visit { addr, connection, stage, followed: false });
        Ok(())
    }

    /// Serves what the kernel has reported of the visits, as [`Generator::turn`] does of connections.
    pub(super) fn churn_turn(
        &mut self,
        mut on_reply: impl FnMut(Message, u64) -> bool,
    ) -> Result<(), Trouble> {
        let churn = self.churn.as_mut().expect("only a load with churn has visits");
        let (origin, pattern) = (self.origin, &self.pattern);
        let now = || origin.elapsed().as_nanos() as u64;
        for event in &self.events {
            let place = event.token().0;
            let Some(visit) = churn.visits.get_mut(place).and_then(Option::as_mut) else {
                continue;
            };
            if visit.advance(&mut self.buffer, pattern, &now, &mut on_reply)? {
                churn.due += usize::from(visit.followed);
                churn.visits[place] = None;
                churn.free.push(place);
            }
        }
        for _ in 0..std::mem::take(&mut churn.due) {
            let handed = self.now();
            self.arrive(Message { intended: handed, handed })?;
        }
        Ok(())
    }

    /// Looks for a visit that has waited too long.
    pub(super) fn check_visits(&self, now: u64) -> Result<(), Trouble> {
        let limit = self.stall_limit.as_nanos() as u64;
        let stalled = self.churn.as_ref().and_then(|churn| churn.stalled(now, limit));
        match stalled {
            Some((connection, waited)) => Err(Trouble::NeverAnswered { connection, waited }),
            None => Ok(()),
        }
    }
}

impl Visit {
    /// Goes on as far as the socket lets it; tells whether the visit is over.
    fn advance(
        &mut self,
        buffer: &mut [u8],
        pattern: &Pattern,
        now: &impl Fn() -> u64,
        on_reply: &mut impl FnMut(Message, u64) -> bool,
    ) -> Result<bool, Trouble> {
        if let Stage::Arriving(message) = self.stage {
            if !self.has_arrived()? {
                return Ok(false);
            }
            self.stage = Stage::Asking;
            self.connection.hand_over(message, pattern)?;
        }
        if matches!(self.stage, Stage::Asking) {
            self.connection.flush(pattern)?;
            while matches!(self.stage, Stage::Asking) {
                if self.connection.receive(buffer, pattern)?.is_none() {
                    return Ok(false);
                }
                let received = now();
                self.connection.heard = received;
                if let Some(message) = self.connection.complete() {
                    self.followed = on_reply(message, received);
                    // The server may have gone already: its end is then read all the same.
                    let _ = self.connection.socket.shutdown(Shutdown::Write);
                    self.stage = Stage::Leaving;
                }
            }
        }
        self.has_left()
    }

    fn has_arrived(&self) -> Result<bool, Trouble> {
        let socket = &self.connection.socket;
        let error = match (socket.take_error(), socket.peer_addr()) {
            (Ok(Some(error)) | Err(error), _) => error,
            (_, Err(error)) if error.kind() == io::ErrorKind::NotConnected => return Ok(false),
            (_, Err(error)) => error,
            (_, Ok(_)) => match socket.set_nodelay(true) {
                Ok(()) => return Ok(true),
                Err(error) => error,
            },
        };
        Err(Trouble::Connect { addr: self.addr, error })
    }

    fn has_left(&mut self) -> Result<bool, Trouble> {
        loop {
            match self.connection.socket.read(&mut [0]) {
                Ok(0) => return Ok(true),
                Ok(_) => return Err(self.connection.unasked()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.connection.hung_up(Some(error))),
            }
        }
    }
}
