//! The TCP proxy in every style: whatever comes from one side goes to the other, both ways at once.
//!
//! Rule: a direction ends by itself. Its end is passed on when all that came before it has been, and
//! the other direction goes on. A side that does not read holds up its peer and costs one chunk. A
//! failure ends both directions by a reset, and the end of the proxy ends them too.

mod async_await;
mod callbacks;
mod fibers;
mod naive_async_await;
mod peer;
mod promises;
mod protocol;
mod threads;

use std::cell::Cell;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use clap::{Args, FromArgMatches};
use loop_core::{EventLoop, LoopHandle};
use socket2::SockRef;

use crate::programs::bounds::{SECONDS_MAX, address, hold_time, number};
use crate::programs::program::{
    self, Program, argument, future_bytes, not_written_in, say, signals,
};
use crate::{Left, Style};

/// The program, for `oneloop list`, `run` and `show`.
pub const PROGRAM: Program = Program {
    name: "proxy",
    sentence: "passes bytes on between two connections, both ways, with half-close and backpressure",
    sources: [
        include_str!("threads.rs"),
        include_str!("callbacks.rs"),
        include_str!("promises.rs"),
        include_str!("async_await.rs"),
    ],
    protocol: Some(include_str!("protocol.rs")),
    fibers: Some(include_str!("fibers.rs")),
    naive: ("naive_async_await.rs", include_str!("naive_async_await.rs")),
    future: ("forward", || future_bytes(|| async_await::forward(argument(), argument()))),
    page: include_str!("page.md"),
    flags: <Flags as Args>::augment_args,
    run: |style, matches| {
        demonstrate(style, &Flags::from_arg_matches(matches).map_err(io::Error::other)?)
    },
};

/// What the command line says.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// The address to listen on; port 0 lets the system choose
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = address)]
    listen: SocketAddr,
    /// The address to connect to [default: an echo server of its own]
    #[arg(long, value_name = "ADDR", value_parser = address)]
    target: Option<SocketAddr>,
    /// Seconds that the target has to take a connection, 0..=86400
    #[arg(long, value_name = "S", default_value = "10", allow_negative_numbers = true)]
    #[arg(value_parser = number(0..=SECONDS_MAX))]
    patience: u32,
}

/// Between which addresses to pass bytes on.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The address to connect to for each client.
    pub target: SocketAddr,
    /// How long the target has to take a connection, at most [`TIME_MAX`](crate::TIME_MAX).
    pub patience: Duration,
}

/// What came of the connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many both sides ended in order.
    pub ended: usize,
    /// How many failed: refused by the target, reset by either side.
    pub failed: usize,
}

/// The version of the proxy to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The program, in a style; those without a proxy are refused.
    Good(Style),
    /// The typical bug: the first direction that ends takes the other along.
    Naive,
}

/// Passes bytes on until `stop` can be read or has ended.
///
/// `announce` receives the bound address. What is returned beside the report is what the loop had
/// left over: nothing, if the program is right.
///
/// # Errors
/// When the address cannot be bound, or the system refuses what a loop needs, or a thread; `InvalidInput`
/// when the patience is not within its bounds.
pub fn run(
    version: Version,
    options: &Options,
    mut stop: UnixStream,
    announce: impl FnOnce(SocketAddr),
) -> io::Result<(Report, Left)> {
    hold_time("patience", options.patience)?;
    match version {
        Version::Good(Style::Threads) => {
            let proxy = threads::Proxy::start(options)?;
            announce(proxy.local_addr());
            // An end is as good as a byte.
            drop(stop.read(&mut [0]));
            Ok((proxy.stop(), Left::default()))
        }
        Version::Good(Style::Callbacks) => on_a_loop(stop, |handle| {
            let proxy = callbacks::Proxy::start(handle, options)?;
            announce(proxy.local_addr());
            Ok(|| proxy.stop())
        }),
        Version::Good(Style::Protocol) => on_a_loop(stop, |handle| {
            let proxy = protocol::Proxy::start(handle, options)?;
            announce(proxy.local_addr());
            Ok(|| proxy.stop())
        }),
        Version::Good(Style::Promises) => on_a_loop(stop, |handle| {
            let proxy = promises::Proxy::start(handle, options)?;
            announce(proxy.local_addr());
            Ok(|| proxy.stop())
        }),
        Version::Good(Style::Async) => on_a_loop(stop, |handle| {
            let proxy = async_await::Proxy::start(handle, options)?;
            announce(proxy.local_addr());
            Ok(|| proxy.stop())
        }),
        Version::Good(Style::Fibers) => on_a_loop(stop, |handle| {
            let proxy = fibers::Proxy::start(handle, options)?;
            announce(proxy.local_addr());
            Ok(|| proxy.stop())
        }),
        Version::Naive => on_a_loop(stop, |handle| {
            let proxy = naive_async_await::Proxy::start(handle, options)?;
            announce(proxy.local_addr());
            Ok(|| proxy.stop())
        }),
        Version::Good(other) => Err(not_written_in(other)),
    }
}

/// Runs a loop on which `start` begins a proxy and returns what stops it.
fn on_a_loop<S: FnOnce() -> Report>(
    stop: UnixStream,
    start: impl FnOnce(&LoopHandle) -> io::Result<S>,
) -> io::Result<(Report, Left)> {
    let mut event_loop = EventLoop::new()?;
    let handle = event_loop.handle();
    let stops = start(&handle)?;
    let (stop, stopped) = (Rc::new(stop), handle.clone());
    handle.add_reader(&stop, move || stopped.stop())?;
    event_loop.run_forever()?;
    handle.remove_reader(&stop);
    let report = stops();
    let left = Left::on(&mut event_loop)?;
    Ok((report, left))
}

/// Tells whether the first end of a connection is one. A reset looks like an end to what reads when what
/// writes was told of it before; but then there is no peer. At the second end there is none either way.
fn is_an_end(half_ended: &Cell<bool>, peer: io::Result<SocketAddr>) -> io::Result<()> {
    if half_ended.replace(true) { Ok(()) } else { peer.map(drop) }
}

/// Has two connections closed by a reset: a side that has failed is no side that has ended, and the other
/// is to know.
fn reset_on_close<S: AsFd>(streams: [&S; 2]) {
    for stream in streams {
        // The one that has failed may have no options any more.
        let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    }
}

/// Runs the proxy until a signal comes, before an echo server of its own if there is no other.
fn demonstrate(style: Style, flags: &Flags) -> io::Result<()> {
    let target = match flags.target {
        Some(target) => target,
        None => peer::echo()?,
    };
    let patience = Duration::from_secs(flags.patience.into());
    let options = Options { listen: flags.listen, target, patience };
    let announce = |addr| {
        say(&format!("passing on to {target}"));
        program::announce(addr);
    };
    let (report, _left) = run(Version::Good(style), &options, signals()?, announce)?;
    say(&format!("{} connections ended, {} failed", report.ended, report.failed));
    Ok(())
}
