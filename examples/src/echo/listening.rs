//! The listening socket of the baselines, and what they do when accept fails.
//!
//! Rule: an error that belongs to one connection is skipped; any other pauses accepting, because it
//! would come again at once.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use loop_core::report_to_stderr;
use socket2::{Domain, Protocol, Socket, Type};

/// How long accepting rests after an error that would repeat itself (asyncio: one second).
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// How many connections the kernel holds for us: the standard library's 128 loses some of a burst.
const BACKLOG: i32 = 1024;

/// How long a server is silent about a shortage that goes on.
const SILENCE: Duration = Duration::from_secs(60);

/// A want of descriptors, memory or threads, as a reader of stderr is told.
#[derive(Default)]
pub(crate) struct Shortage {
    /// When it was told last: a line for every attempt would say nothing new.
    said: Option<Instant>,
}

impl Shortage {
    /// Says on stderr that accepting pauses, unless it did so within the last minute.
    pub(crate) fn report(&mut self, error: &io::Error) {
        if self.said.is_none_or(|said| said.elapsed() >= SILENCE) {
            report_to_stderr(format_args!("accept: {error}; trying again every second"));
            self.said = Some(Instant::now());
        }
    }
}

/// Binds and listens with a backlog that a burst of connections fits into.
pub(crate) fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("cannot listen on {addr}: {error}"))
    };
    bind(addr).map_err(named)
}

fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of a server that just ended would otherwise hold its port for a minute.
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Tells whether a server goes on accepting after a failed accept, as the loop's own servers do.
pub(crate) fn is_about_one_connection(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted || loop_core::is_about_one_connection(error)
}
