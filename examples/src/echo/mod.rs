//! The echo server in every style, behind one call.
//!
//! Rule: every file has the same entry and makes the same promises. A connection holds no more than
//! one unsent buffer, a peer that ends its side still gets everything back, a reset takes no
//! other along, and SIGINT and SIGTERM end the server cleanly.

mod async_await;
mod callbacks;
mod fibers;
mod idle_timeout;
mod listening;
mod promises;
mod protocol;
mod raw;
mod smol;
mod tally;
mod threads;
mod tokio;
mod wing;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use loop_core::TurnRule;

use crate::{ServerCounts, Style};

/// How it is written, in the order of [`STYLES`](crate::STYLES).
pub(crate) const SOURCES: [&str; 4] = [
    include_str!("threads.rs"),
    include_str!("../../../api-callbacks/src/echo.rs"),
    include_str!("../../../api-promises/src/echo.rs"),
    include_str!("../../../api-async/src/echo.rs"),
];

/// How it is written with fibers.
pub(crate) const FIBERS: &str = include_str!("../fibers/echo.rs");

/// How much is read at once, in every style.
const BUFFER_BYTES: usize = 16 * 1024;

/// Which server to run, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The style that the server is written in.
    pub style: Style,
    /// The address to listen on; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// When a turn polls again; only the styles on the project's own loop heed it.
    pub turn_rule: TurnRule,
    /// Whether to count allocations, and what the style counts only when asked.
    pub counts: bool,
    /// CPU time to spin away after each read: a difference that a measurement has to find. Only the
    /// style `raw` heeds it.
    pub dearer_by: Duration,
    /// After how long a silent connection is closed: a deadline that each message sets and takes back.
    /// `None`, which is the echo of the book and of most tables, never closes one. The style `threads` does
    /// not heed it: there it would be set once, as a property of the socket.
    pub idle_timeout: Option<Duration>,
}

/// Serves echoes until SIGINT or SIGTERM, and returns what the server counted.
///
/// `announce` receives the bound address once connections and signals are taken. The process is
/// expected to end soon after: the style `threads` leaves the threads of open connections to it.
///
/// ```no_run
/// use std::time::Duration;
///
/// use examples::{Style, echo};
///
/// let options = echo::Options {
///     style: Style::Raw,
///     listen: "127.0.0.1:0".parse().expect("it is an address"),
///     turn_rule: loop_core::TurnRule::default(),
///     counts: true,
///     dearer_by: Duration::ZERO,
///     idle_timeout: None,
/// };
/// let counts = echo::serve(&options, |addr| println!("listening on {addr}"))?;
/// println!("{counts:?}");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// When the address cannot be bound, in one line that names it, or when the system refuses what a
/// server needs. What happens to a single connection is no error of the server.
pub fn serve(options: &Options, announce: impl FnOnce(SocketAddr)) -> io::Result<ServerCounts> {
    if !options.counts {
        return serve_in_style(options, announce);
    }
    let mut served = Ok(ServerCounts::default());
    let seen = allocation_counter::measure(|| served = serve_in_style(options, announce));
    let mut counts = served?;
    // The allocations of one thread say nothing about a server of many.
    if options.style != Style::Threads {
        counts.allocations = Some(seen.count_total);
        counts.allocated_bytes = Some(seen.bytes_total);
        counts.heap_bytes_max = Some(seen.bytes_max);
    }
    Ok(counts)
}

fn serve_in_style(
    options: &Options,
    announce: impl FnOnce(SocketAddr),
) -> io::Result<ServerCounts> {
    match options.style {
        Style::Raw => raw::serve(options, announce),
        Style::Threads => threads::serve(options, announce),
        Style::Tokio => tokio::serve(options, announce),
        Style::Smol => smol::serve(options, announce),
        Style::Callbacks => callbacks::serve(options, announce),
        Style::Promises => promises::serve(options, announce),
        Style::Protocol => protocol::serve(options, announce),
        Style::Async => async_await::serve(options, announce),
        Style::Fibers => fibers::serve(options, announce),
    }
}
