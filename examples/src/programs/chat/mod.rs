//! The chat in every style: broadcast to many, over connections of which some do not keep up.
//!
//! Rule: nothing waits for a slow client. What is meant for it lies in its outbox, which is bounded;
//! a client that lets it overflow is dropped, with notice to itself and to the others. What leaves, for
//! whatever reason, has a grace to take what is still in its outbox, and is cut off after that.
//!
//! ```text
//! > * who are you?
//! < ada
//! > * here with you: bob, carol
//! < hello
//! ```

mod async_await;
mod callbacks;
mod lines;
mod naive_callbacks;
mod outbox;
mod promises;
mod protocol;
mod room;
mod threads;

use std::cell::Cell;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use clap::{Args, FromArgMatches};
use loop_core::{EventLoop, LoopHandle, RunError};

pub use lines::LINE_BYTES_MAX;
pub use outbox::OUTBOX_LINES_MAX;

use crate::programs::bounds::{SECONDS_MAX, address, hold_time, number};
use crate::programs::program::{
    self, Program, argument, future_bytes, not_written_in, say, signals,
};
use crate::{Left, Style};

/// The program, for `oneloop list`, `run` and `show`.
pub const PROGRAM: Program = Program {
    name: "chat",
    sentence: "broadcasts lines to many; a client that does not keep up is dropped, with notice",
    sources: [
        include_str!("threads.rs"),
        include_str!("callbacks.rs"),
        include_str!("promises.rs"),
        include_str!("async_await.rs"),
    ],
    protocol: Some(include_str!("protocol.rs")),
    fibers: None,
    naive: ("naive_callbacks.rs", include_str!("naive_callbacks.rs")),
    future: ("join", || future_bytes(|| async_await::Chat::join(argument(), argument()))),
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
    /// Seconds that a leaving client has to take its last lines, 0..=86400
    #[arg(long, value_name = "S", default_value = "5", allow_negative_numbers = true)]
    #[arg(value_parser = number(0..=SECONDS_MAX))]
    grace: u32,
}

/// Where and how to chat.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// How long a leaving client has to take what is meant for it; the bound of the shutdown, too. At most
    /// [`TIME_MAX`](crate::TIME_MAX).
    pub grace: Duration,
}

/// What came of a chat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many joined with a name.
    pub joined: usize,
    /// How many lines were said.
    pub lines: usize,
    /// How many were dropped since they did not keep up.
    pub dropped: usize,
    /// How many had not taken all that was meant for them, or not ended their side, when their grace
    /// was over.
    pub cut_off: usize,
}

/// The version of the chat to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The program, in a style; those without a chat are refused.
    Good(Style),
    /// The typical bug: callbacks that write to every client, however much is unsent.
    Naive,
}

/// Runs a chat until `stop` can be read or has ended, and then for its grace at most.
///
/// `announce` receives the bound address. What is returned beside the report is what the loop had
/// left over: nothing, if the program is right.
///
/// # Errors
/// When the address cannot be bound, or the system refuses what a loop needs, or a thread; `InvalidInput`
/// when the grace is not within its bounds.
pub fn run(
    version: Version,
    options: &Options,
    mut stop: UnixStream,
    announce: impl FnOnce(SocketAddr),
) -> io::Result<(Report, Left)> {
    hold_time("grace", options.grace)?;
    let style = match version {
        Version::Naive => {
            return on_a_loop(stop, |handle, stopped| {
                let (chat, address) = naive_callbacks::Chat::serve(handle, options)?;
                announce(address);
                Ok(move || chat.stop(stopped))
            });
        }
        Version::Good(style) => style,
    };
    match style {
        Style::Threads => {
            let (chat, address) = threads::Chat::serve(options)?;
            announce(address);
            // An end is as good as a byte.
            drop(stop.read(&mut [0]));
            Ok((chat.stop(), Left::default()))
        }
        Style::Callbacks => on_a_loop(stop, |handle, stopped| {
            let (chat, address) = callbacks::Chat::serve(handle, options)?;
            announce(address);
            Ok(move || chat.stop(stopped))
        }),
        Style::Protocol => on_a_loop(stop, |handle, stopped| {
            let (chat, address) = protocol::Chat::serve(handle, options)?;
            announce(address);
            Ok(move || chat.stop(stopped))
        }),
        Style::Promises => on_a_loop(stop, |handle, stopped| {
            let (chat, address) = promises::Chat::serve(handle, options)?;
            announce(address);
            Ok(move || chat.stop().map(stopped).detach(|error| panic!("the chat ended: {error}")))
        }),
        Style::Async => on_a_loop(stop, |handle, stopped| {
            let (chat, address) = async_await::Chat::serve(handle, options)?;
            announce(address);
            let handle = handle.clone();
            Ok(move || api_async::spawn(&handle, async { stopped(chat.stop().await) }).detach())
        }),
        other => Err(not_written_in(other)),
    }
}

/// Runs a loop on which `start` begins a chat and returns what stops it. That is called when `stop`
/// can be read, and the run ends when the chat says that it has ended.
fn on_a_loop<S: FnOnce() + 'static>(
    stop: UnixStream,
    start: impl FnOnce(&LoopHandle, OnStopped) -> io::Result<S>,
) -> io::Result<(Report, Left)> {
    let mut event_loop = EventLoop::new()?;
    let handle = event_loop.handle();
    let ended = event_loop.run_until_complete(|completer| {
        let (completer, failed) = share(completer);
        let begun = start(&handle, Box::new(move |report| completer(Ok(report))));
        let stops = match begun {
            Ok(stops) => Cell::new(Some(stops)),
            Err(error) => return failed(Err(error)),
        };
        let (stop, watching) = (Rc::new(stop), handle.clone());
        let watched = stop.clone();
        let on_stop = move || {
            watching.remove_reader(&*watched);
            stops.take().into_iter().for_each(|stops| stops());
        };
        handle.add_reader(&stop, on_stop).expect("a stream can be watched");
    });
    let report = ended.map_err(|error| match error {
        RunError::Poll(error) => error,
        error => io::Error::other(error),
    })??;
    let left = Left::on(&mut event_loop)?;
    event_loop.close();
    Ok((report, left))
}

/// What a chat tells that it has ended.
type OnStopped = Box<dyn FnOnce(Report)>;

type Complete = Box<dyn FnOnce(io::Result<Report>)>;

/// Lets a run be completed from two places, once.
fn share(completer: loop_core::Completer<io::Result<Report>>) -> (Complete, Complete) {
    let shared = Rc::new(Cell::new(Some(completer)));
    let complete = |shared: Rc<Cell<Option<loop_core::Completer<_>>>>| -> Complete {
        Box::new(move |result| {
            if let Some(completer) = shared.take() {
                completer.complete(result);
            }
        })
    };
    (complete(shared.clone()), complete(shared))
}

/// Chats until a signal comes.
fn demonstrate(style: Style, flags: &Flags) -> io::Result<()> {
    let grace = Duration::from_secs(flags.grace.into());
    let options = Options { listen: flags.listen, grace };
    let announce = |addr: SocketAddr| {
        program::announce(addr);
        say(&format!("to join: nc {} {}", addr.ip(), addr.port()));
    };
    let (report, _left) = run(Version::Good(style), &options, signals()?, announce)?;
    let Report { joined, lines, dropped, cut_off } = report;
    say(&format!("{joined} joined, {lines} lines, {dropped} dropped, {cut_off} cut off"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use api_async::combine::timeout;
    use api_async::{TcpListener, run_until_complete};
    use loop_core::Elapsed;

    use super::*;

    /// A panic in it would drop it as well, or an abort.
    #[test]
    fn a_client_whose_task_is_dropped_is_forgotten_and_waited_for_by_nobody() {
        let mut event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        let report = run_until_complete(&mut event_loop, async move {
            let options = Options {
                listen: "127.0.0.1:0".parse().unwrap(),
                grace: Duration::from_millis(10),
            };
            let (chat, _address) = async_await::Chat::serve(&handle, &options).unwrap();
            let listener = TcpListener::bind(&handle, options.listen).unwrap();
            let _peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let joined = async {
                chat.clone().join(stream).await;
                Ok::<_, Elapsed>(())
            };
            timeout(&handle, Duration::from_millis(10), joined).await.unwrap_err();
            let stopped = async { Ok::<_, Elapsed>(chat.stop().await) };
            timeout(&handle, Duration::from_secs(5), stopped).await
        });
        assert_eq!(report.unwrap(), Ok(Report::default()));
    }
}
