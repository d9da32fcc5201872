//! TCP with callbacks: what is parked is a job that holds a closure.

use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
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
        let (stream, result) = (self.clone(), self.0.shut_down(how));
        Operation::ended_with(self.handle(), move || callback(stream, result))
    }

    /// Cancels what is pending on the connection, reading and writing; tells whether something was. Each
    /// callback is called from the queue, once, with [`Cancelled`](loop_core::Cancelled). What begins
    /// later is not cancelled.
    ///
    /// Asio: `basic_stream_socket::cancel`.
    pub fn cancel(&self) -> bool {
        self.0.cancel_pending()
    }

    /// Closes the connection for everything that names it. What is pending ends from the queue, once: as
    /// [`Cancelled`](loop_core::Cancelled), or with the result that is on its way. What begins later is
    /// refused as [`NotConnected`](io::ErrorKind::NotConnected), from the queue as well. A second time
    /// does nothing.
    ///
    /// ```
    /// use api_callbacks::{TcpListener, TcpStream, sleep};
    /// use std::time::Duration;
    ///
    /// let mut event_loop = loop_core::EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap())?;
    /// let address = listener.local_addr()?;
    /// let ended = event_loop.run_until_complete(|completer| {
    ///     TcpStream::connect(&handle, address, |stream| {
    ///         let stream = stream.expect("the listener has room for one");
    ///         stream.read_chunk(|_stream, read| completer.complete(read));
    ///         sleep(&stream.handle().clone(), Duration::from_millis(1), move |_| stream.close());
    ///     });
    /// });
    /// assert!(loop_core::is_cancelled(&ended.unwrap().unwrap_err()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Limits
    /// The system has its descriptor back when nothing names the connection any more, which is behind the
    /// callbacks unless the program keeps a clone. The peer hears of the end then too, since both sides are
    /// shut down; not if `SO_LINGER` asks for a reset, which comes with the descriptor's end alone. libuv:
    /// `uv_close`.
    pub fn close(&self) {
        self.0.close();
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

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.source.io().fmt(f)
    }
}
