//! TCP with async: what is parked is a waker.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::io::{AsyncRead, AsyncWrite};
use futures::stream::Stream;
use loop_core::{Chunk, ConnectOptions, Direction, ListenOptions, LoopHandle, Source};

use crate::current::{self, Wait};
use crate::table;

/// A socket that accepts connections; as a [`Stream`] it is one of connections.
pub struct TcpListener(Source<mio::net::TcpListener>);

/// A connection.
///
/// Reading and writing may be awaited at once, each by one task: the last to be polled is woken. A
/// reference reads and writes as well, so that two futures of one task can share a connection.
pub struct TcpStream(Source<mio::net::TcpStream>);

/// The future of [`TcpStream::read_chunk`].
///
/// It and [`WriteChunk`] are types of their own, since a message passes through them: an `async fn`
/// would keep its arguments twice, and its place.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct ReadChunk<'a>(&'a TcpStream);

/// The future of [`TcpStream::write_chunk`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct WriteChunk<'a> {
    stream: &'a TcpStream,
    /// What is to be written still.
    chunk: Chunk,
}

impl TcpListener {
    /// Binds a socket and listens on it.
    ///
    /// # Errors
    /// When the address is taken, or not one of this machine.
    #[track_caller]
    pub fn bind(handle: &LoopHandle, address: SocketAddr) -> io::Result<TcpListener> {
        TcpListener::bind_with(handle, address, &ListenOptions::default())
    }

    /// Binds a socket as `options` ask, and listens on it.
    ///
    /// # Errors
    /// As [`TcpListener::bind`].
    #[track_caller]
    pub fn bind_with(
        handle: &LoopHandle,
        address: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<TcpListener> {
        Source::listen(handle, address, options).map(TcpListener)
    }

    /// Returns the address that the socket is bound to.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// Accepts a connection. Cancel-safe: a connection that was not returned is not accepted.
    ///
    /// # Errors
    /// What the system says, but for a lack of descriptors: that is reported to the loop's
    /// exception handler, and the listener rests for a second.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// Accepts a connection, or wakes the task when there is one.
    ///
    /// # Errors
    /// As [`TcpListener::accept`].
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let accepted = poll_attempt(&self.0, Direction::Read, cx, || self.0.accept());
        let (stream, peer) = ready!(accepted)?;
        Poll::Ready(Ok((TcpStream(Source::new(self.handle(), stream)?), peer)))
    }

    /// Returns the handle of the socket's loop.
    pub fn handle(&self) -> &LoopHandle {
        self.0.handle()
    }
}

impl TcpStream {
    /// Connects to an address. Cancel-safe: dropping it closes the socket.
    ///
    /// # Errors
    /// When the connection is refused or the address cannot be reached.
    pub async fn connect(handle: &LoopHandle, address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect_with(handle, address, &ConnectOptions::default()).await
    }

    /// Connects to an address as `options` ask. Cancel-safe: dropping it closes the socket.
    ///
    /// # Errors
    /// As [`TcpStream::connect`]; when the local address cannot be bound.
    pub async fn connect_with(
        handle: &LoopHandle,
        address: SocketAddr,
        options: &ConnectOptions,
    ) -> io::Result<TcpStream> {
        let source = Source::connect(handle, address, options)?;
        poll_fn(|cx| poll_attempt(&source, Direction::Write, cx, || source.connected())).await?;
        Ok(TcpStream(source))
    }

    /// Returns the address of this side.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// Returns the address of the other side.
    ///
    /// # Errors
    /// What the system says, when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().peer_addr()
    }

    /// Reads what has come, at most a chunk; `None` is the end of the stream. Cancel-safe: nothing
    /// is read that is not returned.
    ///
    /// # Errors
    /// When the peer has reset the connection.
    pub fn read_chunk(&self) -> ReadChunk<'_> {
        ReadChunk(self)
    }

    /// Writes all of a chunk. Not cancel-safe: a part may have been written.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn write_chunk(&self, chunk: Chunk) -> WriteChunk<'_> {
        WriteChunk { stream: self, chunk }
    }

    /// Shuts one side or both down; the peer reads the end of the stream then.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.io().shutdown(how)
    }

    /// Returns the handle of the connection's loop.
    pub fn handle(&self) -> &LoopHandle {
        self.0.handle()
    }

    /// Returns the socket as the loop knows it.
    pub(crate) fn source(&self) -> &Source<mio::net::TcpStream> {
        &self.0
    }
}

impl Future for ReadChunk<'_> {
    type Output = io::Result<Option<Chunk>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        poll_read_chunk(&self.0.0, cx)
    }
}

impl Future for WriteChunk<'_> {
    type Output = io::Result<()>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let source = &self.stream.0;
        poll_attempt(source, Direction::Write, cx, || source.write_chunk(&mut self.chunk))
    }
}

impl Stream for TcpListener {
    type Item = io::Result<(TcpStream, SocketAddr)>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_accept(cx).map(Some)
    }
}

impl AsyncRead for &TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        poll_attempt(&self.0, Direction::Read, cx, || self.0.read(buffer))
    }
}

impl AsyncWrite for &TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        poll_attempt(&self.0, Direction::Write, cx, || self.0.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.io().shutdown(Shutdown::Write))
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read(cx, buffer)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_close(cx)
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.io().fmt(f)
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.io().fmt(f)
    }
}

/// Reads a chunk within the task's budget, or wakes the task when there is something to read.
///
/// The source is asked before it is tried: most tasks come here once more than there are bytes, and
/// an error need not be made for that.
#[inline(always)]
pub(crate) fn poll_read_chunk(
    source: &Source<mio::net::TcpStream>,
    cx: &Context<'_>,
) -> Poll<io::Result<Option<Chunk>>> {
    if !source.is_ready(Direction::Read) {
        ready!(current::poll_budget(cx));
        return park(source, Direction::Read, cx);
    }
    poll_attempt(source, Direction::Read, cx, || source.read_chunk())
}

/// Makes an attempt within the task's budget; if it has to be made again later, the task is woken then.
#[inline(always)]
pub(crate) fn poll_attempt<S, T>(
    source: &Source<S>,
    direction: Direction,
    cx: &Context<'_>,
    attempt: impl FnOnce() -> io::Result<T>,
) -> Poll<io::Result<T>>
where
    S: mio::event::Source,
{
    ready!(current::poll_budget(cx));
    match attempt() {
        Err(error) if error.kind() == ErrorKind::WouldBlock => park(source, direction, cx),
        result => {
            current::spend();
            Poll::Ready(result)
        }
    }
}

/// Wakes the task when the source is ready in this direction.
#[inline(always)]
fn park<S: mio::event::Source, T>(
    source: &Source<S>,
    direction: Direction,
    cx: &Context<'_>,
) -> Poll<T> {
    source.park_task(direction, cx.waker(), || table::find(cx.waker()));
    current::wait(match direction {
        Direction::Read => Wait::Reading,
        Direction::Write => Wait::Writing,
    });
    Poll::Pending
}
