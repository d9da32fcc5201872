//! What accepting and connecting need beyond a source, the same for every style.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};

use crate::handle::LoopHandle;
use crate::net::options::{ConnectOptions, ListenOptions};
use crate::readiness::direction::Direction;
use crate::readiness::flags::Flags;
use crate::readiness::signs::Signs;
use crate::readiness::socket::BYTES_PER_TURN;
use crate::readiness::source::Source;
use crate::report::errors::{AggregateError, Context, closed};

/// How many connections a listener takes in one turn.
const ACCEPTS_PER_TURN: usize = 64;

/// How long a listener rests when descriptors have run out (asyncio: `ACCEPT_RETRY_DELAY`, 1 s).
const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// How long the exception handler is spared a shortage that goes on.
const SILENCE: Duration = Duration::from_secs(60);

impl Source<TcpListener> {
    /// Listens on an address.
    ///
    /// # Errors
    /// When the address is taken or not one of this machine; as [`Source::new`].
    #[track_caller]
    pub fn listen(
        handle: &LoopHandle,
        address: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<Source<TcpListener>> {
        if handle.is_closing() {
            return Err(closed());
        }
        Source::new(handle, options.listen(address)?)
    }

    /// Puts a listener of the standard library on the loop; it blocks no more.
    ///
    /// # Errors
    /// As [`Source::new`]. The listener is closed then.
    #[track_caller]
    pub fn from_std(
        handle: &LoopHandle,
        listener: std::net::TcpListener,
    ) -> io::Result<Source<TcpListener>> {
        listener.set_nonblocking(true)?;
        Source::new(handle, TcpListener::from_std(listener))
    }

    /// Accepts one connection.
    ///
    /// When descriptors or memory have run out, the loop's exception handler is told, at most once a
    /// minute; the listener rests for a second, and the connection stays in the kernel's queue. A
    /// connection that was gone before it was accepted is passed over.
    ///
    /// # Errors
    /// As [`Source::attempt`].
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        if self.socket().has(Flags::RESTING) && !self.handle().is_closing() {
            self.socket().drained(Direction::Read);
            return Err(ErrorKind::WouldBlock.into());
        }
        loop {
            let accepted = self.attempt(Direction::Read, TcpListener::accept);
            match accepted {
                Ok(connection) => {
                    self.handle().state.counters().accepts.count();
                    self.spend(Direction::Read, BYTES_PER_TURN / ACCEPTS_PER_TURN);
                    return Ok(connection);
                }
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) if is_exhausted(&error) => {
                    self.rest(&error);
                    return Err(ErrorKind::WouldBlock.into());
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Accepts nothing for a while, and says why the first time.
    fn rest(&self, error: &io::Error) {
        let (socket, handle) = (self.socket(), self.handle());
        socket.drained(Direction::Read);
        if !socket.has(Flags::REPORTED) {
            let seconds = ACCEPT_RETRY_DELAY.as_secs();
            let message = format!("accepting again in {seconds} s and from then on: {error}");
            handle.report(&Context::new(message).created_at(socket.created_at()));
            let reported = socket.clone();
            handle.call_later(SILENCE, move || reported.clear(Flags::REPORTED));
        }
        socket.set(Flags::RESTING.with(Flags::REPORTED));
        let (socket, loop_state) = (socket.clone(), handle.state.clone());
        handle.call_later(ACCEPT_RETRY_DELAY, move || {
            socket.clear(Flags::RESTING);
            loop_state.collect();
            loop_state.tell(&socket, Signs::READABLE);
        });
    }
}

impl Source<TcpStream> {
    /// Begins to connect.
    ///
    /// # Errors
    /// When the connection is refused at once, or no descriptor is left.
    #[track_caller]
    pub fn connect(
        handle: &LoopHandle,
        address: SocketAddr,
        options: &ConnectOptions,
    ) -> io::Result<Source<TcpStream>> {
        if handle.is_closing() {
            return Err(closed());
        }
        Source::unready(handle, options.connect(address)?)
    }

    /// Puts a connection of the standard library on the loop; it blocks no more.
    ///
    /// # Errors
    /// As [`Source::new`]. The connection is closed then.
    #[track_caller]
    pub fn from_std(
        handle: &LoopHandle,
        stream: std::net::TcpStream,
    ) -> io::Result<Source<TcpStream>> {
        stream.set_nonblocking(true)?;
        Source::new(handle, TcpStream::from_std(stream))
    }

    /// Tells whether the connection is made.
    ///
    /// # Errors
    /// Why it could not be made; [`ErrorKind::WouldBlock`] while that is open.
    pub fn connected(&self) -> io::Result<()> {
        self.attempt(Direction::Write, |stream| match stream.take_error()? {
            Some(error) => Err(error),
            None => match stream.peer_addr() {
                Err(error) if error.kind() == ErrorKind::NotConnected => {
                    Err(ErrorKind::WouldBlock.into())
                }
                connected => connected.map(|_peer| ()),
            },
        })
    }
}

/// Tells whether accepting failed for a connection that was gone before: Linux hands its network
/// errors on here, and asks to be tried again. A server goes on accepting then.
pub fn is_about_one_connection(error: &io::Error) -> bool {
    use ErrorKind::{ConnectionAborted, ConnectionReset, HostUnreachable, NetworkUnreachable};
    use ErrorKind::{NetworkDown, PermissionDenied};
    let gone = matches!(error.kind(), ConnectionAborted | ConnectionReset | HostUnreachable);
    let network = matches!(error.kind(), NetworkUnreachable | NetworkDown | PermissionDenied);
    gone || network || error.raw_os_error() == Some(rustix::io::Errno::PROTO.raw_os_error())
}

/// Puts the failures of all addresses of a host into one error, of the kind of the last: `NotFound`, if there
/// was none. It holds an [`AggregateError`], in which each failure names its address.
pub fn none_connected(failures: Vec<(SocketAddr, io::Error)>) -> io::Error {
    let kind = failures.last().map_or(ErrorKind::NotFound, |(_, error)| error.kind());
    let named = |(address, error): (SocketAddr, io::Error)| {
        io::Error::new(error.kind(), format!("{address}: {error}"))
    };
    io::Error::new(kind, AggregateError { errors: failures.into_iter().map(named).collect() })
}

/// Tells whether accepting failed for want of descriptors or memory, which passes.
fn is_exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    error.raw_os_error().is_some_and(|code| exhausted.iter().any(|e| e.raw_os_error() == code))
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    fn error(errno: Errno) -> io::Error {
        io::Error::from_raw_os_error(errno.raw_os_error())
    }

    #[test]
    fn a_shortage_passes_and_a_lost_connection_is_not_the_listeners() {
        for shortage in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM].map(error) {
            assert!(is_exhausted(&shortage) && !is_about_one_connection(&shortage), "{shortage}");
        }
        let lost = [Errno::CONNABORTED, Errno::PROTO, Errno::NETDOWN, Errno::NETUNREACH];
        for lost in lost.into_iter().chain([Errno::HOSTUNREACH, Errno::PERM]).map(error) {
            assert!(is_about_one_connection(&lost) && !is_exhausted(&lost), "{lost}");
        }
        for own in [Errno::BADF, Errno::INVAL, Errno::NOTSOCK, Errno::AGAIN].map(error) {
            assert!(!is_exhausted(&own) && !is_about_one_connection(&own), "{own}");
        }
    }
}
