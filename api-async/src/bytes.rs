//! Bytes in a buffer of the caller's, with async.
//!
//! An operation has the buffer while it is pending, and gives it back with its result: neither the
//! buffer nor the count is lost. Dropping the future cancels the operation and drops the buffer;
//! [`Transferring::cancel`] gives it back.
//!
//! Asio: its composed operations.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use loop_core::Cancelled;
use loop_core::transfer::{Read, ReadExact, ReadUntil, Transfer, WriteAll, WriteAllVectored};

use crate::socket::{Claim, Of};
use crate::tcp::TcpStream;

/// The future of the operations on bytes: it has the buffer until it ends.
///
/// Cancel-safe by [`Transferring::cancel`], which tells the count and gives the buffer back. Dropping
/// it may lose bytes that were read, and may have sent a part of what was to be written; but for
/// [`read`], which has moved nothing while it is pending.
#[must_use = "a future does nothing unless it is polled"]
pub struct Transferring<'a, X: Transfer> {
    /// What `Debug` shows.
    stream: &'a TcpStream,
    /// The way to the socket, in the direction of the transfer.
    claim: Claim<'a, mio::net::TcpStream, Of<X>>,
    /// Gone when the future has ended.
    transfer: Option<X>,
}

/// Reads once: at least one byte, unless the stream has ended, and at most as many as there is room.
///
/// # Errors
/// When the peer has reset the connection.
pub fn read<B: AsMut<[u8]>>(stream: &TcpStream, buffer: B) -> Transferring<'_, Read<B>> {
    Transferring::new(stream, Read::new(buffer))
}

/// Reads until the buffer is full.
///
/// # Errors
/// As [`read`]; `UnexpectedEof` when the stream ends before.
pub fn read_exact<B: AsMut<[u8]>>(stream: &TcpStream, buffer: B) -> Transferring<'_, ReadExact<B>> {
    Transferring::new(stream, ReadExact::new(buffer))
}

/// Reads until a delimiter has come, and appends to the vector. The count ends with the delimiter;
/// what came behind it stays in the vector, for the next read.
///
/// # Errors
/// As [`read_exact`]; `InvalidData` when there is no delimiter within
/// [`LINE_BYTES_MAX`](loop_core::transfer::LINE_BYTES_MAX).
pub fn read_until(
    stream: &TcpStream,
    delimiter: u8,
    buffer: Vec<u8>,
) -> Transferring<'_, ReadUntil> {
    Transferring::new(stream, ReadUntil::new(delimiter, buffer))
}

/// Writes all of a buffer.
///
/// # Errors
/// When the connection is gone.
pub fn write_all<B: AsRef<[u8]>>(stream: &TcpStream, buffer: B) -> Transferring<'_, WriteAll<B>> {
    Transferring::new(stream, WriteAll::new(buffer))
}

/// Writes all of several buffers, in order.
///
/// # Errors
/// As [`write_all`].
pub fn write_all_vectored<B: AsRef<[u8]>>(
    stream: &TcpStream,
    buffers: Vec<B>,
) -> Transferring<'_, WriteAllVectored<B>> {
    Transferring::new(stream, WriteAllVectored::new(buffers))
}

impl<'a, X: Transfer> Transferring<'a, X> {
    fn new(stream: &'a TcpStream, transfer: X) -> Transferring<'a, X> {
        let claim = stream.socket().claim();
        Transferring { stream, claim, transfer: Some(transfer) }
    }

    /// Ends the operation as cancelled: tells how much was moved, and gives the buffer back.
    ///
    /// # Panics
    /// When the future has ended, and given the buffer back, before.
    pub fn cancel(mut self) -> (io::Result<usize>, X::Buffer) {
        let transfer = self.transfer.take().expect("a pending operation has its buffer");
        transfer.finish(Err(Cancelled.into()))
    }
}

// The transfer is moved as a value: it is never pinned.
impl<X: Transfer> Unpin for Transferring<'_, X> {}

impl<X: Transfer> Future for Transferring<'_, X> {
    type Output = (io::Result<usize>, X::Buffer);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Transferring { claim, transfer, .. } = &mut *self;
        let source = claim.socket.source();
        let transfer = transfer.as_mut().expect("a future is not polled after its end");
        let outcome = ready!(claim.poll_attempt(cx, || transfer.attempt(source)));
        let transfer = self.transfer.take().expect("it was there a moment ago");
        Poll::Ready(transfer.finish(outcome))
    }
}

impl<X: Transfer> fmt::Debug for Transferring<'_, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transferring").field("stream", self.stream).finish_non_exhaustive()
    }
}
