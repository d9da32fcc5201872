//! A program that is written in every style: what the command line knows of it, and what it is given.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::process;

use clap::{ArgMatches, Command};
use loop_core::report_to_stderr;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::Style;

/// The styles that a program is written in, in the order of its sources.
pub const STYLES: [Style; 4] = [Style::Threads, Style::Callbacks, Style::Promises, Style::Async];

/// A program that is written in four styles, and perhaps in both forms of callbacks and with fibers.
pub struct Program {
    /// What the command line calls it.
    pub name: &'static str,
    /// What it does.
    pub sentence: &'static str,
    /// How it is written, in the order of [`STYLES`].
    pub sources: [&'static str; 4],
    /// How it is written as a protocol and its transport, where its callbacks are closures: callbacks have
    /// two forms.
    pub protocol: Option<&'static str>,
    /// How it is written with fibers, where it is.
    pub fibers: Option<&'static str>,
    /// The file that is kept for its typical bug, and how it is written.
    pub naive: (&'static str, &'static str),
    /// Its largest future in async: of which function, and how many bytes it has.
    pub future: (&'static str, fn() -> usize),
    /// The page about it, in Markdown.
    pub page: &'static str,
    /// Adds its flags to a command.
    pub flags: fn(Command) -> Command,
    /// Runs it until it has ended, or a signal has come.
    pub run: fn(Style, &ArgMatches) -> io::Result<()>,
}

impl Program {
    /// Returns the styles that it is written in; the two forms of callbacks are next to each other.
    pub fn styles(&self) -> Vec<Style> {
        styles(self.protocol, self.fibers)
    }
}

/// Returns the styles of what is written as a protocol and with fibers, or is not.
pub(crate) fn styles(protocol: Option<&'static str>, fibers: Option<&'static str>) -> Vec<Style> {
    let [threads, callbacks, others @ ..] = STYLES;
    let (protocol, fibers) = (protocol.map(|_| Style::Protocol), fibers.map(|_| Style::Fibers));
    [threads, callbacks].into_iter().chain(protocol).chain(others).chain(fibers).collect()
}

/// Returns the error of a style that a program is not written in.
pub(crate) fn not_written_in(style: Style) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, format!("not written in {style}"))
}

/// Returns a stream that can be read once SIGINT or SIGTERM has come.
///
/// # Errors
/// When the system has no pair of sockets, or refuses to listen for signals.
pub fn signals() -> io::Result<UnixStream> {
    let (stop, told) = UnixStream::pair()?;
    pipe::register(SIGINT, told.try_clone()?)?;
    pipe::register(SIGTERM, told)?;
    Ok(stop)
}

/// Prints where a program listens. One whose address cannot be told is of no use, and ends.
pub(crate) fn announce(address: SocketAddr) {
    let mut stdout = io::stdout();
    let told = writeln!(stdout, "listening on {address}").and_then(|()| stdout.flush());
    // A reader that has left is no failure.
    if let Err(error) = told
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        report_to_stderr(format_args!("cannot tell that {address} is listened on: {error}"));
        process::exit(1);
    }
}

/// Prints a line; a reader that has left is no failure.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Returns the bytes of the future that a call would return. It is not called.
pub(crate) fn future_bytes<F: Future>(_call: impl FnOnce() -> F) -> usize {
    size_of::<F>()
}

/// Stands for an argument of a call that is not made.
pub(crate) fn argument<T>() -> T {
    unreachable!("the call is not made")
}
