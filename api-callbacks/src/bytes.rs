//! Bytes in a buffer of the caller's, with callbacks.
//!
//! An operation has the buffer while it is pending, and gives it back with its result: neither the
//! buffer nor the count is lost. Cancelling it gives the buffer back as well, and the error tells
//! what was moved before ([`transferred`](loop_core::transfer::transferred)).
//!
//! Asio: its composed operations.

use std::io;

use loop_core::transfer::{Read, ReadExact, ReadUntil, WriteAll, WriteAllVectored};

use crate::operation::Operation;
use crate::tcp::TcpStream;

/// Reads once: at least one byte, unless the stream has ended, and at most as many as there is room.
///
/// # Errors
/// When the peer has reset the connection. `ResourceBusy` when reading is pending already.
#[track_caller]
pub fn read<B: AsMut<[u8]> + 'static>(
    stream: &TcpStream,
    buffer: B,
    callback: impl FnOnce(TcpStream, io::Result<usize>, B) + 'static,
) -> Operation {
    stream.transfer(Read::new(buffer), callback)
}

/// Reads until the buffer is full.
///
/// # Errors
/// As [`read`]; `UnexpectedEof` when the stream ends before.
#[track_caller]
pub fn read_exact<B: AsMut<[u8]> + 'static>(
    stream: &TcpStream,
    buffer: B,
    callback: impl FnOnce(TcpStream, io::Result<usize>, B) + 'static,
) -> Operation {
    stream.transfer(ReadExact::new(buffer), callback)
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
    callback: impl FnOnce(TcpStream, io::Result<usize>, Vec<u8>) + 'static,
) -> Operation {
    stream.transfer(ReadUntil::new(delimiter, buffer), callback)
}

/// Writes all of a buffer.
///
/// # Errors
/// When the connection is gone. `ResourceBusy` when writing is pending already.
#[track_caller]
pub fn write_all<B: AsRef<[u8]> + 'static>(
    stream: &TcpStream,
    buffer: B,
    callback: impl FnOnce(TcpStream, io::Result<usize>, B) + 'static,
) -> Operation {
    stream.transfer(WriteAll::new(buffer), callback)
}

/// Writes all of several buffers, in order.
///
/// # Errors
/// As [`write_all`].
#[track_caller]
pub fn write_all_vectored<B: AsRef<[u8]> + 'static>(
    stream: &TcpStream,
    buffers: Vec<B>,
    callback: impl FnOnce(TcpStream, io::Result<usize>, Vec<B>) + 'static,
) -> Operation {
    stream.transfer(WriteAllVectored::new(buffers), callback)
}
