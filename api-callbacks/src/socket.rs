//! What is parked at a connection: a job that reads and writes, and what it does when it runs.

mod closing;

use std::io;
use std::rc::Rc;

use loop_core::transfer::Transfer;
use loop_core::{Chunk, Direction, Job};

use crate::attempt::{
    READ, Socket, WRITE, attempt, direction_of, part_of, unless_blocked, with_count,
};
use crate::cancelling::{CancelTarget, Cancelling, Ticket};
use crate::operation::Operation;
use crate::pending::{Caller, Pending};

type ReadCallback = Box<dyn FnOnce(Rc<Stream>, io::Result<Option<Chunk>>)>;
type WriteCallback = Box<dyn FnOnce(Rc<Stream>, io::Result<()>)>;

/// What reads and writes: one job for the life of a connection, with a part for each direction.
///
/// A direction is free or has an operation, which waits in its [`Pending`]; the job is queued or parked
/// meanwhile.
///
/// | | from | to | by | when |
/// |---|---|---|---|---|
/// | 1 | free | `Read`, queued or parked | [`begin_read`](Stream::begin_read) | a chunk is to be read: the job tries |
/// | 2 | free | `Written` or `Transferred`, queued | [`begin_write`](Stream::begin_write), [`begin_transfer`](Stream::begin_transfer) | the attempt inside the call has moved all, or failed |
/// | 3 | free | `Write` or `Transfer`, parked | the same | the attempt inside the call would have blocked |
/// | 4 | parked | queued | the loop | the kernel says that there may be something to move |
/// | 5 | parked | queued, cancelled | [`cancel`](CancelTarget::cancel) | the program asks: the run that follows ends it |
/// | 6 | queued | parked | [`run`](Job::run) | the attempt would have blocked |
/// | 7 | queued | free | [`run`](Job::run) | all is moved, it failed, or it is cancelled: the callback is called |
/// | 8 | parked | free | `drop` | nothing holds the stream: the callback is dropped, and that is reported |
/// | 9 | any | closed | [`close`](Stream::close) | the program asks: what is pending ends from the queue, and nothing begins |
pub(crate) struct Stream {
    /// The socket, and the loop that it is on.
    pub(crate) source: Socket,
    /// The operation that reads, if one does.
    reading: Pending<Begun>,
    /// The operation that writes, if one does: both may be pending at once.
    writing: Pending<Begun>,
}

/// An operation that was begun.
enum Begun {
    /// Reads what comes, into a chunk of the loop's.
    Read(ReadCallback),
    /// Writes the rest of a chunk that had so many bytes.
    Write(WriteCallback, Chunk, usize),
    /// Has written a chunk, or failed; the job is queued to say so.
    Written(WriteCallback, io::Result<()>),
    /// Moves bytes to or from a buffer of the caller's.
    Transfer(Box<dyn DynTransfer>),
    /// Has moved them, or failed; the job is queued to say so.
    Transferred(Box<dyn DynTransfer>, io::Result<()>),
}

/// A transfer and its callback, whatever their types.
trait DynTransfer {
    /// Moves what can be moved now; see [`Transfer::attempt`].
    fn attempt(&mut self, source: &Socket) -> io::Result<()>;

    /// Returns how many bytes were moved.
    fn transferred(&self) -> usize;

    /// Calls back.
    fn end(self: Box<Self>, stream: Rc<Stream>, moved: io::Result<()>);
}

impl<T, F> DynTransfer for (T, F)
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

    fn end(self: Box<Self>, stream: Rc<Stream>, moved: io::Result<()>) {
        let (transfer, callback) = *self;
        let (result, buffer) = transfer.finish(moved);
        callback(stream, result, buffer);
    }
}

impl Stream {
    /// Makes what reads and writes at a connected socket.
    pub(crate) fn new(source: Socket) -> Rc<Stream> {
        Rc::new(Stream { source, reading: Pending::default(), writing: Pending::default() })
    }

    /// Begins to read a chunk. The job tries: it is queued if there may be bytes, else parked.
    #[track_caller]
    pub(crate) fn begin_read(
        self: &Rc<Self>,
        callback: impl FnOnce(Rc<Stream>, io::Result<Option<Chunk>>) + 'static,
    ) -> Operation {
        let handle = self.source.handle();
        if handle.is_closed() {
            return Operation::refused(handle, callback);
        }
        if !self.reading.is_free() {
            let (stream, refused) = (self.clone(), Err(self.reading.refusal()));
            return Operation::ended_with(handle, || callback(stream, refused));
        }
        let number = self.reading.put(Begun::Read(Box::new(callback)));
        self.source.queue_when_ready(Direction::Read, self.clone(), READ);
        Operation::pending(self, Ticket { part: READ, number })
    }

    /// Begins to write a chunk, which is tried at once; the callback comes from the queue.
    #[track_caller]
    pub(crate) fn begin_write(
        self: &Rc<Self>,
        mut chunk: Chunk,
        callback: impl FnOnce(Rc<Stream>, io::Result<()>) + 'static,
    ) -> Operation {
        let handle = self.source.handle();
        if handle.is_closed() {
            return Operation::refused(handle, callback);
        }
        if !self.writing.is_free() {
            let (stream, refused) = (self.clone(), Err(self.writing.refusal()));
            return Operation::ended_with(handle, || callback(stream, refused));
        }
        let (callback, length) = (Box::new(callback), chunk.len());
        match unless_blocked(self.source.write_chunk(&mut chunk)) {
            Some(written) => {
                let written = with_count(written, || length - chunk.len());
                self.call_back(Direction::Write, Begun::Written(callback, written))
            }
            None => self.wait(Direction::Write, Begun::Write(callback, chunk, length)),
        }
    }

    /// Begins a transfer, which is tried at once; the callback comes from the queue.
    #[track_caller]
    pub(crate) fn begin_transfer<T: Transfer + 'static>(
        self: &Rc<Self>,
        transfer: T,
        callback: impl FnOnce(Rc<Stream>, io::Result<usize>, T::Buffer) + 'static,
    ) -> Operation {
        let handle = self.source.handle();
        if handle.is_closed() {
            return Operation::refused(handle, (transfer, callback));
        }
        let mut transfer = Box::new((transfer, callback));
        if !self.pending(T::DIRECTION).is_free() {
            let (stream, refused) = (self.clone(), Err(self.pending(T::DIRECTION).refusal()));
            return Operation::ended_with(handle, || transfer.end(stream, refused));
        }
        match unless_blocked(transfer.attempt(&self.source)) {
            Some(moved) => self.call_back(T::DIRECTION, Begun::Transferred(transfer, moved)),
            None => self.wait(T::DIRECTION, Begun::Transfer(transfer)),
        }
    }

    /// Queues the job, which calls back; the operation has ended.
    #[inline]
    #[track_caller]
    fn call_back(self: &Rc<Self>, direction: Direction, ended: Begun) -> Operation {
        self.pending(direction).put(ended);
        self.source.handle().queue(self.clone(), part_of(direction));
        Operation::ended()
    }

    /// Parks the job for an operation whose first attempt would have blocked.
    #[track_caller]
    fn wait(self: &Rc<Self>, direction: Direction, blocked: Begun) -> Operation {
        let number = self.pending(direction).put(blocked);
        self.source.park_job(direction, self.clone(), part_of(direction));
        Operation::pending(self, Ticket { part: part_of(direction), number })
    }

    /// Goes on with what reads. Most messages are read here, and what is not a chunk elsewhere.
    fn read(self: Rc<Self>) {
        let called_at = self.reading.called_at();
        match self.reading.take_to_call(self.source.handle()) {
            Some(Begun::Read(callback)) => {
                match attempt(self.reading.is_cancelled(), || self.source.read_chunk()) {
                    Some(read) => callback(self, read),
                    None => self.wait_on(READ, Begun::Read(callback), called_at),
                }
            }
            Some(begun) => self.go_on(READ, begun, called_at),
            None => self.reading.stay_closed(),
        }
    }

    /// Goes on with what writes. Most messages were written in the call.
    fn write(self: Rc<Self>) {
        let called_at = self.writing.called_at();
        match self.writing.take_to_call(self.source.handle()) {
            Some(Begun::Written(callback, written)) => callback(self, written),
            Some(begun) => self.go_on(WRITE, begun, called_at),
            None => self.writing.stay_closed(),
        }
    }

    /// Goes on with what had to wait, or was cancelled.
    fn go_on(self: Rc<Self>, part: u64, begun: Begun, called_at: Option<Caller>) {
        let cancelled = self.pending(direction_of(part)).is_cancelled();
        let blocked = match begun {
            Begun::Write(callback, mut chunk, length) => {
                match attempt(cancelled, || self.source.write_chunk(&mut chunk)) {
                    Some(written) => {
                        let written = with_count(written, || length - chunk.len());
                        drop(chunk);
                        return callback(self, written);
                    }
                    None => Begun::Write(callback, chunk, length),
                }
            }
            Begun::Transfer(mut transfer) => {
                match attempt(cancelled, || transfer.attempt(&self.source)) {
                    Some(moved) => return transfer.end(self, moved),
                    None => Begun::Transfer(transfer),
                }
            }
            Begun::Transferred(transfer, moved) => return transfer.end(self, moved),
            at_once => at_once,
        };
        self.wait_on(part, blocked, called_at);
    }

    /// Parks the job again, whose attempt would have blocked.
    fn wait_on(self: Rc<Self>, part: u64, blocked: Begun, called_at: Option<Caller>) {
        let direction = direction_of(part);
        self.pending(direction).put_back(blocked, called_at);
        self.source.park_job(direction, self.clone(), part);
    }

    fn pending(&self, direction: Direction) -> &Pending<Begun> {
        match direction {
            Direction::Read => &self.reading,
            Direction::Write => &self.writing,
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

impl CancelTarget for Stream {
    fn cancel(self: Rc<Self>, Ticket { part, number }: Ticket) -> Cancelling {
        let direction = direction_of(part);
        let cancelled = self.pending(direction).cancel(number);
        if cancelled && self.source.unpark(direction) {
            self.source.handle().clone().queue(self, part);
        }
        cancelled.into()
    }

    fn transferred(&self, Ticket { part, number }: Ticket) -> Option<usize> {
        let pending = self.pending(direction_of(part));
        if !pending.waits_as(number) {
            return None;
        }
        pending.with(|begun| {
            let count = match &begun {
                Begun::Write(_, chunk, length) => length - chunk.len(),
                Begun::Transfer(transfer) => transfer.transferred(),
                Begun::Read(_) | Begun::Written(..) | Begun::Transferred(..) => 0,
            };
            (Some(begun), count)
        })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.reading.drop_uncalled(self.source.handle());
        self.writing.drop_uncalled(self.source.handle());
    }
}
