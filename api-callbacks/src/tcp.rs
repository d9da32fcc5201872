//! TCP with callbacks: what is parked is a job that holds a closure.

use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use loop_core::transfer::Transfer;
use loop_core::{Chunk, ConnectOptions, Direction, ListenOptions, LoopHandle, Source};

use crate::operation::{Operation, Pending, Ticket, already_pending};
use crate::socket::{Accepted, Connector, Listener, Moving, READ, Reading, Socket, Stream, WRITE};
use crate::socket::{Writing, unless_blocked, with_count};

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
        Ok(TcpListener(Rc::new(Listener { source, accepting: Pending::default() })))
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
        self.accept_socket(|listener, accepted| {
            callback(listener, accepted.map(|(socket, peer)| (TcpStream::new(socket), peer)));
        })
    }

    /// Returns the handle of the socket's loop.
    pub fn handle(&self) -> &LoopHandle {
        self.0.source.handle()
    }

    /// Accepts a connection that is not a stream yet.
    #[track_caller]
    pub(crate) fn accept_socket(
        &self,
        callback: impl FnOnce(TcpListener, Accepted) + 'static,
    ) -> Operation {
        if self.handle().is_closed() {
            return Operation::refused(self.handle(), callback);
        }
        if !self.0.accepting.is_free() {
            let listener = self.clone();
            return Operation::ended_with(self.handle(), move || {
                callback(listener, Err(already_pending()))
            });
        }
        let callback = Box::new(|listener, accepted| callback(TcpListener(listener), accepted));
        let number = self.0.accepting.put(callback);
        self.0.clone().wait();
        Operation::pending(&self.0, Ticket { part: READ, number })
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
            callback(connected.map(TcpStream::new));
        })
    }

    /// Wraps a connection.
    fn new(source: Socket) -> TcpStream {
        let (reading, writing) = (Pending::default(), Pending::default());
        TcpStream(Rc::new(Stream { source, reading, writing }))
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
        if self.handle().is_closed() {
            return Operation::refused(self.handle(), callback);
        }
        let read = Reading::Chunk(Box::new(|stream, read| callback(TcpStream(stream), read)));
        match self.0.reading.is_free() {
            true => self.0.wait_to_read(self.0.reading.put(read)),
            false => self.refuse_read(read),
        }
    }

    /// Writes all of a chunk. When it is cancelled, a part may have been written: the error tells.
    ///
    /// # Errors
    /// When the connection is gone. `ResourceBusy` when writing is pending already.
    #[inline]
    #[track_caller]
    pub fn write_chunk(
        &self,
        mut chunk: Chunk,
        callback: impl FnOnce(TcpStream, io::Result<()>) + 'static,
    ) -> Operation {
        if self.handle().is_closed() {
            return Operation::refused(self.handle(), callback);
        }
        let Stream { source, writing, .. } = &*self.0;
        let callback = Box::new(|stream, written| callback(TcpStream(stream), written));
        let length = chunk.len();
        if !writing.is_free() {
            return self.refuse_write(Writing::Chunk(callback, chunk, length));
        }
        match unless_blocked(source.write_chunk(&mut chunk)) {
            Some(written) => {
                let written = with_count(written, || length - chunk.len());
                writing.put(Writing::Ended(callback, written));
                self.0.call_back(WRITE)
            }
            None => self.0.wait_to_write(writing.put(Writing::Chunk(callback, chunk, length))),
        }
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
        if self.handle().is_closed() {
            return Operation::refused(self.handle(), (transfer, callback));
        }
        let callback = |stream, result, buffer| callback(TcpStream(stream), result, buffer);
        let moving = Box::new((transfer, callback));
        match T::DIRECTION {
            Direction::Read => self.read_bytes(moving),
            Direction::Write => self.write_bytes(moving),
        }
    }

    #[track_caller]
    fn read_bytes(&self, mut moving: Box<dyn Moving>) -> Operation {
        let Stream { source, reading, .. } = &*self.0;
        if !reading.is_free() {
            return self.refuse_read(Reading::Bytes(moving));
        }
        match unless_blocked(moving.attempt(source)) {
            Some(read) => {
                reading.put(Reading::EndedBytes(moving, read));
                self.0.call_back(READ)
            }
            None => self.0.wait_to_read(reading.put(Reading::Bytes(moving))),
        }
    }

    #[track_caller]
    fn write_bytes(&self, mut moving: Box<dyn Moving>) -> Operation {
        let Stream { source, writing, .. } = &*self.0;
        if !writing.is_free() {
            return self.refuse_write(Writing::Bytes(moving));
        }
        match unless_blocked(moving.attempt(source)) {
            Some(written) => {
                writing.put(Writing::EndedBytes(moving, written));
                self.0.call_back(WRITE)
            }
            None => self.0.wait_to_write(writing.put(Writing::Bytes(moving))),
        }
    }

    #[cold]
    #[track_caller]
    fn refuse_read(&self, reading: Reading) -> Operation {
        let stream = self.0.clone();
        Operation::ended_with(self.handle(), move || match reading {
            Reading::Chunk(callback) => callback(stream, Err(already_pending())),
            Reading::Bytes(moving) | Reading::EndedBytes(moving, _) => {
                moving.end(stream, Err(already_pending()));
            }
        })
    }

    #[cold]
    #[track_caller]
    fn refuse_write(&self, writing: Writing) -> Operation {
        let stream = self.0.clone();
        Operation::ended_with(self.handle(), move || match writing {
            Writing::Chunk(callback, ..) | Writing::Ended(callback, _) => {
                callback(stream, Err(already_pending()));
            }
            Writing::Bytes(moving) | Writing::EndedBytes(moving, _) => {
                moving.end(stream, Err(already_pending()));
            }
        })
    }
}

/// Connects a socket that is not a stream yet.
#[track_caller]
pub(crate) fn connect_socket(
    handle: &LoopHandle,
    address: SocketAddr,
    options: &ConnectOptions,
    callback: impl FnOnce(io::Result<Socket>) + 'static,
) -> Operation {
    let source = match Source::connect(handle, address, options) {
        Ok(source) => source,
        Err(error) => return Operation::ended_with(handle, move || callback(Err(error))),
    };
    let connector = Rc::new(Connector { connecting: Pending::default() });
    source.park_job(Direction::Write, connector.clone(), WRITE);
    let number = connector.connecting.put((source, Box::new(callback)));
    Operation::pending(&connector, Ticket { part: WRITE, number })
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
