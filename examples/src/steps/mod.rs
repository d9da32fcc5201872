//! A program of steps, any of which may fail: connect, authenticate, fetch several items, commit.
//!
//! Rule: a step has its limit, all steps have one deadline, what may be repeated is tried again after a
//! pause. However it ends, by a result, a failure, the deadline or a cancel, the session is cleaned up
//! once and in order: roll back what is not committed, quit, close. Only then is the result told.

mod async_await;
mod callbacks;
mod demonstration;
mod naive_async_await;
mod peer;
mod promises;
mod threads;

use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use clap::FromArgMatches;
use loop_core::Backoff;

use self::demonstration::{Flags, demonstrate};

pub use self::peer::{Fault, Misbehaviour, Peer};

use crate::program::{Program, argument, future_bytes, not_written_in};
use crate::{Left, Style};

/// The program, for the command line.
pub const PROGRAM: Program = Program {
    name: "steps",
    sentence: "connects, authenticates, fetches and commits, and cleans up however it ends",
    sources: [
        include_str!("threads.rs"),
        include_str!("callbacks.rs"),
        include_str!("promises.rs"),
        include_str!("async_await.rs"),
    ],
    naive: ("naive_async_await.rs", include_str!("naive_async_await.rs")),
    future: ("transfer", || {
        future_bytes(|| async_await::transfer(argument(), argument(), argument()))
    }),
    page: include_str!("page.md"),
    flags: <Flags as clap::Args>::augment_args,
    run: |style, matches| {
        demonstrate(style, &Flags::from_arg_matches(matches).map_err(io::Error::other)?)
    },
};

/// What to fetch and from whom, and how patiently.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the server is.
    pub server: SocketAddr,
    /// What the server is to be told first.
    pub secret: String,
    /// The names of the items.
    pub items: Vec<String>,
    /// How many items are fetched at once.
    pub at_once: usize,
    /// How long a step may take, and each try of one that is repeated.
    pub step_limit: Duration,
    /// How long all steps together may take.
    pub total_limit: Duration,
    /// How long the clean-up may take; it has its own time, since it follows when the other is over.
    pub clean_up_limit: Duration,
    /// How connecting and fetching are tried again. Who authenticates or commits twice may do harm.
    pub backoff: Backoff,
    /// When the program is cancelled from outside, if it is.
    pub cancel_after: Option<Duration>,
}

/// What a transfer came to.
#[derive(Debug)]
pub struct Report {
    /// The items in the order of their names, committed.
    pub items: io::Result<Vec<String>>,
    /// What the program has left on the loop.
    pub left: Left,
}

/// How far a session has come, and so what is to be undone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Connected,
    Authenticated,
    Committed,
}

/// Ends the answer to `QUIT`, and nothing else: what was asked before may be answered still.
const END_OF_TRANSMISSION: u8 = 4;

impl Options {
    /// Returns options for a server near by: three items, two at once, three tries, half a second a
    /// step and two in all.
    pub fn new(server: SocketAddr) -> Options {
        Options {
            server,
            secret: "open sesame".to_owned(),
            items: ["ali", "baba", "cassim"].map(str::to_owned).to_vec(),
            at_once: 2,
            step_limit: Duration::from_millis(500),
            total_limit: Duration::from_secs(2),
            clean_up_limit: Duration::from_millis(500),
            backoff: Backoff {
                attempts: 3,
                first: Duration::from_millis(20),
                ..Backoff::default()
            },
            cancel_after: None,
        }
    }
}

/// Runs the program in one style.
///
/// # Errors
/// When the style has no such program, or no loop can be made. That a step fails is a result.
pub fn run(style: Style, options: &Options) -> io::Result<Report> {
    match style {
        Style::Threads => threads::run(options),
        Style::Callbacks => callbacks::run(options),
        Style::Promises => promises::run(options),
        Style::Async => async_await::run(options),
        _ => Err(not_written_in(style)),
    }
}

/// Runs the naive program that is kept for its bug.
///
/// # Errors
/// As [`run`].
pub fn run_naive(options: &Options) -> io::Result<Report> {
    naive_async_await::run(options)
}

impl Stage {
    /// Returns what a client says before it closes the session, in the order of the clean-up.
    fn farewell(self) -> &'static str {
        match self {
            Stage::Authenticated => "ROLLBACK\nQUIT\n",
            Stage::Connected | Stage::Committed => "QUIT\n",
        }
    }
}

/// Reads an answer: `OK`, which may be followed by a text, or `ERR` and a reason.
fn parse(line: &[u8]) -> io::Result<String> {
    let line =
        str::from_utf8(line).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
    let (word, text) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
    match word {
        "OK" => Ok(text.to_owned()),
        "ERR" => Err(io::Error::other(text)),
        _ => Err(io::Error::new(ErrorKind::InvalidData, "the answer is neither OK nor ERR")),
    }
}

/// Says in which step an error came.
fn at(step: impl Display, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{step}: {error}"))
}
