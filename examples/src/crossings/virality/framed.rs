//! A framed protocol whose core does no input: what comes goes in, frames come out. Only the shell,
//! `serve`, waits, and only it is coloured (claim C11).

use std::io::{self, ErrorKind};

use api_async::{TcpStream, bytes};

/// How long the length of a frame is: four bytes, the most significant first.
const HEADER_BYTES: usize = 4;

/// The longest frame that is taken.
const LENGTH_MAX: usize = 64 * 1024;

/// Cuts what comes into frames.
#[derive(Debug, Default)]
pub struct Cutter {
    /// What has come and was not handed on.
    partial: Vec<u8>,
}

/// A frame is announced as longer than any that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong(pub usize);

impl Cutter {
    /// Takes bytes in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
    }

    /// Hands the next frame on, if all of it has come.
    ///
    /// # Errors
    /// When its length says too much; nothing sensible follows then.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        let Some((header, body)) = self.partial.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*header) as usize;
        if length > LENGTH_MAX {
            return Err(TooLong(length));
        }
        let Some(frame) = body.get(..length) else { return Ok(None) };
        let frame = frame.to_vec();
        self.partial.drain(..HEADER_BYTES + length);
        Ok(Some(frame))
    }

    /// Tells whether a frame has begun whose end has not come.
    pub fn is_amid_a_frame(&self) -> bool {
        !self.partial.is_empty()
    }
}

/// Puts the length before a frame.
///
/// # Errors
/// When it is longer than any that is taken.
pub fn framed(frame: &[u8]) -> Result<Vec<u8>, TooLong> {
    if frame.len() > LENGTH_MAX {
        return Err(TooLong(frame.len()));
    }
    let length = (frame.len() as u32).to_be_bytes();
    Ok([&length, frame].concat())
}

/// Answers a frame: the words of it in reverse.
pub fn answer(frame: &[u8]) -> Vec<u8> {
    let words: Vec<_> = frame.split(|byte| *byte == b' ').rev().collect();
    words.join(&b' ')
}

impl From<TooLong> for io::Error {
    fn from(TooLong(length): TooLong) -> io::Error {
        io::Error::new(ErrorKind::InvalidData, format!("a frame of {length} bytes is too long"))
    }
}

/// Answers the frames of a connection until it ends.
///
/// # Errors
/// When the connection is gone, sends a frame that is too long, or ends amid one.
pub async fn serve(stream: TcpStream) -> io::Result<()> {
    let mut cutter = Cutter::default();
    while let Some(chunk) = stream.read_chunk().await? {
        cutter.push(&chunk);
        while let Some(frame) = cutter.next_frame()? {
            bytes::write_all(&stream, framed(&answer(&frame))?).await.0?;
        }
    }
    if cutter.is_amid_a_frame() { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}
