//! TCP with callbacks: what is parked is a job that holds a closure.

use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use loop_core::transfer::Transfer;
use loop_core::{Chunk, ConnectOptions, ListenOptions, LoopHandle, Source};

use crate::connecting::{Listener, connect_socket};
use crate::operation::Operation;
use crate::socket::Stream;

/// A socket that accepts connections.
///
/// A clone names the same socket.
#[derive(Clone)]
pub struct TcpListener(pub(crate) Rc<Listener>);

/// A connection.
///
/// A clone names the same connection. Reading and writing may be pending at once, each once.
#[derive(Clone)]
pub struct TcpStream(pub(crate) Rc<Stream>);

impl TcpListener {
    /// Binds a socket and listens on it.
    ///
    /// # Errors
    /// When the address is taken, or not one of this machine.
    #[track_caller]
    pub fn bind(handle: &LoopHandle, address: SocketAddr) -> io::Result<TcpListener> {
        TcpListener::bind_with(handle, address, &ListenOptions::default())
    }

    /// Binds a socket and listens on it, as the options ask.
    ///
    /// # Errors
    /// As [`TcpListener::bind`].
    #[track_caller]
    pub fn bind_with(
        handle: &LoopHandle,
        address: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<TcpListener> {
        let source = Source::listen(handle, address, options)?;
        Ok(TcpListener(Listener::new(source)))
    }

    /// Returns the address that the socket is bound to.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.source.io().local_addr()
    }

    /// Accepts a connection.
    ///
    /// # Errors
    /// What the system says, but for a lack of descriptors: that is reported to the loop's
    /// exception handler, and the listener rests for a second. `ResourceBusy` when accepting is
    /// pending already.
    #[track_caller]
    pub fn accept(
        &self,
        callback: impl FnOnce(TcpListener, io::Result<(TcpStream, SocketAddr)>) + 'static,
    ) -> Operation {
        self.0.accept(|listener, accepted| {
            let accepted = accepted.map(|(socket, peer)| (TcpStream(Stream::new(socket)), peer));
            callback(TcpListener(listener), accepted);
        })
    }

    /// Returns the handle of the socket's loop.
    pub fn handle(&self) -> &LoopHandle {
        self.0.source.handle()
    }
}

impl TcpStream {
    /// Connects to an address.
    ///
    /// # Errors
    /// When the connection is refused or the address cannot be reached.
    #[track_caller]
    pub fn connect(
        handle: &LoopHandle,
        address: SocketAddr,
        callback: impl FnOnce(io::Result<TcpStream>) + 'static,
    ) -> Operation {
        TcpStream::connect_with(handle, address, &ConnectOptions::default(), callback)
    }

    /// Connects to an address, as the options ask.
    ///
    /// # Errors
    /// As [`TcpStream::connect`]; when the local address is taken, or not one of this machine.
    #[track_caller]
    pub fn connect_with(
        handle: &LoopHandle,
        address: SocketAddr,
        options: &ConnectOptions,
        callback: impl FnOnce(io::Result<TcpStream>) + 'static,
    ) -> Operation {
        connect_socket(handle, address, options, |connected| {
            callback(connected.map(|socket| TcpStream(Stream::new(socket))));
        })
    }

    /// Returns the address of this side.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.source.io().local_addr()
    }

    /// Returns the address of the other side.
    ///
    /// # Errors
    /// What the system says, when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.source.io().peer_addr()
    }

    /// Reads what has come, at most a chunk; `None` is the end of the stream.
    ///
    /// # Errors
    /// When the peer has reset the connection. `ResourceBusy` when reading is pending already.
    #[inline]
    #[track_caller]
    pub fn read_chunk(
        &self,
        callback: impl FnOnce(TcpStream, io::Result<Option<Chunk>>) + 'static,
    ) -> Operation {
        self.0.begin_read(|stream, read| callback(TcpStream(stream), read))
    }

    /// Writes all of a chunk. When it is cancelled, a part may have been written: the error tells.
    ///
    /// # Errors
    /// When the connection is gone. `ResourceBusy` when writing is pending already.
    #[inline]
    #[track_caller]
    pub fn write_chunk(
        &self,
        chunk: Chunk,
        callback: impl FnOnce(TcpStream, io::Result<()>) + 'static,
    ) -> Operation {
        self.0.begin_write(chunk, |stream, written| callback(TcpStream(stream), written))
    }

    /// Shuts one side or both down; the peer reads the end of the stream then.
    ///
    /// # Errors
    /// When the connection is gone.
    #[track_caller]
    pub fn shutdown(
        &self,
        how: Shutdown,
        callback: impl FnOnce(TcpStream, io::Result<()>) + 'static,
    ) -> Operation {
        let (stream, result) = (self.clone(), self.0.source.io().shutdown(how));
        Operation::ended_with(self.handle(), move || callback(stream, result))
    }

    /// Returns the handle of the connection's loop.
    pub fn handle(&self) -> &LoopHandle {
        self.0.source.handle()
    }

    /// Begins a transfer between the connection and a buffer of the caller's; it is tried at once.
    #[track_caller]
    pub(crate) fn transfer<T: Transfer + 'static>(
        &self,
        transfer: T,
        callback: impl FnOnce(TcpStream, io::Result<usize>, T::Buffer) + 'static,
    ) -> Operation {
        self.0.begin_transfer(transfer, |stream, result, buffer| {
            callback(TcpStream(stream), result, buffer);
        })
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.source.io().fmt(f)
    }
}

/// For the system's options of a socket, such as `socket2`'s; reading and writing are the stream's.
impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.source.io().as_fd()
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.source.io().fmt(f)
    }
}
