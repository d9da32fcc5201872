//! The two sides of a connection as values of their own, for tasks of their own.
//!
//! The reading side keeps what came in a chunk of the loop's pool: idle, it holds no buffer.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures::io::{AsyncBufRead, AsyncRead, AsyncWrite};
use futures::sink::Sink;
use futures::stream::Stream;
use loop_core::{Chunk, Direction};

use crate::tcp::TcpStream;

/// The reading side of a connection: bytes, lines by [`AsyncBufRead`], chunks as a [`Stream`].
///
/// What has come and was not consumed is kept here, so that these are cancel-safe: `next` of the half
/// and of its `lines()`, `fill_buf` with `consume`, `read`; and `read_until`, if its vector is kept and
/// given to the next call. `read_line`, `read_exact`, `read_to_end` and `read_to_string` are not:
/// `futures` takes bytes out of the half before these have ended, and drops them with the future.
/// Read lines by `lines()`, where a line may be awaited beside something else.
pub struct ReadHalf {
    /// Shared with the other half: two counted references are a connection.
    stream: Rc<TcpStream>,
    /// What has come and was not consumed; given up when it is empty.
    chunk: Option<Chunk>,
}

/// The writing side of a connection: bytes, or chunks by [`Sink`].
///
/// A chunk that was handed to the sink stays here until it is written, so that a cancelled `send` or
/// `flush` loses nothing: the next one goes on. Dropping the half does not shut the side down;
/// `close` does.
pub struct WriteHalf {
    /// Shared with the other half.
    stream: Rc<TcpStream>,
    /// What the sink was given, until it is written.
    chunk: Option<Chunk>,
}

/// Two halves that were not put together come back: they are of two connections, or the sink has a chunk
/// that it has yet to write.
#[derive(Debug)]
pub struct Unrelated(pub ReadHalf, pub WriteHalf);

impl TcpStream {
    /// Divides the connection in its two sides.
    ///
    /// ```
    /// use api_async::{TcpListener, TcpStream, echo, run_until_complete, spawn};
    /// use futures::{AsyncBufReadExt, AsyncWriteExt, StreamExt};
    ///
    /// let mut event_loop = loop_core::EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// let lines = run_until_complete(&mut event_loop, async move {
    ///     let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap())?;
    ///     let address = listener.local_addr()?;
    ///     spawn(&handle, echo::serve(listener)).detach();
    ///
    ///     let (reader, mut writer) = TcpStream::connect(&handle, address).await?.into_split();
    ///     writer.write_all(b"one\ntwo\n").await?;
    ///     writer.close().await?;
    ///     Ok(reader.lines().map(|line| line.unwrap()).collect::<Vec<_>>().await)
    /// });
    /// let lines: std::io::Result<_> = lines.unwrap();
    /// assert_eq!(lines?, ["one", "two"]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_split(self) -> (ReadHalf, WriteHalf) {
        let stream = Rc::new(self);
        (ReadHalf { stream: stream.clone(), chunk: None }, WriteHalf { stream, chunk: None })
    }
}

impl ReadHalf {
    /// Puts the two sides together again. What was read ahead comes with them.
    ///
    /// # Errors
    /// When they are not of one connection; when the sink was given a chunk and not flushed, since the
    /// chunk would be lost.
    pub fn reunite(mut self, writer: WriteHalf) -> Result<(TcpStream, Option<Chunk>), Unrelated> {
        if !Rc::ptr_eq(&self.stream, &writer.stream) || writer.chunk.is_some() {
            return Err(Unrelated(self, writer));
        }
        let chunk = self.chunk.take();
        drop(writer);
        let stream = Rc::into_inner(self.stream).expect("there are two halves");
        Ok((stream, chunk))
    }

    /// Returns the connection, to ask it for its addresses.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sees to it that there is a chunk; `None` is the end of the stream.
    fn poll_chunk(&mut self, cx: &Context<'_>) -> Poll<io::Result<Option<&mut Chunk>>> {
        if self.chunk.as_ref().is_none_or(|chunk| chunk.is_empty()) {
            // An empty chunk goes back to the pool before there is another.
            self.chunk = None;
            let socket = self.stream.socket();
            let source = socket.source();
            // The source is asked before it is tried, as in `read_chunk`.
            let read = match source.is_ready(Direction::Read) {
                true => socket.poll_attempt(Direction::Read, cx, || source.read_chunk()),
                false => socket.wait(Direction::Read, cx),
            };
            self.chunk = ready!(read)?;
        }
        Poll::Ready(Ok(self.chunk.as_mut()))
    }
}

impl WriteHalf {
    /// Returns the connection, to ask it for its addresses.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn poll_chunk(&mut self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        if let Some(chunk) = &mut self.chunk {
            let socket = self.stream.socket();
            let write = || socket.source().write_chunk(chunk);
            let written = ready!(socket.poll_attempt(Direction::Write, cx, write));
            self.chunk = None;
            written?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for ReadHalf {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let chunk = ready!(self.get_mut().poll_chunk(cx))?;
        Poll::Ready(Ok(chunk.map_or(&[], |chunk| chunk)))
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        if let Some(chunk) = &mut self.chunk {
            chunk.advance(count);
            if chunk.is_empty() {
                self.chunk = None;
            }
        }
    }
}

impl AsyncRead for ReadHalf {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.chunk.is_none() {
            return Pin::new(&mut &*self.stream).poll_read(cx, buffer);
        }
        let bytes = ready!(self.as_mut().poll_fill_buf(cx))?;
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        Poll::Ready(Ok(count))
    }
}

impl Stream for ReadHalf {
    type Item = io::Result<Chunk>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let chunk = ready!(self.poll_chunk(cx)).map(|chunk| chunk.is_some());
        Poll::Ready(chunk.map(|_| self.chunk.take()).transpose())
    }
}

impl AsyncWrite for WriteHalf {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_chunk(cx))?;
        Pin::new(&mut &*self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_chunk(cx))?;
        Pin::new(&mut &*self.stream).poll_write_vectored(cx, buffers)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_chunk(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_chunk(cx))?;
        Pin::new(&mut &*self.stream).poll_close(cx)
    }
}

impl Sink<Chunk> for WriteHalf {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_chunk(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, chunk: Chunk) -> io::Result<()> {
        let before = self.chunk.replace(chunk);
        assert!(before.is_none(), "a sink is asked whether it is ready before it is given more");
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(self, cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_close(self, cx)
    }
}

impl fmt::Debug for ReadHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadHalf").field(&self.stream).finish()
    }
}

impl fmt::Debug for WriteHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteHalf").field(&self.stream).finish()
    }
}
