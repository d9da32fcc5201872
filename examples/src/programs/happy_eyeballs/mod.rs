//! Happy eyeballs (RFC 8305): a connection to the first of several addresses that takes one.
//!
//! Rule: attempts begin in order, a delay apart, or at once when the latest has failed. The first
//! connection is the result and all else that was begun is closed; when there is none, every failure
//! is told, in the order of the addresses.

mod async_await;
mod callbacks;
mod demonstration;
mod naive_callbacks;
mod promises;
mod threads;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use clap::FromArgMatches;
use loop_core::AggregateError;

use self::demonstration::{Flags, demonstrate};

use crate::programs::bounds::{hold, hold_time};
use crate::programs::program::{Program, argument, future_bytes, not_written_in};
use crate::{Left, Style};

/// The program, for the command line.
pub const PROGRAM: Program = Program {
    name: "happy-eyeballs",
    sentence: "connects to the first of several addresses that answers (RFC 8305)",
    sources: [
        include_str!("threads.rs"),
        include_str!("callbacks.rs"),
        include_str!("promises.rs"),
        include_str!("async_await.rs"),
    ],
    protocol: None,
    fibers: None,
    naive: ("naive_callbacks.rs", include_str!("naive_callbacks.rs")),
    future: ("connect", || {
        future_bytes(|| async_await::connect(argument(), argument(), argument()))
    }),
    page: include_str!("page.md"),
    flags: <Flags as clap::Args>::augment_args,
    run: |style, matches| {
        demonstrate(style, &Flags::from_arg_matches(matches).map_err(io::Error::other)?)
    },
};

/// Why there is no connection: a failure for each address, in their order.
pub type Failures = AggregateError<io::Error>;

/// The most addresses of a race: with threads, each attempt has one.
pub const ADDRESSES_MAX: usize = 1000;

/// Where to connect to, and how patiently. Times are at most [`TIME_MAX`](crate::TIME_MAX).
#[derive(Clone, Debug)]
pub struct Options {
    /// The addresses, the preferred one first; see [`interleave`]. At most [`ADDRESSES_MAX`].
    pub addresses: Vec<SocketAddr>,
    /// How long an attempt is alone before the next one begins.
    pub delay: Duration,
    /// How long the whole may take, if that is limited; then it is cancelled.
    pub limit: Option<Duration>,
}

/// What a race for a connection came to.
#[derive(Debug)]
pub struct Race {
    /// The address that took the connection.
    pub connected: Result<SocketAddr, Failures>,
    /// What the race has left on the loop.
    pub left: Left,
}

impl Default for Options {
    /// Returns no address, the delay that RFC 8305 recommends, 250 ms, and no limit.
    fn default() -> Options {
        Options { addresses: Vec::new(), delay: Duration::from_millis(250), limit: None }
    }
}

impl Options {
    fn hold(&self) -> io::Result<()> {
        hold("the number of addresses", &self.addresses.len(), 0..=ADDRESSES_MAX)?;
        hold_time("delay", self.delay)?;
        hold_time("limit", self.limit.unwrap_or_default())
    }
}

/// Connects in one style.
///
/// # Errors
/// When the style has no such program, or no loop can be made; `InvalidInput` when a number is not within
/// its bounds. That no address takes a connection
/// is a result.
pub fn run(style: Style, options: &Options) -> io::Result<Race> {
    options.hold()?;
    match style {
        Style::Threads => threads::run(options),
        Style::Callbacks => callbacks::run(options),
        Style::Promises => promises::run(options),
        Style::Async => async_await::run(options),
        _ => Err(not_written_in(style)),
    }
}

/// Connects as the naive program does that is kept for its bug.
///
/// # Errors
/// As [`run`].
pub fn run_naive(options: &Options) -> io::Result<Race> {
    options.hold()?;
    naive_callbacks::run(options)
}

/// Puts addresses in the order of the attempts: `first` of the family that the resolver prefers,
/// then one of each family in turn, so that a family without a route costs one delay and not one
/// for each of its addresses (RFC 8305, section 4).
///
/// ```
/// use std::net::SocketAddr;
///
/// let addresses = |text: &str| text.split(' ').map(|address| address.parse().unwrap()).collect();
/// let found: Vec<SocketAddr> = addresses("[::1]:80 [::2]:80 [::3]:80 10.0.0.1:80 10.0.0.2:80");
/// let order: Vec<SocketAddr> = addresses("[::1]:80 10.0.0.1:80 [::2]:80 10.0.0.2:80 [::3]:80");
/// assert_eq!(examples::happy_eyeballs::interleave(&found, 1), order);
/// ```
pub fn interleave(addresses: &[SocketAddr], first: usize) -> Vec<SocketAddr> {
    let prefers_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, others): (Vec<_>, Vec<_>) =
        addresses.iter().copied().partition(|address| address.is_ipv6() == prefers_v6);
    let (mut preferred, mut others) = (preferred.into_iter(), others.into_iter());
    let mut order: Vec<_> = preferred.by_ref().take(first.saturating_sub(1)).collect();
    while order.len() < addresses.len() {
        order.extend(preferred.next());
        order.extend(others.next());
    }
    order
}

/// Says which address an attempt failed at.
fn failed(address: SocketAddr, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{address}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use loop_core::EventLoop;

    use super::*;

    /// Connecting takes a poll at least, which is not made.
    #[test]
    fn there_is_a_timer_only_while_an_address_is_left() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        for count in [1, 2] {
            let addresses = vec![address; count];
            let mut event_loop = EventLoop::new().unwrap();
            let handle = event_loop.handle();
            let timers = |event_loop: &mut EventLoop| {
                event_loop.run_ready();
                event_loop.handle().snapshot().timed.len()
            };
            let connecting = promises::connect(&handle, &addresses, Duration::from_secs(60));
            assert_eq!(timers(&mut event_loop), count - 1, "promises");
            drop(connecting);
            let (timed, own) = (addresses.clone(), handle.clone());
            let connecting = api_async::spawn(&handle, async move {
                async_await::connect(&own, &timed, Duration::from_secs(60)).await.map(drop)
            });
            assert_eq!(timers(&mut event_loop), count - 1, "async");
            connecting.abort();
        }
    }
}
