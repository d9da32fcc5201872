//! TCP with fibers: what is parked is the fiber.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use loop_core::transfer::Transfer;
use loop_core::{Chunk, ConnectOptions, Direction, ListenOptions, LoopHandle, Source};

use super::fiber::{WAKE, current, give_way};
use super::stack::take_attempt;

/// A socket that accepts connections.
pub type TcpListener = Socket<mio::net::TcpListener>;

/// A connection.
pub type TcpStream = Socket<mio::net::TcpStream>;

/// A socket on the loop. One fiber may wait in each direction: a second is refused as `ResourceBusy`.
pub struct Socket<S> {
    source: Source<S>,
    /// In which directions a fiber waits.
    waits: [Cell<bool>; 2],
}

impl TcpListener {
    /// Binds a socket and listens on it.
    ///
    /// # Errors
    /// When the address is taken, or not one of this machine.
    #[track_caller]
    pub fn bind(handle: &LoopHandle, address: SocketAddr) -> io::Result<TcpListener> {
        Source::listen(handle, address, &ListenOptions::default()).map(Socket::new)
    }

    /// Returns the address that the socket is bound to.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr()
    }

    /// Accepts a connection.
    ///
    /// # Errors
    /// What the system says, but for a lack of descriptors: that is reported to the loop's exception handler, and
    /// the listener rests for a second.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.attempt(Direction::Read, || self.source.accept())?;
        Ok((Socket::new(Source::new(self.handle(), stream)?), peer))
    }
}

impl TcpStream {
    /// Connects to an address.
    ///
    /// # Errors
    /// When the connection is refused or the address cannot be reached.
    pub fn connect(handle: &LoopHandle, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = Socket::new(Source::connect(handle, address, &ConnectOptions::default())?);
        socket.attempt(Direction::Write, || socket.source.connected())?;
        Ok(socket)
    }

    /// Reads what has come, at most a chunk; `None` is the end of the stream.
    ///
    /// # Errors
    /// When the peer has reset the connection.
    pub fn read_chunk(&self) -> io::Result<Option<Chunk>> {
        self.attempt(Direction::Read, || self.source.read_chunk())
    }

    /// Writes all of a chunk. If the fiber is cancelled meanwhile, a part may have been written.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn write_chunk(&self, mut chunk: Chunk) -> io::Result<()> {
        self.attempt(Direction::Write, || self.source.write_chunk(&mut chunk))
    }

    /// Moves bytes between the connection and a buffer, which comes back with the count.
    ///
    /// # Errors
    /// When the connection is gone, or ends too soon; the error tells the count.
    pub fn transfer<X: Transfer>(&self, mut transfer: X) -> (io::Result<usize>, X::Buffer) {
        let moved = self.attempt(X::DIRECTION, || transfer.attempt(&self.source));
        transfer.finish(moved)
    }

    /// Returns the address of the other side.
    ///
    /// # Errors
    /// What the system says, when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().peer_addr()
    }

    /// Shuts one side or both down; the peer reads the end of the stream then.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.source.io().shutdown(how)
    }
}

impl<S: AsFd> AsFd for Socket<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.io().as_fd()
    }
}

impl<S> Socket<S> {
    fn new(source: Source<S>) -> Socket<S> {
        Socket { source, waits: Default::default() }
    }

    /// Returns the handle of the socket's loop.
    pub fn handle(&self) -> &LoopHandle {
        self.source.handle()
    }

    /// Makes attempts until one does not block; the fiber waits between them.
    fn attempt<T>(
        &self,
        direction: Direction,
        mut attempt: impl FnMut() -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            // An error need not be made where it is known that the attempt would block.
            if self.source.is_ready(direction) {
                while !take_attempt() {
                    give_way()?;
                }
                match attempt() {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    ended => return ended,
                }
            }
            self.wait(direction)?;
        }
    }

    fn wait(&self, direction: Direction) -> io::Result<()> {
        let (fiber, waits) = (current(), &self.waits[direction as usize]);
        if waits.replace(true) {
            let busy = "another fiber waits at this socket, in the same direction";
            return Err(io::Error::new(ErrorKind::ResourceBusy, busy));
        }
        self.source.park_job(direction, fiber.clone(), WAKE);
        let woken = fiber.suspend(|| {
            waits.set(false);
            self.source.unpark(direction);
        });
        waits.set(false);
        woken
    }
}
