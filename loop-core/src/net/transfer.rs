//! Bytes between a connection and a buffer that belongs to the operation while it is pending.
//!
//! A [`Transfer`] makes attempts and knows how far it has come; each style waits between attempts in
//! its own way. The buffer comes back with the result, whatever that is, and an error tells how much
//! was moved before it: neither the buffer nor the count is lost. Asio: its composed operations.

use std::io::{self, ErrorKind, IoSlice};

use mio::net::TcpStream;

use crate::net::buffers::BUFFERS_PER_WRITE;
pub use crate::net::partial::{Partial, transferred};
use crate::readiness::direction::Direction;
use crate::readiness::source::Source;

/// The most bytes that [`ReadUntil`] takes in without finding its delimiter: 64 KiB.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// How many bytes [`ReadUntil`] asks for at once.
const LINE_STEP_BYTES: usize = 1024;

/// Bytes on their way into a buffer or out of it.
pub trait Transfer {
    /// Which way the bytes go.
    const DIRECTION: Direction;

    /// What the bytes are read into or written from.
    type Buffer;

    /// Moves what can be moved now.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] when more is to be moved later; any other error ends the transfer.
    fn attempt(&mut self, source: &Source<TcpStream>) -> io::Result<()>;

    /// Returns how many bytes were moved so far.
    fn transferred(&self) -> usize;

    /// Gives the buffer back.
    fn into_buffer(self) -> Self::Buffer;

    /// Gives up, or ends: the count, or the error with the count in it, and the buffer.
    fn finish(self, outcome: io::Result<()>) -> (io::Result<usize>, Self::Buffer)
    where
        Self: Sized,
    {
        let count = self.transferred();
        let result = match outcome {
            Ok(()) => Ok(count),
            Err(error) if count == 0 => Err(error),
            Err(error) => Err(io::Error::new(error.kind(), Partial { count, error })),
        };
        (result, self.into_buffer())
    }
}

/// Reads once: at least one byte, unless the stream has ended, and at most as many as there is room.
#[derive(Debug)]
pub struct Read<B> {
    buffer: B,
    count: usize,
}

/// Reads until the buffer is full.
#[derive(Debug)]
pub struct ReadExact<B> {
    buffer: B,
    count: usize,
}

/// Reads until a delimiter has come, and appends to a vector.
///
/// The count says how many bytes at the front of the vector end with the delimiter. What came behind
/// it stays in the vector: take the front away, and the next read begins with the rest. Asio:
/// `async_read_until`.
#[derive(Debug)]
pub struct ReadUntil {
    delimiter: u8,
    buffer: Vec<u8>,
    /// How many bytes at the front are known to hold no delimiter, or to end with it.
    searched: usize,
}

/// Writes all of a buffer.
#[derive(Debug)]
pub struct WriteAll<B> {
    buffer: B,
    count: usize,
}

/// Writes all of several buffers, with as few system calls as one buffer would take.
#[derive(Debug)]
pub struct WriteAllVectored<B> {
    buffers: Vec<B>,
    count: usize,
    /// How many buffers are written, and how much of the next one.
    written: (usize, usize),
}

impl<B> Read<B> {
    /// Begins with a buffer; all of it is room.
    pub fn new(buffer: B) -> Read<B> {
        Read { buffer, count: 0 }
    }
}

impl<B> ReadExact<B> {
    /// Begins with a buffer; all of it is to be filled.
    pub fn new(buffer: B) -> ReadExact<B> {
        ReadExact { buffer, count: 0 }
    }
}

impl ReadUntil {
    /// Begins with a vector that may hold bytes already.
    pub fn new(delimiter: u8, buffer: Vec<u8>) -> ReadUntil {
        ReadUntil { delimiter, buffer, searched: 0 }
    }

    /// Looks for the delimiter in what was not searched yet.
    fn find(&mut self) -> bool {
        let unsearched = &self.buffer[self.searched..];
        let found = unsearched.iter().position(|byte| *byte == self.delimiter);
        self.searched = found.map_or(self.buffer.len(), |place| self.searched + place + 1);
        found.is_some()
    }
}

impl<B> WriteAll<B> {
    /// Begins with a buffer; all of it is to be written.
    pub fn new(buffer: B) -> WriteAll<B> {
        WriteAll { buffer, count: 0 }
    }
}

impl<B> WriteAllVectored<B> {
    /// Begins with buffers; all of them are to be written, in order.
    pub fn new(buffers: Vec<B>) -> WriteAllVectored<B> {
        WriteAllVectored { buffers, count: 0, written: (0, 0) }
    }
}

impl<B: AsRef<[u8]>> WriteAllVectored<B> {
    /// Passes over the buffers that are written, and over empty ones; tells whether one is left.
    fn skip_written(&mut self) -> bool {
        let (first, offset) = &mut self.written;
        while let Some(buffer) = self.buffers.get(*first) {
            let length = buffer.as_ref().len();
            if *offset < length {
                return true;
            }
            *offset -= length;
            *first += 1;
        }
        false
    }
}

impl<B: AsMut<[u8]>> Transfer for Read<B> {
    const DIRECTION: Direction = Direction::Read;
    type Buffer = B;

    fn attempt(&mut self, source: &Source<TcpStream>) -> io::Result<()> {
        let room = self.buffer.as_mut();
        if !room.is_empty() {
            self.count = source.read(room)?;
        }
        Ok(())
    }

    fn transferred(&self) -> usize {
        self.count
    }

    fn into_buffer(self) -> B {
        self.buffer
    }
}

impl<B: AsMut<[u8]>> Transfer for ReadExact<B> {
    const DIRECTION: Direction = Direction::Read;
    type Buffer = B;

    fn attempt(&mut self, source: &Source<TcpStream>) -> io::Result<()> {
        let buffer = self.buffer.as_mut();
        while self.count < buffer.len() {
            match source.read(&mut buffer[self.count..])? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => self.count += count,
            }
        }
        Ok(())
    }

    fn transferred(&self) -> usize {
        self.count
    }

    fn into_buffer(self) -> B {
        self.buffer
    }
}

impl Transfer for ReadUntil {
    const DIRECTION: Direction = Direction::Read;
    type Buffer = Vec<u8>;

    fn attempt(&mut self, source: &Source<TcpStream>) -> io::Result<()> {
        while !self.find() {
            let length = self.buffer.len();
            if length >= LINE_BYTES_MAX {
                let message = format!("no delimiter within {LINE_BYTES_MAX} bytes");
                return Err(io::Error::new(ErrorKind::InvalidData, message));
            }
            self.buffer.resize(length + LINE_STEP_BYTES.min(LINE_BYTES_MAX - length), 0);
            let read = source.read(&mut self.buffer[length..]);
            self.buffer.truncate(length + *read.as_ref().unwrap_or(&0));
            if read? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    fn transferred(&self) -> usize {
        self.searched
    }

    fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }
}

impl<B: AsRef<[u8]>> Transfer for WriteAll<B> {
    const DIRECTION: Direction = Direction::Write;
    type Buffer = B;

    fn attempt(&mut self, source: &Source<TcpStream>) -> io::Result<()> {
        let bytes = self.buffer.as_ref();
        while self.count < bytes.len() {
            match source.write(&bytes[self.count..])? {
                0 => return Err(ErrorKind::WriteZero.into()),
                count => self.count += count,
            }
        }
        Ok(())
    }

    fn transferred(&self) -> usize {
        self.count
    }

    fn into_buffer(self) -> B {
        self.buffer
    }
}

impl<B: AsRef<[u8]>> Transfer for WriteAllVectored<B> {
    const DIRECTION: Direction = Direction::Write;
    type Buffer = Vec<B>;

    fn attempt(&mut self, source: &Source<TcpStream>) -> io::Result<()> {
        while self.skip_written() {
            let (first, offset) = self.written;
            let rest = self.buffers[first..].iter().take(BUFFERS_PER_WRITE);
            let mut slices: Vec<IoSlice<'_>> =
                rest.map(|buffer| IoSlice::new(buffer.as_ref())).collect();
            slices[0].advance(offset);
            match source.write_vectored(&slices)? {
                0 => return Err(ErrorKind::WriteZero.into()),
                count => {
                    self.count += count;
                    self.written.1 += count;
                }
            }
        }
        Ok(())
    }

    fn transferred(&self) -> usize {
        self.count
    }

    fn into_buffer(self) -> Vec<B> {
        self.buffers
    }
}
