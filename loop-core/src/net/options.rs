//! How a socket is made: what a listener or a connection asks of the system, at first and later.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use crate::readiness::source::Source;

/// The longest keep-alive, in seconds: Linux takes no longer one (`MAX_TCP_KEEPIDLE`).
const KEEPALIVE_SECONDS_MAX: u64 = 32_767;

/// The longest linger, in seconds: the system's number is no larger.
const LINGER_SECONDS_MAX: u64 = i32::MAX as u64;

/// What a listening socket asks of the system.
///
/// ```
/// let options = loop_core::ListenOptions { backlog: 16, ..Default::default() };
/// assert!(options.reuse_address);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    /// How many connections the kernel holds until they are accepted; it may hold fewer.
    pub backlog: u32,
    /// Whether the address may be bound while connections of an earlier server linger there.
    pub reuse_address: bool,
    /// Whether several sockets may be bound to the address, which the kernel then shares out.
    pub reuse_port: bool,
    /// Whether an IPv6 socket takes no IPv4 connections.
    pub only_v6: bool,
    /// Whether connections send small messages at once (`TCP_NODELAY`); they inherit it.
    pub nodelay: bool,
}

/// What a connecting socket asks of the system.
///
/// ```
/// let local_address = Some("127.0.0.1:0".parse().unwrap());
/// let options = loop_core::ConnectOptions { local_address, ..Default::default() };
/// assert!(options.nodelay);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The address of this side; the system chooses one if there is none.
    pub local_address: Option<SocketAddr>,
    /// Whether small messages are sent at once (`TCP_NODELAY`).
    pub nodelay: bool,
}

impl Default for ListenOptions {
    /// Returns a backlog of 1,024, a reusable address, and small messages sent at once.
    fn default() -> ListenOptions {
        ListenOptions {
            backlog: 1024,
            reuse_address: true,
            reuse_port: false,
            only_v6: false,
            nodelay: true,
        }
    }
}

impl Default for ConnectOptions {
    /// Returns an address that the system chooses, and small messages sent at once.
    fn default() -> ConnectOptions {
        ConnectOptions { local_address: None, nodelay: true }
    }
}

impl ListenOptions {
    /// Makes a socket that listens on an address.
    pub(crate) fn listen(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let socket = socket_for(address)?;
        socket.set_reuse_address(self.reuse_address)?;
        if self.reuse_port {
            socket.set_reuse_port(true)?;
        }
        if address.is_ipv6() {
            socket.set_only_v6(self.only_v6)?;
        }
        socket.set_tcp_nodelay(self.nodelay)?;
        socket.bind(&address.into())?;
        socket.listen(i32::try_from(self.backlog).unwrap_or(i32::MAX))?;
        Ok(TcpListener::from_std(socket.into()))
    }
}

impl ConnectOptions {
    /// Makes a socket that begins to connect to an address.
    pub(crate) fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = socket_for(address)?;
        socket.set_tcp_nodelay(self.nodelay)?;
        if let Some(local) = self.local_address {
            // A port that was used a moment ago can be asked for again.
            socket.set_reuse_address(true)?;
            socket.bind(&local.into())?;
        }
        match socket.connect(&address.into()) {
            Err(error) if !is_under_way(&error) => Err(error),
            _ => Ok(TcpStream::from_std(socket.into())),
        }
    }
}

impl Source<TcpStream> {
    /// Sets whether small messages are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    /// What the system says.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.io().set_nodelay(nodelay)
    }

    /// Sets after how long a silence the system asks the peer whether it is there; `None` for never
    /// (`SO_KEEPALIVE`, `TCP_KEEPIDLE`). A part of a second counts as a whole one.
    ///
    /// # Errors
    /// `InvalidInput`, and nothing is set, unless it is from 1 to 32,767 seconds; what the system says.
    pub fn set_keepalive(&self, silence: Option<Duration>) -> io::Result<()> {
        let socket = SockRef::from(self.io());
        let Some(silence) = silence else { return socket.set_keepalive(false) };
        let time = whole_seconds(silence, "keep-alive", 1, KEEPALIVE_SECONDS_MAX)?;
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(time))
    }

    /// Sets what becomes of unsent bytes when the socket is closed (`SO_LINGER`): `None` leaves them to the
    /// system, which sends them still; a time bounds that; no time drops them, and the peer sees a reset.
    /// A part of a second counts as a whole one.
    ///
    /// # Errors
    /// `InvalidInput` beyond 2,147,483,647 seconds; what the system says.
    pub fn set_linger(&self, time: Option<Duration>) -> io::Result<()> {
        let whole = |time| whole_seconds(time, "linger", 0, LINGER_SECONDS_MAX);
        SockRef::from(self.io()).set_linger(time.map(whole).transpose()?)
    }
}

/// Rounds a span up to whole seconds, since the system would cut it off, if the system can take it.
fn whole_seconds(span: Duration, what: &str, least: u64, most: u64) -> io::Result<Duration> {
    let seconds = span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0));
    if (least..=most).contains(&seconds) {
        return Ok(Duration::from_secs(seconds));
    }
    let message = format!("a {what} of {span:?} is not from {least} to {most} seconds");
    Err(io::Error::new(ErrorKind::InvalidInput, message))
}

fn socket_for(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn is_under_way(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}
