//! What is parked at a connection: a job that reads and writes, and a node that a promise names.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::panic::Location;
use std::rc::Rc;

use loop_core::{Chunk, Direction, Job, LoopHandle, Source};

use crate::promise::{Cancel, Node, Origin, Outlet, Owner, Promise, Resolver, Sink, Upstream};

/// The parts of a socket's job.
pub(crate) const READ: u64 = 0;
pub(crate) const WRITE: u64 = 1;
/// The turn of the handler that waits for a chunk. It is read then and not before: where a thousand
/// handlers wait in the queue, no more than one of them has a chunk.
const HANDLE_CHUNK: u64 = 2;

/// A connection's socket, and what waits for it.
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
    /// What each direction is doing.
    activities: [Cell<Activity>; 2],
}

/// What a direction is doing.
///
/// | | from | to | by | when |
/// |---|---|---|---|---|
/// | 1 | `Idle` | `Chunk` | [`wait_for_chunk`](Stream::wait_for_chunk), [`wait_for_room`](Stream::wait_for_room) | an attempt would have blocked: the job is parked |
/// | 2 | `Idle` | `Transfer` | `bytes::transfer` | an attempt would have blocked: the transfer's own job is parked |
/// | 3 | `Chunk` | `Idle` | `Stream::read`, `Stream::write` | the job has moved something, or failed: the promise is settled |
/// | 4 | `Chunk` | `Idle` | `Stream::give_up` | the promise was dropped: the job is taken back |
/// | 5 | `Idle` | `ChunkInTurn` | [`read_in_turn`](Stream::read_in_turn) | there are bytes: the job is queued in its handler's place |
/// | 6 | `ChunkInTurn` | `Idle` | `Stream::read`, `Stream::read_before_turn`, `Stream::give_up` | as 3 and 4, or what consumes the chunk is no handler |
/// | 7 | `ChunkInTurn` | `Chunk` | `Stream::read` | the attempt would have blocked after all: the job is parked |
/// | 8 | `Transfer` | `Idle` | the transfer's `run` and `cancel` | as 3 and 4 |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Activity {
    /// Nothing.
    #[default]
    Idle,
    /// Reads or writes a chunk.
    Chunk,
    /// Reads a chunk when the turn of its handler has come: there are bytes.
    ChunkInTurn,
    /// Fills a buffer of the caller's, or writes it.
    Transfer,
}

impl Stream {
    /// Makes the stream of a connection.
    pub(crate) fn new(source: Source<mio::net::TcpStream>) -> Rc<Stream> {
        let (reading, writing, activities) = Default::default();
        let (chunk, read_at) = (Outlet::unused(), Cell::new(Location::caller()));
        Rc::new(Stream { source, chunk, read_at, reading, writing, activities })
    }

    /// Returns what a direction is doing.
    pub(crate) fn activity(&self, direction: Direction) -> Activity {
        self.activities[direction as usize].get()
    }

    /// Notes what a direction is doing.
    pub(crate) fn set_activity(&self, direction: Direction, activity: Activity) {
        self.activities[direction as usize].set(activity);
    }

    /// Makes the promise of a chunk that has not come yet.
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
        self.set_activity(Direction::Read, Activity::Chunk);
        self.source.park_job(Direction::Read, self.clone(), READ);
        promise
    }

    /// Makes the promise of a chunk that can be read now, and is when the handler's turn has come; `None`
    /// while the outcome of the read before is not yet consumed, and on a loop that is closing.
    #[track_caller]
    pub(crate) fn read_in_turn(self: &Rc<Self>) -> Option<Promise<Option<Chunk>, io::Error>> {
        if self.source.handle().is_closing() || !self.chunk.open() {
            return None;
        }
        self.read_at.set(Location::caller());
        self.set_activity(Direction::Read, Activity::ChunkInTurn);
        self.source.handle().queue(self.clone(), HANDLE_CHUNK);
        Some(Promise::at(self.clone()))
    }

    /// Reads a chunk whose promise cannot be at the stream.
    #[cold]
    #[track_caller]
    pub(crate) fn read_at_once(self: &Rc<Self>) -> Promise<Option<Chunk>, io::Error> {
        match unless_blocked(self.source.read_chunk()) {
            Some(read) => Promise::settled(self.source.handle(), read),
            None => self.wait_for_chunk(),
        }
    }

    /// Reads the chunk that was to be read in the turn of a handler: what consumes it is none.
    #[cold]
    fn read_before_turn(&self) {
        if let Some(read) = unless_blocked(self.source.read_chunk()) {
            self.set_activity(Direction::Read, Activity::Idle);
            self.chunk.settle(read.map_err(Into::into), self);
        }
    }

    /// Makes the promise of a chunk that is not written yet.
    #[track_caller]
    pub(crate) fn wait_for_room(self: &Rc<Self>, chunk: Chunk) -> Promise<(), io::Error> {
        let (promise, resolver) = Promise::cancelling(self.source.handle(), self.clone(), WRITE);
        self.writing.set(Some((chunk, resolver)));
        self.set_activity(Direction::Write, Activity::Chunk);
        self.source.park_job(Direction::Write, self.clone(), WRITE);
        promise
    }

    /// Bytes have come, or the end.
    fn readable(self: Rc<Self>) {
        if self.chunk.is_consumed_by_handler() {
            let handle = self.source.handle().clone();
            return handle.queue(self, HANDLE_CHUNK);
        }
        self.read(false);
    }

    /// Reads the chunk, and runs the handler that waits for it if its turn has come.
    #[inline(always)]
    fn read(self: Rc<Self>, is_turn_of_handler: bool) {
        match self.activity(Direction::Read) {
            Activity::Chunk => {}
            Activity::ChunkInTurn if is_turn_of_handler => {}
            _ => return,
        }
        let Some(read) = unless_blocked(self.source.read_chunk()) else {
            self.set_activity(Direction::Read, Activity::Chunk);
            return self.source.park_job(Direction::Read, self.clone(), READ);
        };
        self.set_activity(Direction::Read, Activity::Idle);
        match self.reading.take() {
            Some(resolver) => resolver.settle(read),
            None if is_turn_of_handler => {
                self.chunk.settle_and_run(read.map_err(Into::into), &*self);
            }
            None => self.chunk.settle(read.map_err(Into::into), &*self),
        }
    }

    fn write(self: Rc<Self>) {
        let Some((mut chunk, resolver)) = self.writing.take() else { return };
        if let Some(written) = unless_blocked(self.source.write_chunk(&mut chunk)) {
            drop(chunk);
            self.set_activity(Direction::Write, Activity::Idle);
            return resolver.settle(written);
        }
        self.writing.set(Some((chunk, resolver)));
        self.source.park_job(Direction::Write, self.clone(), WRITE);
    }

    /// Takes back what is parked in a direction.
    fn give_up(&self, direction: Direction) {
        self.source.unpark(direction);
        self.set_activity(direction, Activity::Idle);
    }
}

impl Owner for Stream {
    fn origin(&self) -> Origin<'_> {
        (self.source.handle(), self.read_at.get())
    }
}

impl Job for Stream {
    fn run(self: Rc<Self>, part: u64) {
        match part {
            READ => self.readable(),
            HANDLE_CHUNK => self.read(true),
            _ => self.write(),
        }
    }

    fn kind(&self) -> &'static str {
        "stream with a promise"
    }
}

impl Upstream for Stream {
    fn abandon(&self, handled: bool) -> Option<Rc<dyn Upstream>> {
        if self.chunk.is_pending() {
            self.give_up(Direction::Read);
        }
        self.chunk.abandon(handled, self.origin());
        None
    }
}

impl Node<Option<Chunk>, io::Error> for Stream {
    fn subscribe(&self, sink: Rc<dyn Sink<Option<Chunk>, io::Error>>) {
        if self.activity(Direction::Read) == Activity::ChunkInTurn && !sink.runs_a_handler() {
            self.read_before_turn();
        }
        self.chunk.subscribe(sink);
    }

    fn handle(&self) -> &LoopHandle {
        self.source.handle()
    }

    fn created_at(&self) -> &'static Location<'static> {
        self.read_at.get()
    }
}

impl Cancel for Stream {
    fn cancel(&self, part: u64, _handled: bool) {
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
