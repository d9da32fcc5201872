//! Bytes in a buffer of the caller's, with promises.
//!
//! An operation has the buffer while it is pending, and gives it back with its result: neither the
//! buffer nor the count is lost. Since a promise has one outcome, it resolves to both, and is itself
//! rejected by faults only. Dropping the promise cancels the operation and drops the buffer.
//!
//! Asio: its composed operations.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use loop_core::Job;
use loop_core::transfer::{Read, ReadExact, ReadUntil, Transfer, WriteAll, WriteAllVectored};

use crate::promise::{Cancel, Promise, Resolver};
use crate::stream::Pending;
use crate::tcp::{TcpStream, already_pending, unless_blocked};

/// What an operation resolves to: how many bytes it moved, or why no more, and the buffer.
type Moved<B> = (io::Result<usize>, B);

type MovedResolver<B> = Resolver<Moved<B>, io::Error>;

/// A transfer that waits for its socket.
struct Moving<X: Transfer<Buffer: 'static>> {
    stream: TcpStream,
    moving: Cell<Option<(X, MovedResolver<X::Buffer>)>>,
}

/// Reads once: at least one byte, unless the stream has ended, and at most as many as there is room.
///
/// # Errors
/// When the peer has reset the connection. `ResourceBusy` when reading is pending already.
#[track_caller]
pub fn read<B: AsMut<[u8]> + 'static>(
    stream: &TcpStream,
    buffer: B,
) -> Promise<(io::Result<usize>, B), io::Error> {
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
) -> Promise<(io::Result<usize>, B), io::Error> {
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
) -> Promise<(io::Result<usize>, Vec<u8>), io::Error> {
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
) -> Promise<(io::Result<usize>, B), io::Error> {
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
) -> Promise<(io::Result<usize>, Vec<B>), io::Error> {
    transfer(stream, WriteAllVectored::new(buffers))
}

/// Moves what can be moved now, and waits for the socket with the rest.
#[track_caller]
fn transfer<X: Transfer<Buffer: 'static> + 'static>(
    stream: &TcpStream,
    mut transfer: X,
) -> Promise<Moved<X::Buffer>, io::Error> {
    let handle = stream.handle();
    if stream.pending(X::DIRECTION) != Pending::Nothing {
        let (_, buffer) = transfer.finish(Ok(()));
        return Promise::resolve(handle, (Err(already_pending()), buffer));
    }
    if let Some(outcome) = unless_blocked(transfer.attempt(stream.source())) {
        return Promise::resolve(handle, transfer.finish(outcome));
    }
    let moving = Rc::new(Moving { stream: stream.clone(), moving: Cell::new(None) });
    let (promise, resolver) = Promise::cancelling(handle, moving.clone(), 0);
    moving.park(transfer, resolver);
    promise
}

impl<X: Transfer<Buffer: 'static> + 'static> Moving<X> {
    fn park(self: Rc<Self>, transfer: X, resolver: MovedResolver<X::Buffer>) {
        self.moving.set(Some((transfer, resolver)));
        self.stream.set_pending(X::DIRECTION, Pending::Transfer);
        self.stream.clone().source().park_job(X::DIRECTION, self, 0);
    }
}

impl<X: Transfer<Buffer: 'static> + 'static> Job for Moving<X> {
    fn run(self: Rc<Self>, _part: u64) {
        let Some((mut transfer, resolver)) = self.moving.take() else { return };
        match unless_blocked(transfer.attempt(self.stream.source())) {
            Some(outcome) => {
                self.stream.set_pending(X::DIRECTION, Pending::Nothing);
                resolver.resolve(transfer.finish(outcome));
            }
            None => self.park(transfer, resolver),
        }
    }

    fn kind(&self) -> &'static str {
        "transfer with a promise"
    }
}

impl<X: Transfer<Buffer: 'static> + 'static> Cancel for Moving<X> {
    fn cancel(&self, _part: u64) {
        if let Some(moving) = self.moving.take() {
            self.stream.set_pending(X::DIRECTION, Pending::Nothing);
            self.stream.source().unpark(X::DIRECTION);
            drop(moving);
        }
    }
}
