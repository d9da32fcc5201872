//! A key-value server in every style: it speaks the protocol of Redis to any client of it.
//!
//! Rule: the program is in [`core`], which knows no socket; a style only moves bytes. It reads on when
//! the client has taken its replies, and not before.

pub mod core;

mod async_await;
mod callbacks;
mod fibers;
mod naive_callbacks;
mod promises;
mod threads;

use std::cell::Cell;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use clap::{Args, FromArgMatches};
use loop_core::{EventLoop, LoopHandle, RunError, report_to_stderr};

use self::core::Store;

use crate::programs::bounds::{address, hold, hold_time, number, seconds};
use crate::programs::program::{
    Program, announce, argument, future_bytes, not_written_in, say, signals,
};
use crate::{Left, Style};

/// The most clients that a server may have at once: with threads, each of them has one.
pub const CLIENTS_MAX: usize = 100_000;

/// Where and how to serve.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The address to listen on; port 0 lets the system choose
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:6380", value_parser = address)]
    pub listen: SocketAddr,
    /// How many clients may be connected at once, 0..=100000; the next one is told so, and closed
    #[arg(long, value_name = "N", default_value_t = 10_000, allow_negative_numbers = true)]
    #[arg(value_parser = number(0..=CLIENTS_MAX))]
    pub clients_max: usize,
    /// How long a server that stops waits for clients that have not taken their replies, 0..=86400
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    #[arg(allow_negative_numbers = true)]
    pub grace: Duration,
}

/// What came of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many clients have come.
    pub clients: usize,
    /// How many had not taken their replies when the grace was over.
    pub cut_off: usize,
}

/// The version of the server to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The program, in a style; those without one are refused.
    Good(Style),
    /// The typical bug: replies that no client takes pile up.
    Naive,
}

/// The program, for the command line.
pub const PROGRAM: Program = Program {
    name: "key-value",
    sentence: "a key-value server that speaks the protocol of Redis",
    sources: [
        include_str!("threads.rs"),
        include_str!("callbacks.rs"),
        include_str!("promises.rs"),
        include_str!("async_await.rs"),
    ],
    protocol: None,
    fibers: Some(include_str!("fibers.rs")),
    naive: ("naive_callbacks.rs", include_str!("naive_callbacks.rs")),
    future: ("converse", || {
        future_bytes(|| async_await::KeyValue::converse(argument(), argument(), argument()))
    }),
    page: include_str!("page.md"),
    flags: <Options as Args>::augment_args,
    run: |style, matches| {
        let options = Options::from_arg_matches(matches).map_err(io::Error::other)?;
        demonstrate(style, &options)
    },
};

/// Removes keys that are over, and reports what is to be reported: nothing else does it.
fn sweep(store: &mut Store, now: Duration) {
    store.sweep(now);
    if let Some(warning) = store.take_warning(now) {
        report_to_stderr(warning);
    }
}

/// What a server tells that it has ended.
type OnStopped = Box<dyn FnOnce(Report)>;

/// Serves until a signal comes.
fn demonstrate(style: Style, options: &Options) -> io::Result<()> {
    let (report, _left) = run(Version::Good(style), options, signals()?, announce)?;
    let Report { clients, cut_off } = report;
    say(&format!("{clients} clients were served, {cut_off} were cut off at the end"));
    Ok(())
}

/// Serves until `stop` can be read or has ended, and then for the grace at most.
///
/// `announce` receives the bound address. What is returned beside the report is what the loop had
/// left over: nothing, if the program is right.
///
/// # Errors
/// When the address cannot be bound, or the system refuses what a loop needs, or a thread; `InvalidInput`
/// when a number is not within its bounds: [`CLIENTS_MAX`], and [`TIME_MAX`](crate::TIME_MAX) for the grace.
pub fn run(
    version: Version,
    options: &Options,
    mut stop: UnixStream,
    announce: impl FnOnce(SocketAddr),
) -> io::Result<(Report, Left)> {
    hold("clients_max", &options.clients_max, 0..=CLIENTS_MAX)?;
    hold_time("grace", options.grace)?;
    match version {
        Version::Good(Style::Threads) => {
            let server = threads::KeyValue::serve(options)?;
            announce(server.local_addr());
            // An end is as good as a byte.
            drop(stop.read(&mut [0]));
            Ok((server.stop(), Left::default()))
        }
        Version::Good(Style::Callbacks) => on_a_loop(stop, |handle| {
            let (server, address) = callbacks::KeyValue::serve(handle, options)?;
            announce(address);
            Ok(move |stopped| server.stop(stopped))
        }),
        Version::Good(Style::Promises) => on_a_loop(stop, |handle| {
            let server = promises::KeyValue::serve(handle, options)?;
            announce(server.local_addr());
            // The run ends as abandoned, should it fail.
            Ok(move |stopped: OnStopped| server.stop().map(stopped).detach(drop))
        }),
        Version::Good(Style::Async) => on_a_loop(stop, |handle| {
            let server = async_await::KeyValue::serve(handle, options)?;
            announce(server.local_addr());
            let handle = handle.clone();
            Ok(move |stopped: OnStopped| {
                api_async::spawn(&handle, async { stopped(server.stop().await) }).detach();
            })
        }),
        Version::Good(Style::Fibers) => on_a_loop(stop, |handle| {
            let server = fibers::KeyValue::serve(handle, options)?;
            announce(server.local_addr());
            Ok(move |stopped| server.stop(stopped))
        }),
        Version::Naive => on_a_loop(stop, |handle| {
            let server = naive_callbacks::KeyValue::serve(handle, options)?;
            announce(server.local_addr());
            Ok(move |stopped| server.stop(stopped))
        }),
        Version::Good(style) => Err(not_written_in(style)),
    }
}

/// Runs a loop on which `start` begins a server and returns what stops it; that is called when `stop`
/// can be read.
fn on_a_loop<S: FnOnce(OnStopped) + 'static>(
    stop: UnixStream,
    start: impl FnOnce(&LoopHandle) -> io::Result<S>,
) -> io::Result<(Report, Left)> {
    let mut event_loop = EventLoop::new()?;
    let handle = event_loop.handle();
    let stops = start(&handle)?;
    let stop = Rc::new(stop);
    let ended = event_loop.run_until_complete(|completer| {
        let once = Cell::new(Some((stops, completer)));
        let (watching, watched) = (handle.clone(), stop.clone());
        let on_stop = move || {
            watching.remove_reader(&*watched);
            if let Some((stops, completer)) = once.take() {
                stops(Box::new(|report| completer.complete(report)));
            }
        };
        if let Err(error) = handle.add_reader(&stop, on_stop) {
            handle.report_error("nothing can stop the server", &error);
        }
    });
    let report = ended.map_err(|error| match error {
        RunError::Poll(error) => error,
        error => io::Error::other(error),
    })?;
    let left = Left::on(&mut event_loop)?;
    event_loop.close();
    Ok((report, left))
}
