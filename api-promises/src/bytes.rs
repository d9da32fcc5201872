//! Bytes in a buffer of the caller's, with promises.
//!
//! An operation has the buffer while it is pending, and gives it back with its outcome: neither the
//! buffer nor the count is lost. The promise is fulfilled with both, or rejected with a [`Failed`] that
//! holds both. Dropping the promise cancels the operation and drops the buffer.
//!
//! ```
//! use api_promises::{Promise, TcpStream, bytes};
//! use std::io;
//!
//! /// Has the reply to a request; a chain whose reason is an [`io::Error`] needs no buffer back.
//! fn ask(stream: TcpStream, request: &'static [u8]) -> Promise<Vec<u8>, io::Error> {
//!     let asked = bytes::write_all(&stream, request).err_into();
//!     let answered = asked.then(move |_| bytes::read_until(&stream, b'\n', Vec::new()).err_into());
//!     answered.map(|(count, line)| line[..count].to_vec())
//! }
//! ```
//!
//! Asio: its composed operations.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use loop_core::Job;
use loop_core::transfer::{Read, ReadExact, ReadUntil, Transfer, WriteAll, WriteAllVectored};

use crate::promise::{Cancel, Fault, Promise, Resolver, discard};
use crate::socket::Activity;
use crate::socket::{already_pending, unless_blocked};
use crate::tcp::TcpStream;

/// Why an operation moved no more, and the buffer that it had.
///
/// It turns into its [`io::Error`] where the buffer is not wanted back: by `?`, or for a chain by
/// [`Promise::err_into`].
pub struct Failed<B> {
    /// What went wrong; [`transferred`](loop_core::transfer::transferred) finds how many bytes were
    /// moved before.
    pub error: io::Error,
    /// The buffer. A [`Fault`] has none: the operation was not even ended by its socket.
    pub buffer: Option<B>,
}

type MovedResolver<B> = Resolver<(usize, B), Failed<B>>;

/// A transfer that waits for its socket.
struct PendingTransfer<X: Transfer<Buffer: 'static>> {
    stream: TcpStream,
    /// Out of its place once it has ended, or is cancelled.
    pending: Cell<Option<(X, MovedResolver<X::Buffer>)>>,
    created_at: &'static Location<'static>,
}

/// Reads once: at least one byte, unless the stream has ended, and at most as many as there is room.
///
/// # Errors
/// When the peer has reset the connection. `ResourceBusy` when reading is pending already.
#[track_caller]
pub fn read<B: AsMut<[u8]> + 'static>(
    stream: &TcpStream,
    buffer: B,
) -> Promise<(usize, B), Failed<B>> {
    transfer(stream, Read::new(buffer))
}

/// Reads until the buffer is full.
///
/// # Errors
/// As [`read`]; `UnexpectedEof` when the stream ends before.
#[track_caller]
pub fn read_exact<B: AsMut<[u8]> + 'static>(
    stream: &TcpStream,
    buffer: B,
) -> Promise<(usize, B), Failed<B>> {
    transfer(stream, ReadExact::new(buffer))
}

/// Reads until a delimiter has come, and appends to the vector. The count ends with the delimiter;
/// what came behind it stays in the vector, for the next read.
///
/// # Errors
/// As [`read_exact`]; `InvalidData` when there is no delimiter within
/// [`LINE_BYTES_MAX`](loop_core::transfer::LINE_BYTES_MAX).
#[track_caller]
pub fn read_until(
    stream: &TcpStream,
    delimiter: u8,
    buffer: Vec<u8>,
) -> Promise<(usize, Vec<u8>), Failed<Vec<u8>>> {
    transfer(stream, ReadUntil::new(delimiter, buffer))
}

/// Writes all of a buffer.
///
/// # Errors
/// When the connection is gone. `ResourceBusy` when writing is pending already.
#[track_caller]
pub fn write_all<B: AsRef<[u8]> + 'static>(
    stream: &TcpStream,
    buffer: B,
) -> Promise<(usize, B), Failed<B>> {
    transfer(stream, WriteAll::new(buffer))
}

/// Writes all of several buffers, in order.
///
/// # Errors
/// As [`write_all`].
#[track_caller]
pub fn write_all_vectored<B: AsRef<[u8]> + 'static>(
    stream: &TcpStream,
    buffers: Vec<B>,
) -> Promise<(usize, Vec<B>), Failed<Vec<B>>> {
    transfer(stream, WriteAllVectored::new(buffers))
}

/// Moves what can be moved now, and waits for the socket with the rest.
#[track_caller]
fn transfer<X: Transfer<Buffer: 'static> + 'static>(
    stream: &TcpStream,
    mut transfer: X,
) -> Promise<(usize, X::Buffer), Failed<X::Buffer>> {
    let handle = stream.handle();
    if stream.activity(X::DIRECTION) != Activity::Idle {
        let (error, buffer) = (already_pending(), Some(transfer.into_buffer()));
        return Promise::reject(handle, Failed { error, buffer });
    }
    // A buffer is users' code.
    let attempt = Promise::calling(handle, || unless_blocked(transfer.attempt(stream.source())));
    match attempt {
        Ok(Some(outcome)) => return Promise::settled(handle, finish(transfer, outcome)),
        Ok(None) => {}
        Err(rejected) => {
            discard(transfer, (handle, Location::caller()));
            return rejected;
        }
    }
    let (stream, created_at) = (stream.clone(), Location::caller());
    let waiting = Rc::new(PendingTransfer { stream, pending: Cell::new(None), created_at });
    let (promise, resolver) = Promise::cancelling(handle, waiting.clone(), 0);
    waiting.park(transfer, resolver);
    promise
}

/// Ends a transfer.
fn finish<X: Transfer>(
    transfer: X,
    outcome: io::Result<()>,
) -> Result<(usize, X::Buffer), Failed<X::Buffer>> {
    match transfer.finish(outcome) {
        (Ok(count), buffer) => Ok((count, buffer)),
        (Err(error), buffer) => Err(Failed { error, buffer: Some(buffer) }),
    }
}

impl<X: Transfer<Buffer: 'static> + 'static> PendingTransfer<X> {
    fn park(self: Rc<Self>, transfer: X, resolver: MovedResolver<X::Buffer>) {
        self.pending.set(Some((transfer, resolver)));
        self.stream.set_activity(X::DIRECTION, Activity::Transfer);
        self.stream.clone().source().park_job(X::DIRECTION, self, 0);
    }
}

impl<X: Transfer<Buffer: 'static> + 'static> Job for PendingTransfer<X> {
    fn run(self: Rc<Self>, _part: u64) {
        let Some((mut transfer, resolver)) = self.pending.take() else { return };
        let attempt = || unless_blocked(transfer.attempt(self.stream.source()));
        match catch_unwind(AssertUnwindSafe(attempt)) {
            Ok(Some(outcome)) => {
                self.stream.set_activity(X::DIRECTION, Activity::Idle);
                resolver.settle(finish(transfer, outcome));
            }
            Ok(None) => self.park(transfer, resolver),
            Err(payload) => {
                self.stream.set_activity(X::DIRECTION, Activity::Idle);
                let origin = (self.stream.handle(), self.created_at);
                discard(transfer, origin);
                resolver.panicked(payload, "a buffer", origin);
            }
        }
    }

    fn kind(&self) -> &'static str {
        "transfer with a promise"
    }
}

impl<X: Transfer<Buffer: 'static> + 'static> Cancel for PendingTransfer<X> {
    fn cancel(&self, _part: u64, _handled: bool) {
        if let Some((transfer, resolver)) = self.pending.take() {
            self.stream.set_activity(X::DIRECTION, Activity::Idle);
            self.stream.source().unpark(X::DIRECTION);
            resolver.give_up();
            discard(transfer, (self.stream.handle(), self.created_at));
        }
    }
}

impl<B> Failed<B> {
    /// Takes the error apart.
    pub fn into_parts(self) -> (io::Error, Option<B>) {
        (self.error, self.buffer)
    }
}

impl<B> From<Failed<B>> for io::Error {
    fn from(failed: Failed<B>) -> io::Error {
        failed.error
    }
}

impl<B> From<Fault> for Failed<B> {
    fn from(fault: Fault) -> Failed<B> {
        Failed { error: fault.into(), buffer: None }
    }
}

impl<B> fmt::Debug for Failed<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failed").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<B> fmt::Display for Failed<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<B> Error for Failed<B> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}
