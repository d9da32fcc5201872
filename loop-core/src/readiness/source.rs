//! A socket that lives on the loop: registered once in its life, tried first, parked when the
//! kernel has no more.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;

use mio::event;

use crate::core::LoopHandle;
use crate::job::Job;
use crate::net::chunk::Chunk;
use crate::readiness::direction::Direction;
use crate::readiness::signs::{INTEREST, Signs, is_clear};
use crate::readiness::sleeper::{LocalWake, Sleeper};
use crate::readiness::target::Target;
use crate::readiness::waiters::{Displaced, Readiness};
use crate::report::errors::Cancelled;

/// How many buffers one system call takes (`IOV_MAX`).
pub(crate) const BUFFERS_PER_WRITE: usize = 1024;

/// A non-blocking descriptor that is registered with a loop for as long as it lives.
///
/// Operations answer [`ErrorKind::WouldBlock`] when the kernel has no more, or when the socket has
/// moved its share of this turn ([`BYTES_PER_TURN`](crate::BYTES_PER_TURN)); the caller parks a job
/// or a waker then and tries again when it runs. A socket of which the kernel has not said that it
/// is ready is not asked: that would be a system call for nothing.
pub struct Source<S> {
    io: S,
    /// Narrow, as in the token: an idle connection is counted in bytes.
    row: u32,
    readiness: Rc<Readiness>,
    handle: LoopHandle,
}

impl<S: event::Source> Source<S> {
    /// Registers a descriptor. It is taken to have room for writing; whether there is something to
    /// read, the kernel tells.
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
    fn register(handle: &LoopHandle, mut io: S, signs: Signs) -> io::Result<Source<S>> {
        if handle.is_closing() {
            return Err(Cancelled.into());
        }
        let core = &handle.core;
        let signs = if is_clear::<S>() { signs } else { signs.with(Signs::VAGUE) };
        let readiness = Rc::new(Readiness::new(signs, Location::caller()));
        let (row, token) = core.targets.insert(Target::Socket(readiness.clone()));
        let registered = core.registry.register(&mut io, token, INTEREST);
        registered.inspect_err(|_| core.targets.remove(row))?;
        core.counters.registrations.count();
        Ok(Source { io, row: row as u32, readiness, handle: handle.clone() })
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

    /// Tells whether an attempt in this direction may succeed now.
    #[inline]
    pub fn is_ready(&self, direction: Direction) -> bool {
        // On a loop that is closing no further turn comes: every attempt ends there.
        self.readiness.has(Signs::CANCELLED)
            || self.readiness.is_ready(direction) && self.share(direction) > 0
    }

    /// Queues a part of `job` when the socket is ready in this direction.
    ///
    /// One thing waits per direction: it takes the place of what was parked before.
    #[inline]
    pub fn park_job(&self, direction: Direction, job: Rc<dyn Job>, part: u64) {
        self.park(direction, job, part);
        self.defer_if_ready(direction);
    }

    #[inline(always)]
    fn park(&self, direction: Direction, job: Rc<dyn Job>, part: u64) {
        if let Some(before) = self.readiness.park_job(direction, job, part) {
            self.displaced((Some(before), None));
        }
    }

    /// Drops what waited here, outside of what its destructor may use.
    #[cold]
    fn displaced(&self, (job, task): Displaced) {
        self.handle.core.guard(|| drop(job));
        self.handle.core.guard(|| drop(task));
    }

    /// Queues a part of `job` when an attempt in this direction may succeed, which may be now.
    #[inline(always)]
    pub fn queue_when_ready(&self, direction: Direction, job: Rc<dyn Job>, part: u64) {
        if self.readiness.is_ready(direction) {
            return self.queue_or_defer(direction, job, part);
        }
        self.park(direction, job, part);
    }

    /// Queues a part of `job` now, or in the next turn if the share of this one is used up.
    #[inline(never)]
    fn queue_or_defer(&self, direction: Direction, job: Rc<dyn Job>, part: u64) {
        if self.is_ready(direction) {
            self.handle.queue(job, part);
        } else {
            self.park_job(direction, job, part);
        }
    }

    /// Queues a part of `job` when the kernel has news of this direction, or when the loop is closed.
    ///
    /// Unlike [`Source::park_job`] it lets a socket be that is known to be ready: for who wants to
    /// hear of no byte for now, but of the end.
    pub fn park_job_for_news(&self, direction: Direction, job: Rc<dyn Job>, part: u64) {
        self.park(direction, job, part);
    }

    /// Wakes a task when the socket is ready in this direction.
    #[inline]
    pub fn park_waker(&self, direction: Direction, waker: &Waker) {
        self.park_task(direction, waker, || None);
    }

    /// Wakes a task as [`Source::park_waker`] does, and by a shorter way if `local` knows one to the
    /// task that `waker` wakes; it is asked when the task parks here for the first time.
    #[inline(always)]
    pub fn park_task(
        &self,
        direction: Direction,
        waker: &Waker,
        local: impl FnOnce() -> Option<Rc<dyn LocalWake>>,
    ) {
        if !self.readiness.park_again(direction, waker) {
            // Made while nothing of the socket is borrowed: a waker may be anybody's code.
            let task = Sleeper::new(waker.clone(), local());
            let displaced = self.readiness.park_task(direction, task);
            self.displaced(displaced);
        }
        self.defer_if_ready(direction);
    }

    /// Takes back what is parked in this direction; tells whether something was waiting.
    pub fn unpark(&self, direction: Direction) -> bool {
        let (waited, displaced) = self.readiness.unpark(direction);
        if displaced.0.is_some() || displaced.1.is_some() {
            self.displaced(displaced);
        }
        waited
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
        self.attempt_admitted(direction, attempt)
    }

    /// Notes that the socket has moved `bytes` of its share of this turn.
    pub fn spend(&self, direction: Direction, bytes: usize) {
        self.readiness.spend(direction, self.turn(), bytes);
    }

    /// Reads once, no more than the socket's share of the turn; 0 is the end of the stream.
    ///
    /// A read of a TCP stream that leaves room has drained it, so that the next one waits for the
    /// kernel instead of asking it. Not so once the peer has shut down, or has sent urgent data: a read
    /// ends early at the mark of these, and reading goes on until the kernel has no more. Of other
    /// descriptors a short read says nothing: a terminal hands out lines, a Unix socket ends a read
    /// where descriptors were sent along.
    ///
    /// # Errors
    /// As [`Source::attempt`].
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize>
    where
        for<'a> &'a S: Read,
    {
        let share = self.admit(Direction::Read)?;
        self.read_share(buffer, share)
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
        let chunk = self.handle.core.pool.lend(|buffer| self.read_share(buffer, share))?;
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
        let count = self.attempt_admitted(Direction::Write, |mut io| {
            self.handle.core.counters.writes.count();
            io.write(bytes)
        })?;
        if count < bytes.len() && self.readiness.a_short_write_fills() {
            self.readiness.drained(Direction::Write);
        } else {
            self.spend(Direction::Write, count);
        }
        Ok(count)
    }

    /// Writes once from several buffers. A shorter write has filled a TCP stream.
    ///
    /// # Errors
    /// As [`Source::attempt`].
    ///
    /// # Limits
    /// 1,024 buffers. A write that goes over the socket's share of the turn is not cut short.
    pub fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize>
    where
        for<'a> &'a S: Write,
    {
        self.admit(Direction::Write)?;
        let length: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        let count = self.attempt_admitted(Direction::Write, |mut io| {
            self.handle.core.counters.writes.count();
            io.write_vectored(buffers)
        })?;
        if count < length && self.readiness.a_short_write_fills() {
            self.readiness.drained(Direction::Write);
        } else {
            self.spend(Direction::Write, count);
        }
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
            all if all == length => {
                chunk.clear();
                Ok(())
            }
            0 => Err(ErrorKind::WriteZero.into()),
            part => {
                // The socket is full, or has moved its share of the turn.
                chunk.advance(part);
                Err(ErrorKind::WouldBlock.into())
            }
        }
    }

    /// Returns the share of this turn that an attempt may use, if one may be made.
    #[inline(always)]
    fn admit(&self, direction: Direction) -> io::Result<usize> {
        let admitted = self.readiness.admits(direction);
        let share = if admitted { self.share(direction) } else { 0 };
        if share == 0 { Err(self.refusal()) } else { Ok(share) }
    }

    /// Says why no attempt may be made.
    #[cold]
    fn refusal(&self) -> io::Error {
        match self.readiness.has(Signs::CANCELLED) {
            true => Cancelled.into(),
            false => ErrorKind::WouldBlock.into(),
        }
    }

    #[inline(always)]
    fn attempt_admitted<R>(
        &self,
        direction: Direction,
        mut attempt: impl FnMut(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            match attempt(&self.io) {
                Ok(result) => return Ok(result),
                Err(error) => self.failed(direction, error)?,
            }
        }
    }

    /// An attempt has failed: passes over a mere interruption.
    #[cold]
    fn failed(&self, direction: Direction, error: io::Error) -> io::Result<()> {
        match error.kind() {
            ErrorKind::Interrupted => return Ok(()),
            ErrorKind::WouldBlock => self.readiness.drained(direction),
            _ => {}
        }
        Err(error)
    }

    #[inline(always)]
    fn read_share(&self, buffer: &mut [u8], share: usize) -> io::Result<usize>
    where
        for<'a> &'a S: Read,
    {
        let room = buffer.len().min(share);
        let buffer = &mut buffer[..room];
        let count = self.attempt_admitted(Direction::Read, |mut io| {
            self.handle.core.counters.reads.count();
            io.read(buffer)
        })?;
        if count < room && self.readiness.a_short_read_drains() {
            self.readiness.drained(Direction::Read);
        } else {
            self.spend(Direction::Read, count);
        }
        Ok(count)
    }

    /// Returns what is known of the socket.
    pub(crate) fn readiness(&self) -> &Rc<Readiness> {
        &self.readiness
    }

    /// Returns how many bytes are left of the socket's share of this turn.
    fn share(&self, direction: Direction) -> usize {
        self.readiness.share(direction, self.turn())
    }

    fn turn(&self) -> u64 {
        self.handle.core.counters.turns.value()
    }

    /// Sees to it that what was just parked runs in the next turn, if the socket is ready and only
    /// its share of this turn is used up: the kernel will not report it again.
    #[inline]
    fn defer_if_ready(&self, direction: Direction) {
        if self.readiness.is_ready(direction) {
            self.handle.core.deferred.borrow_mut().push((self.readiness.clone(), direction));
        }
    }
}

impl<S> Drop for Source<S> {
    fn drop(&mut self) {
        // Closing the descriptor, which follows, takes it out of the kernel's set: no call for it.
        self.handle.core.targets.remove(self.row as usize);
        // What was deferred to the next turn finds nothing.
        self.unpark(Direction::Read);
        self.unpark(Direction::Write);
    }
}
