//! The jobs behind listeners and streams: what is parked at a socket, and what it does when it runs.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::panic::Location;
use std::rc::Rc;

use loop_core::transfer::{Partial, Transfer};
use loop_core::{Cancelled, Chunk, Direction, Job, LoopHandle, Source};

use crate::contained::discard;
use crate::operation::{Cancel, Operation, Pending, Step, Ticket, report_dropped};

/// The parts of a socket's job.
pub(crate) const READ: u64 = 0;
pub(crate) const WRITE: u64 = 1;

/// A connected socket on the loop.
pub(crate) type Socket = Source<mio::net::TcpStream>;

pub(crate) type Accepted = io::Result<(Socket, SocketAddr)>;
pub(crate) type AcceptCallback = Box<dyn FnOnce(Rc<Listener>, Accepted)>;
pub(crate) type ConnectCallback = Box<dyn FnOnce(io::Result<Socket>)>;
pub(crate) type ReadCallback = Box<dyn FnOnce(Rc<Stream>, io::Result<Option<Chunk>>)>;
pub(crate) type WriteCallback = Box<dyn FnOnce(Rc<Stream>, io::Result<()>)>;

/// Where an operation was called, if one waits.
type Place = Option<&'static Location<'static>>;

/// What accepts.
pub(crate) struct Listener {
    pub(crate) source: Source<mio::net::TcpListener>,
    pub(crate) accepting: Pending<AcceptCallback>,
}

/// What connects.
pub(crate) struct Connector {
    /// Out of its place once the connection is made, or given up.
    pub(crate) connecting: Pending<(Socket, ConnectCallback)>,
}

/// What reads and writes.
pub(crate) struct Stream {
    pub(crate) source: Socket,
    pub(crate) reading: Pending<Reading>,
    pub(crate) writing: Pending<Writing>,
}

/// A read that was begun.
pub(crate) enum Reading {
    /// What has come, into a chunk of the loop's.
    Chunk(ReadCallback),
    /// Into a buffer of the caller's.
    Bytes(Box<dyn Moving>),
    /// That has ended; the callback is queued.
    EndedBytes(Box<dyn Moving>, io::Result<()>),
}

/// A write that was begun.
pub(crate) enum Writing {
    /// It has ended; the callback is queued.
    Ended(WriteCallback, io::Result<()>),
    /// The rest of a chunk that had so many bytes.
    Chunk(WriteCallback, Chunk, usize),
    /// From a buffer of the caller's.
    Bytes(Box<dyn Moving>),
    /// That has ended; the callback is queued.
    EndedBytes(Box<dyn Moving>, io::Result<()>),
}

/// A transfer and its callback.
pub(crate) trait Moving {
    /// Moves what can be moved now; see [`Transfer::attempt`].
    fn attempt(&mut self, source: &Socket) -> io::Result<()>;

    /// Returns how many bytes were moved.
    fn transferred(&self) -> usize;

    /// Calls back.
    fn end(self: Box<Self>, stream: Rc<Stream>, outcome: io::Result<()>);
}

impl<T, F> Moving for (T, F)
where
    T: Transfer,
    F: FnOnce(Rc<Stream>, io::Result<usize>, T::Buffer),
{
    fn attempt(&mut self, source: &Socket) -> io::Result<()> {
        self.0.attempt(source)
    }

    fn transferred(&self) -> usize {
        self.0.transferred()
    }

    fn end(self: Box<Self>, stream: Rc<Stream>, outcome: io::Result<()>) {
        let (transfer, callback) = *self;
        let (result, buffer) = transfer.finish(outcome);
        callback(stream, result, buffer);
    }
}

impl Listener {
    /// Queues the job if there may be a connection, else parks it.
    pub(crate) fn wait(self: Rc<Self>) {
        self.source.queue_when_ready(Direction::Read, self.clone(), READ);
    }

    fn accept(&self) -> Option<Accepted> {
        let accepted = match self.accepting.is_cancelled() {
            true => Err(Cancelled.into()),
            false => self.source.accept(),
        };
        let wrap = |(stream, peer)| Ok((Source::new(self.source.handle(), stream)?, peer));
        unless_blocked(accepted).map(|accepted| accepted.and_then(wrap))
    }
}

impl Job for Listener {
    fn run(self: Rc<Self>, _part: u64) {
        let ended = self.accepting.with(|callback| match self.accept() {
            Some(accepted) => (None, Some((callback, accepted))),
            None => (Some(callback), None),
        });
        match ended {
            Some(Some((callback, accepted))) => callback(self, accepted),
            Some(None) => self.source.park_job(Direction::Read, self.clone(), READ),
            None => {}
        }
    }

    fn kind(&self) -> &'static str {
        "accept with a callback"
    }
}

impl Job for Connector {
    fn run(self: Rc<Self>, _part: u64) {
        let connect = |(source, callback): (Socket, ConnectCallback)| {
            let connected = match self.connecting.is_cancelled() {
                true => Err(Cancelled.into()),
                false => source.connected(),
            };
            match unless_blocked(connected) {
                Some(connected) => (None, Some((callback, connected.map(|()| source)))),
                None => {
                    source.park_job(Direction::Write, self.clone(), WRITE);
                    (Some((source, callback)), None)
                }
            }
        };
        if let Some(Some((callback, connected))) = self.connecting.with(connect) {
            callback(connected);
        }
    }

    fn kind(&self) -> &'static str {
        "connect with a callback"
    }
}

impl Stream {
    /// Queues the job if it has something to do, else parks it.
    #[inline]
    pub(crate) fn wait_to_read(self: &Rc<Self>, number: u64) -> Operation {
        self.source.queue_when_ready(Direction::Read, self.clone(), READ);
        Operation::pending(self, Ticket { part: READ, number })
    }

    /// Parks the job for the rest of a write.
    pub(crate) fn wait_to_write(self: &Rc<Self>, number: u64) -> Operation {
        self.source.park_job(Direction::Write, self.clone(), WRITE);
        Operation::pending(self, Ticket { part: WRITE, number })
    }

    /// Queues the job, which calls back; the operation has ended.
    #[inline]
    pub(crate) fn call_back(self: &Rc<Self>, part: u64) -> Operation {
        self.source.handle().queue(self.clone(), part);
        Operation::ended()
    }

    fn read(self: Rc<Self>) {
        let called_at = self.reading.called_at();
        match self.reading.take() {
            Some(Reading::Chunk(callback)) => {
                let read = match self.reading.is_cancelled() {
                    true => Err(Cancelled.into()),
                    false => self.source.read_chunk(),
                };
                match unless_blocked(read) {
                    Some(read) => callback(self, read),
                    None => self.read_later(Reading::Chunk(callback), called_at),
                }
            }
            Some(Reading::Bytes(moving)) => self.read_further(moving, called_at),
            Some(Reading::EndedBytes(moving, read)) => moving.end(self, read),
            None => {}
        }
    }

    /// Goes on with a transfer that had to wait, or was cancelled.
    #[inline(never)]
    fn read_further(self: Rc<Self>, mut moving: Box<dyn Moving>, called_at: Place) {
        match attempt(&mut *moving, &self.source, self.reading.is_cancelled()) {
            Some(read) => moving.end(self, read),
            None => self.read_later(Reading::Bytes(moving), called_at),
        }
    }

    /// Parks a read that found nothing.
    #[cold]
    fn read_later(self: Rc<Self>, reading: Reading, called_at: Place) {
        self.reading.put_back(reading, called_at);
        self.source.park_job(Direction::Read, self.clone(), READ);
    }

    fn write(self: Rc<Self>) {
        let called_at = self.writing.called_at();
        match self.writing.take() {
            Some(Writing::Ended(callback, written)) => callback(self, written),
            Some(writing) => self.write_further(writing, called_at),
            None => {}
        }
    }

    /// Goes on with a write that had to wait, or was cancelled.
    #[inline(never)]
    fn write_further(self: Rc<Self>, writing: Writing, called_at: Place) {
        match self.write_on(writing) {
            Writing::Ended(callback, written) => callback(self, written),
            Writing::EndedBytes(moving, written) => moving.end(self, written),
            blocked => {
                self.writing.put_back(blocked, called_at);
                self.source.park_job(Direction::Write, self.clone(), WRITE);
            }
        }
    }

    /// Moves what can be moved now; a write that has ended stays as it is.
    fn write_on(&self, writing: Writing) -> Writing {
        let cancelled = self.writing.is_cancelled();
        match writing {
            Writing::Chunk(callback, mut chunk, length) => {
                let written = match cancelled {
                    true => Err(Cancelled.into()),
                    false => self.source.write_chunk(&mut chunk),
                };
                match unless_blocked(written) {
                    Some(written) => {
                        Writing::Ended(callback, with_count(written, || length - chunk.len()))
                    }
                    None => Writing::Chunk(callback, chunk, length),
                }
            }
            Writing::Bytes(mut moving) => match attempt(&mut *moving, &self.source, cancelled) {
                Some(written) => Writing::EndedBytes(moving, written),
                None => Writing::Bytes(moving),
            },
            ended => ended,
        }
    }
}

impl Job for Stream {
    fn run(self: Rc<Self>, part: u64) {
        match part {
            READ => self.read(),
            _ => self.write(),
        }
    }

    fn kind(&self) -> &'static str {
        "stream with a callback"
    }
}

impl Cancel for Listener {
    fn cancel(self: Rc<Self>, ticket: Ticket) -> Step {
        let cancelled = self.accepting.cancel(ticket.number);
        if cancelled && self.source.unpark(Direction::Read) {
            self.source.handle().clone().queue(self, READ);
        }
        cancelled.into()
    }
}

impl Cancel for Connector {
    fn cancel(self: Rc<Self>, ticket: Ticket) -> Step {
        let cancelled = self.connecting.cancel(ticket.number);
        if cancelled {
            self.connecting.with(|(source, callback)| {
                if source.unpark(Direction::Write) {
                    source.handle().queue(self.clone(), WRITE);
                }
                (Some((source, callback)), ())
            });
        }
        cancelled.into()
    }
}

impl Cancel for Stream {
    fn cancel(self: Rc<Self>, Ticket { part, number }: Ticket) -> Step {
        let (cancelled, direction) = match part {
            READ => (self.reading.cancel(number), Direction::Read),
            _ => (self.writing.cancel(number), Direction::Write),
        };
        if cancelled && self.source.unpark(direction) {
            self.source.handle().clone().queue(self, part);
        }
        cancelled.into()
    }

    fn transferred(&self, Ticket { part, number }: Ticket) -> Option<usize> {
        if part == READ && self.reading.waits_as(number) {
            return self.reading.with(|reading| {
                let count = match &reading {
                    Reading::Bytes(moving) => moving.transferred(),
                    Reading::Chunk(_) | Reading::EndedBytes(..) => 0,
                };
                (Some(reading), count)
            });
        }
        if part == WRITE && self.writing.waits_as(number) {
            return self.writing.with(|writing| {
                let count = match &writing {
                    Writing::Chunk(_, chunk, length) => length - chunk.len(),
                    Writing::Bytes(moving) => moving.transferred(),
                    Writing::Ended(..) | Writing::EndedBytes(..) => 0,
                };
                (Some(writing), count)
            });
        }
        None
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop_pending(self.source.handle(), &self.accepting);
    }
}

impl Drop for Connector {
    fn drop(&mut self) {
        let called_at = self.connecting.called_at();
        if let Some((source, callback)) = self.connecting.take() {
            report_dropped(source.handle(), called_at);
            discard(source.handle(), callback);
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        drop_pending(self.source.handle(), &self.reading);
        drop_pending(self.source.handle(), &self.writing);
    }
}

/// Drops what waits in a place, if something does, and reports it.
#[inline]
fn drop_pending<C: 'static>(handle: &LoopHandle, pending: &Pending<C>) {
    if let Some(called_at) = pending.called_at() {
        report_dropped(handle, Some(called_at));
        discard(handle, pending.take());
    }
}

/// Returns the result of an attempt, or `None` if it has to be made again later.
#[inline]
pub(crate) fn unless_blocked<T>(result: io::Result<T>) -> Option<io::Result<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        result => Some(result),
    }
}

/// Puts the count of what was moved before it into an error.
#[inline(always)]
pub(crate) fn with_count(result: io::Result<()>, count: impl FnOnce() -> usize) -> io::Result<()> {
    result.map_err(|error| match count() {
        0 => error,
        count => io::Error::new(error.kind(), Partial { count, error }),
    })
}

fn attempt(moving: &mut dyn Moving, source: &Socket, cancelled: bool) -> Option<io::Result<()>> {
    match cancelled {
        true => Some(Err(Cancelled.into())),
        false => unless_blocked(moving.attempt(source)),
    }
}
