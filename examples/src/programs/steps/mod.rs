//! A program of steps, any of which may fail: connect, authenticate, fetch several items, commit.
//!
//! Rule: a step has its limit, all steps have one deadline, what may be repeated is tried again after a
//! pause. However it ends, by a result, a failure, the deadline or a cancel, the session is cleaned up
//! once and in order: roll back what is not committed, quit, close. Only then is the result told.

mod async_await;
mod callbacks;
mod demonstration;
mod fibers;
mod naive_async_await;
#[cfg(test)]
mod one_turn;
mod peer;
mod promises;
mod threads;

use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use clap::FromArgMatches;
use loop_core::Backoff;
use loop_core::transfer::Partial;

use self::demonstration::{Flags, demonstrate};

pub use self::peer::{Fault, Misbehaviour, Peer};

use crate::programs::bounds::{hold, hold_time};
use crate::programs::program::{Program, argument, future_bytes, not_written_in};
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
    protocol: None,
    fibers: Some(include_str!("fibers.rs")),
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

/// The most items that are fetched at once: with threads, each of them has one.
pub const AT_ONCE_MAX: usize = 1000;

/// The most items.
pub const ITEMS_MAX: usize = 10_000;

/// The longest argument of a request, in bytes. No socket takes only a part of a request that is so short,
/// so that one that is cancelled has been sent or has not, and what follows it is understood.
pub const ARGUMENT_BYTES_MAX: usize = 1000;

/// How often something may be tried.
pub const ATTEMPTS_MAX: u32 = 1000;

/// What to fetch and from where, and how patiently. Times are at most [`TIME_MAX`](crate::TIME_MAX).
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the server is.
    pub server: SocketAddr,
    /// What the server is to be told first: at most [`ARGUMENT_BYTES_MAX`], no control characters.
    pub secret: String,
    /// The names of the items, at most [`ITEMS_MAX`], each like the secret.
    pub items: Vec<String>,
    /// How many items are fetched at once, at most [`AT_ONCE_MAX`]; 0 counts as 1.
    pub at_once: usize,
    /// How long a step may take, and each try of one that is repeated.
    pub step_limit: Duration,
    /// How long all steps together may take.
    pub total_limit: Duration,
    /// How long the clean-up may take; it has its own time, since it follows when the other is over.
    pub clean_up_limit: Duration,
    /// How connecting and fetching are tried again. To authenticate or commit twice may do harm.
    /// At most [`ATTEMPTS_MAX`] tries.
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

impl Options {
    fn hold(&self) -> io::Result<()> {
        let Options { secret, items, backoff, .. } = self;
        hold("the number of items", &items.len(), 0..=ITEMS_MAX)?;
        for argument in items {
            hold("the length of the item", &argument.len(), 0..=ARGUMENT_BYTES_MAX)?;
            hold_to_one_line("item", argument)?;
        }
        hold("the length of the secret", &secret.len(), 0..=ARGUMENT_BYTES_MAX)?;
        hold_to_one_line("secret", secret)?;
        hold("at_once", &self.at_once, 0..=AT_ONCE_MAX)?;
        hold("backoff.attempts", &backoff.attempts, 0..=ATTEMPTS_MAX)?;
        for (name, time) in [
            ("step_limit", self.step_limit),
            ("total_limit", self.total_limit),
            ("clean_up_limit", self.clean_up_limit),
            ("backoff.first", backoff.first),
            ("backoff.max", backoff.max),
            ("cancel_after", self.cancel_after.unwrap_or_default()),
        ] {
            hold_time(name, time)?;
        }
        Ok(())
    }
}

/// Refuses an argument that would end its line, and begin another request.
fn hold_to_one_line(name: &str, argument: &str) -> io::Result<()> {
    if !argument.contains(char::is_control) {
        return Ok(());
    }
    let error = format!("the {name} {argument:?} has a control character");
    Err(io::Error::new(ErrorKind::InvalidInput, error))
}

/// Runs the program in one style.
///
/// # Errors
/// When the style has no such program, or no loop can be made; `InvalidInput` when a number is not within
/// its bounds, or a control character in an argument would end its line. That a step fails is a result.
pub fn run(style: Style, options: &Options) -> io::Result<Report> {
    options.hold()?;
    if options.at_once == 0 {
        return run(style, &Options { at_once: 1, ..options.clone() });
    }
    match style {
        Style::Threads => threads::run(options),
        Style::Callbacks => callbacks::run(options),
        Style::Promises => promises::run(options),
        Style::Async => async_await::run(options),
        Style::Fibers => fibers::run(options),
        _ => Err(not_written_in(style)),
    }
}

/// Runs the naive program that is kept for its bug.
///
/// # Errors
/// As [`run`].
pub fn run_naive(options: &Options) -> io::Result<Report> {
    options.hold()?;
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

/// Says in which step an error came. How much had come before it depends on how that was cut on its way.
fn at(step: impl Display, error: &io::Error) -> io::Error {
    let partial = error.get_ref().and_then(|error| error.downcast_ref::<Partial>());
    let error = partial.map_or(error, |partial| &partial.error);
    io::Error::new(error.kind(), format!("{step}: {error}"))
}
