//! TCP with async: what is parked is a waker.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use loop_core::{Chunk, ConnectOptions, Direction, ListenOptions, LoopHandle, Source};

use crate::socket::{Claim, Reads, Socket, Writes};

/// A socket that accepts connections; as a [`Stream`](futures::Stream) it is one of connections.
///
/// One future of [`TcpListener::accept`] waits at a time: a second is refused as `ResourceBusy`.
pub struct TcpListener(Socket<mio::net::TcpListener>);

/// A connection.
///
/// Reading and writing may be awaited at once, each by one future: a second that would wait in the
/// same direction is refused as `ResourceBusy`. A reference reads and writes as well, so that two
/// futures of one task can share a connection. The traits of `futures` poll without a future of this
/// crate: of two tasks that poll one direction through them, each takes the other's place and wakes it, so
/// that both go on, and keep the loop busy until they do.
pub struct TcpStream(Socket<mio::net::TcpStream>);

/// The future of [`TcpStream::read_chunk`].
///
/// It and [`WriteChunk`] are types of their own, since a message passes through them: an `async fn`
/// would keep its arguments twice, and its place.
#[must_use = "a future does nothing unless it is polled"]
pub struct ReadChunk<'a>(Claim<'a, mio::net::TcpStream, Reads>);

/// The future of [`TcpStream::write_chunk`].
#[must_use = "a future does nothing unless it is polled"]
pub struct WriteChunk<'a> {
    /// The way to the socket.
    claim: Claim<'a, mio::net::TcpStream, Writes>,
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
        Source::listen(handle, address, options).map(TcpListener::new)
    }

    /// Wraps a socket that listens.
    pub(crate) fn new(source: Source<mio::net::TcpListener>) -> TcpListener {
        TcpListener(Socket::new(source))
    }

    /// Returns the address that the socket is bound to.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.source().io().local_addr()
    }

    /// Accepts a connection. Cancel-safe: a connection that was not returned is not accepted.
    ///
    /// # Errors
    /// What the system says, but for a lack of descriptors: that is reported to the loop's
    /// exception handler, and the listener rests for a second.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let mut claim = self.0.claim::<Reads>();
        let accepted = poll_fn(|cx| claim.poll_attempt(cx, || self.0.source().accept())).await;
        self.accepted(accepted)
    }

    /// Accepts a connection, or wakes the task when there is one. Another task that waits here is woken, and
    /// has to poll again.
    ///
    /// # Errors
    /// As [`TcpListener::accept`].
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let accept = || self.0.source().accept();
        let accepted = ready!(self.0.poll_attempt(Direction::Read, cx, accept));
        Poll::Ready(self.accepted(accepted))
    }

    /// Puts an accepted connection on the loop.
    fn accepted(
        &self,
        accepted: io::Result<(mio::net::TcpStream, SocketAddr)>,
    ) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = accepted?;
        Ok((TcpStream::new(Source::new(self.handle(), stream)?), peer))
    }

    /// Returns the handle of the socket's loop.
    pub fn handle(&self) -> &LoopHandle {
        self.0.source().handle()
    }

    /// Returns the socket as the loop knows it.
    pub(crate) fn socket(&self) -> &Socket<mio::net::TcpListener> {
        &self.0
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
        let socket = Socket::new(Source::connect(handle, address, options)?);
        let connected = || socket.source().connected();
        poll_fn(|cx| socket.poll_attempt(Direction::Write, cx, connected)).await?;
        Ok(TcpStream(socket))
    }

    /// Returns the address of this side.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.source().io().local_addr()
    }

    /// Returns the address of the other side.
    ///
    /// # Errors
    /// What the system says, when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.source().io().peer_addr()
    }

    /// Reads what has come, at most a chunk; `None` is the end of the stream. Cancel-safe: nothing
    /// is read that is not returned.
    ///
    /// # Errors
    /// When the peer has reset the connection.
    pub fn read_chunk(&self) -> ReadChunk<'_> {
        ReadChunk(self.0.claim())
    }

    /// Writes all of a chunk. Not cancel-safe: a part may have been written.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn write_chunk(&self, chunk: Chunk) -> WriteChunk<'_> {
        WriteChunk { claim: self.0.claim(), chunk }
    }

    /// Shuts one side or both down; the peer reads the end of the stream then.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.source().io().shutdown(how)
    }

    /// Returns the handle of the connection's loop.
    pub fn handle(&self) -> &LoopHandle {
        self.0.source().handle()
    }

    /// Wraps a connection.
    pub(crate) fn new(source: Source<mio::net::TcpStream>) -> TcpStream {
        TcpStream(Socket::new(source))
    }

    /// Returns the socket as the loop knows it.
    pub(crate) fn socket(&self) -> &Socket<mio::net::TcpStream> {
        &self.0
    }
}

impl Future for ReadChunk<'_> {
    type Output = io::Result<Option<Chunk>>;

    // Inlined with the attempt, into each task that awaits it: one copy for all of a program's tasks
    // took 54 of 554 instructions a message. So does the poll of a write.
    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Before it has waited, it asks whether there are bytes: most tasks come here once more than
        // there are, and an error need not be made for that.
        let source = self.0.socket.source();
        if !self.0.is_held() && !source.is_ready(Direction::Read) {
            return self.0.park(cx);
        }
        ready!(self.0.admit(cx));
        let read = source.read_chunk();
        self.0.settle(cx, read)
    }
}

impl Future for WriteChunk<'_> {
    type Output = io::Result<()>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let WriteChunk { claim, chunk } = &mut *self;
        let source = claim.socket.source();
        ready!(claim.admit(cx));
        let written = source.write_chunk(chunk);
        claim.settle(cx, written)
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.source().io().fmt(f)
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.source().io().fmt(f)
    }
}

impl fmt::Debug for ReadChunk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadChunk").field(self.0.socket.source().io()).finish()
    }
}

impl fmt::Debug for WriteChunk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let io = self.claim.socket.source().io();
        f.debug_struct("WriteChunk").field("stream", io).field("chunk", &self.chunk).finish()
    }
}
