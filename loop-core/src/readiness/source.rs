//! A socket that lives on the loop: an event makes what waits there ready, and attempts move bytes.

use std::io::{self, ErrorKind, Read, Write};
use std::panic::Location;
use std::rc::Rc;

use mio::{Token, event};

use crate::handle::{LoopHandle, LoopState};
use crate::net::chunk::Chunk;
use crate::readiness::direction::Direction;
use crate::readiness::flags::Flags;
use crate::readiness::reactor::Target;
use crate::readiness::signs::{Signs, is_clear};
use crate::readiness::sleeper::Sleeper;
use crate::readiness::socket::{Outlook, Socket};
use crate::report::errors::{Cancelled, closed};

/// A non-blocking descriptor that is registered with a loop for as long as it lives.
///
/// Operations answer [`ErrorKind::WouldBlock`] when the kernel has no more, or when the socket has
/// moved its share of this turn ([`BYTES_PER_TURN`](crate::BYTES_PER_TURN)); the caller parks a job
/// or a waker then and tries again. No system call is made to learn what is known already.
pub struct Source<S> {
    /// What the system calls are made on.
    io: S,
    /// Its row in the reactor's table. Narrow: an idle connection is counted in bytes.
    row: u32,
    /// What is known of the socket and what waits for it; the reactor shares it.
    socket: Rc<Socket>,
    /// The loop on which it lives.
    handle: LoopHandle,
}

/// What is left of news when everything is queued that can be: to drop it loses a wake-up.
#[must_use = "a task waits; give it to `wake_rest`"]
pub(crate) struct Rest {
    /// A task that only its waker can wake.
    pub(crate) task: Box<Sleeper>,
    /// Where it waited. Shared: nothing is borrowed while the waker runs.
    pub(crate) socket: Rc<Socket>,
    /// In which direction it waited.
    pub(crate) direction: Direction,
    /// All that was told: something may wait in the other direction.
    pub(crate) news: Signs,
}

impl<S: event::Source> Source<S> {
    /// Registers a descriptor. It is taken to have room for writing; of bytes to read the kernel tells.
    ///
    /// # Errors
    /// What the kernel says, and [`Cancelled`] on a loop that is closing or closed.
    #[track_caller]
    pub fn new(handle: &LoopHandle, io: S) -> io::Result<Source<S>> {
        Source::register(handle, io, Signs::WRITABLE)
    }

    /// Registers a descriptor of which nothing is known: a socket that is connecting.
    ///
    /// # Errors
    /// As [`Source::new`].
    #[track_caller]
    pub fn unready(handle: &LoopHandle, io: S) -> io::Result<Source<S>> {
        Source::register(handle, io, Signs::default())
    }

    #[track_caller]
    fn register(handle: &LoopHandle, mut io: S, told: Signs) -> io::Result<Source<S>> {
        if handle.is_closing() {
            return Err(closed());
        }
        let socket = Rc::new(Socket::new(told, Location::caller()));
        if !is_clear::<S>() {
            socket.set(Flags::VAGUE);
        }
        let row = handle.state.reactor().register(&mut io, &socket)? as u32;
        handle.state.counters().registrations.count();
        Ok(Source { io, row, socket, handle: handle.clone() })
    }
}

impl LoopState {
    /// Hands a kernel event to the target that its token names, if that still lives: what waits there
    /// becomes ready, reader before writer. The caller catches the panics of wakers.
    #[inline(always)]
    pub(crate) fn fire(self: &Rc<Self>, token: Token, signs: Signs) {
        let Some(target) = self.reactor().look_up(token) else { return };
        // To queue runs no users' code: the table is borrowed meanwhile, but not for a waker.
        let rest = match &*target {
            Target::Socket(socket) => self.queue_news(socket, signs),
            Target::Watch(watch) => {
                watch.fire(signs, self.ready());
                self.reactor().has_fired(watch);
                None
            }
        };
        drop(target);
        if let Some(rest) = rest {
            self.wake_rest(rest);
        }
    }

    /// Takes note of signs and queues what waited for them, up to a task that only its waker can wake.
    #[inline(always)]
    pub(crate) fn queue_news(&self, socket: &Rc<Socket>, signs: Signs) -> Option<Rest> {
        let news = socket.tell(signs);
        for direction in [Direction::Read, Direction::Write] {
            if news.any(Signs::ready(direction))
                && let Some(task) = self.queue(socket, direction)
            {
                return Some(Rest { socket: socket.clone(), news, direction, task });
            }
        }
        None
    }

    /// Queues what waits at a socket; returns a task that only its waker can wake.
    #[inline(always)]
    pub(crate) fn queue(&self, socket: &Socket, direction: Direction) -> Option<Box<Sleeper>> {
        if let Some((job, part)) = socket.take_job(direction) {
            self.ready().push_job(job, part);
            return None;
        }
        let task = socket.take_task(direction)?;
        let Some(local) = &task.local else { return Some(task) };
        if let Some(part) = local.mark_woken() {
            self.ready().push_job(local.clone(), part);
        }
        socket.put_back(direction, task);
        None
    }
}

impl<S> Source<S> {
    /// Returns the descriptor itself.
    pub fn io(&self) -> &S {
        &self.io
    }

    /// Returns the handle of the source's loop.
    pub fn handle(&self) -> &LoopHandle {
        &self.handle
    }

    /// Tells whether an attempt in this direction may succeed now. On a loop that is closing no
    /// further turn comes: every attempt ends there.
    #[inline]
    pub fn is_ready(&self, direction: Direction) -> bool {
        matches!(self.outlook(direction), Outlook::Open(_) | Outlook::Cancelled)
    }

    /// Makes one attempt in this direction, if it may succeed.
    ///
    /// What it takes of the socket's share of the turn, the caller notes with [`Source::spend`].
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] when the caller should park, [`Cancelled`] when the loop is closed,
    /// else what `attempt` says.
    pub fn attempt<R>(
        &self,
        direction: Direction,
        attempt: impl FnMut(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        self.admit(direction)?;
        self.uninterrupted(direction, attempt)
    }

    /// Notes that the socket has moved `bytes` of its share of this turn.
    pub fn spend(&self, direction: Direction, bytes: usize) {
        self.socket.spend(direction, self.turn(), bytes);
    }

    /// Reads once into a chunk of the loop's pool; `None` is the end of the stream.
    ///
    /// # Errors
    /// As [`Source::attempt`]; no chunk is taken then.
    #[inline(always)]
    pub fn read_chunk(&self) -> io::Result<Option<Chunk>>
    where
        for<'a> &'a S: Read,
    {
        let share = self.admit(Direction::Read)?;
        let chunk = self.handle.state.store().chunks.lend(|room| self.read_share(room, share))?;
        Ok((!chunk.is_empty()).then_some(chunk))
    }

    /// Writes once, no more than the socket's share of the turn. A shorter write has filled a TCP
    /// stream.
    ///
    /// # Errors
    /// As [`Source::attempt`].
    #[inline(always)]
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize>
    where
        for<'a> &'a S: Write,
    {
        let share = self.admit(Direction::Write)?;
        let bytes = &bytes[..bytes.len().min(share)];
        let count = self.uninterrupted(Direction::Write, |mut io| {
            self.handle.state.counters().writes.count();
            io.write(bytes)
        })?;
        self.socket.moved(Direction::Write, self.turn(), count, bytes.len());
        Ok(count)
    }

    /// Writes a chunk, and consumes what was written.
    ///
    /// # Errors
    /// As [`Source::attempt`]; what was not written is still in the chunk.
    #[inline(always)]
    pub fn write_chunk(&self, chunk: &mut Chunk) -> io::Result<()>
    where
        for<'a> &'a S: Write,
    {
        let length = chunk.len();
        if length == 0 {
            return Ok(());
        }
        match self.write(chunk)? {
            0 => Err(ErrorKind::WriteZero.into()),
            count => {
                chunk.advance(count);
                // If some is left, the socket is full, or has moved its share of the turn.
                if count == length { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) }
            }
        }
    }

    /// Returns the share of this turn that an attempt may use, if one may be made.
    pub(crate) fn admit(&self, direction: Direction) -> io::Result<usize> {
        match self.outlook(direction) {
            Outlook::Open(share) => Ok(share),
            Outlook::NextTurn | Outlook::Blocked => Err(ErrorKind::WouldBlock.into()),
            Outlook::Cancelled => Err(Cancelled.into()),
        }
    }

    /// Makes an attempt, again if a signal has interrupted it.
    #[inline(always)]
    fn uninterrupted<R>(
        &self,
        direction: Direction,
        mut attempt: impl FnMut(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            match attempt(&self.io) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.socket.drained(direction);
                    return Err(error);
                }
                ended => return ended,
            }
        }
    }

    #[inline(always)]
    pub(crate) fn read_share(&self, buffer: &mut [u8], share: usize) -> io::Result<usize>
    where
        for<'a> &'a S: Read,
    {
        let room = buffer.len().min(share);
        let buffer = &mut buffer[..room];
        let count = self.uninterrupted(Direction::Read, |mut io| {
            self.handle.state.counters().reads.count();
            io.read(buffer)
        })?;
        self.socket.moved(Direction::Read, self.turn(), count, room);
        Ok(count)
    }

    /// Returns what is known of the socket.
    pub(crate) fn socket(&self) -> &Rc<Socket> {
        &self.socket
    }

    /// Tells what an attempt would come to.
    pub(crate) fn outlook(&self, direction: Direction) -> Outlook {
        self.socket.outlook(direction, self.turn())
    }

    pub(crate) fn turn(&self) -> u64 {
        self.handle.state.counters().turns.value()
    }
}

impl<S> Drop for Source<S> {
    fn drop(&mut self) {
        // Closing the descriptor, which follows, takes it out of the kernel's set: no call for it.
        self.handle.state.reactor().remove(self.row as usize);
        // What was deferred to the next turn finds nothing, and nothing is kept from here on.
        self.socket.set(Flags::CLOSED);
        self.unpark(Direction::Read);
        self.unpark(Direction::Write);
    }
}
