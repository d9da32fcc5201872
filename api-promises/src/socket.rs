//! What is parked at a connection: a job that reads and writes, and a node that a promise names.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::panic::Location;
use std::rc::Rc;

use loop_core::{Chunk, Direction, Job, LoopHandle, Source};

use crate::promise::{Cancel, Node, Outlet, Owner, Place, Promise, Resolver, Sink, Upstream};

/// The parts of a socket's job.
pub(crate) const READ: u64 = 0;
pub(crate) const WRITE: u64 = 1;

/// A connection's socket, and who waits for it.
pub(crate) struct Stream {
    pub(crate) source: Source<mio::net::TcpStream>,
    /// Where the promise of a read finds its outcome: the stream is the node, so that waiting for
    /// bytes allocates nothing.
    chunk: Outlet<Option<Chunk>, io::Error>,
    /// Where the promise was made.
    read_at: Cell<&'static Location<'static>>,
    /// The resolver of a read that began while the outcome of the one before was not yet consumed.
    reading: Cell<Option<Resolver<Option<Chunk>, io::Error>>>,
    writing: Cell<Option<(Chunk, Resolver<(), io::Error>)>>,
    /// What is pending in each direction.
    pending: [Cell<Pending>; 2],
}

/// What is pending in a direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pending {
    /// Nothing.
    #[default]
    Nothing,
    /// A chunk is read or written.
    Chunk,
    /// A buffer of the caller's is filled or written.
    Transfer,
}

impl Stream {
    /// Makes the stream of a connection.
    pub(crate) fn new(source: Source<mio::net::TcpStream>) -> Rc<Stream> {
        let (reading, writing, pending) = Default::default();
        let (chunk, read_at) = (Outlet::unused(), Cell::new(Location::caller()));
        Rc::new(Stream { source, chunk, read_at, reading, writing, pending })
    }

    /// Returns what is pending in a direction.
    #[inline]
    pub(crate) fn pending(&self, direction: Direction) -> Pending {
        self.pending[direction as usize].get()
    }

    /// Notes what is pending in a direction.
    #[inline]
    pub(crate) fn set_pending(&self, direction: Direction, pending: Pending) {
        self.pending[direction as usize].set(pending);
    }

    /// Makes the promise of a chunk that has not come yet.
    #[inline]
    #[track_caller]
    pub(crate) fn wait_for_chunk(self: &Rc<Self>) -> Promise<Option<Chunk>, io::Error> {
        let promise = if self.chunk.open() {
            self.read_at.set(Location::caller());
            Promise::at(self.clone())
        } else {
            let (promise, resolver) = Promise::cancelling(self.source.handle(), self.clone(), READ);
            self.reading.set(Some(resolver));
            promise
        };
        self.set_pending(Direction::Read, Pending::Chunk);
        self.source.park_job(Direction::Read, self.clone(), READ);
        promise
    }

    /// Makes the promise of a chunk that is not written yet.
    #[track_caller]
    pub(crate) fn wait_for_room(self: &Rc<Self>, chunk: Chunk) -> Promise<(), io::Error> {
        let (promise, resolver) = Promise::cancelling(self.source.handle(), self.clone(), WRITE);
        self.writing.set(Some((chunk, resolver)));
        self.set_pending(Direction::Write, Pending::Chunk);
        self.source.park_job(Direction::Write, self.clone(), WRITE);
        promise
    }

    fn read(self: Rc<Self>) {
        if self.pending(Direction::Read) != Pending::Chunk {
            return;
        }
        let Some(read) = unless_blocked(self.source.read_chunk()) else {
            return self.source.park_job(Direction::Read, self.clone(), READ);
        };
        self.set_pending(Direction::Read, Pending::Nothing);
        match self.reading.take() {
            None => self.chunk.settle(read.map_err(Into::into), &*self),
            Some(resolver) => resolver.settle(read),
        }
    }

    fn write(self: Rc<Self>) {
        let Some((mut chunk, resolver)) = self.writing.take() else { return };
        if let Some(written) = unless_blocked(self.source.write_chunk(&mut chunk)) {
            drop(chunk);
            self.set_pending(Direction::Write, Pending::Nothing);
            return resolver.settle(written);
        }
        self.writing.set(Some((chunk, resolver)));
        self.source.park_job(Direction::Write, self.clone(), WRITE);
    }

    /// Takes back what is parked in a direction.
    fn give_up(&self, direction: Direction) {
        self.source.unpark(direction);
        self.set_pending(direction, Pending::Nothing);
    }
}

impl Owner for Stream {
    fn place(&self) -> Place<'_> {
        (self.source.handle(), self.read_at.get())
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
        "stream with a promise"
    }
}

impl Upstream for Stream {
    fn abandon(&self, _handled: bool) -> Option<Rc<dyn Upstream>> {
        if self.chunk.is_pending() {
            self.give_up(Direction::Read);
        }
        self.chunk.abandon(self.place());
        None
    }
}

impl Node<Option<Chunk>, io::Error> for Stream {
    #[inline]
    fn subscribe(&self, sink: Rc<dyn Sink<Option<Chunk>, io::Error>>) {
        self.chunk.subscribe(sink);
    }

    fn handle(&self) -> &LoopHandle {
        self.source.handle()
    }

    fn created_at(&self) -> &'static Location<'static> {
        self.read_at.get()
    }

    fn is_pending(&self) -> bool {
        self.chunk.is_pending()
    }
}

impl Cancel for Stream {
    fn cancel(&self, part: u64) {
        match part {
            READ => {
                self.give_up(Direction::Read);
                if let Some(resolver) = self.reading.take() {
                    resolver.give_up();
                }
            }
            _ => {
                self.give_up(Direction::Write);
                if let Some((_, resolver)) = self.writing.take() {
                    resolver.give_up();
                }
            }
        }
    }
}

/// The error of an operation that began while another of its kind was pending on the same socket.
pub(crate) fn already_pending() -> io::Error {
    io::Error::new(ErrorKind::ResourceBusy, "such an operation is pending on this socket")
}

/// Returns the result of an attempt, or `None` if it has to be made again later.
pub(crate) fn unless_blocked<T>(result: io::Result<T>) -> Option<io::Result<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        result => Some(result),
    }
}
