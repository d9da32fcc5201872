//! The steps with threads.
//!
//! Rule: the steps return into the clean-up, whatever they return. A deadline is passed down to each
//! call that blocks, since nobody can take it from outside; and to cancel is to shut the sockets that
//! somebody reads from, and to wake those who pause.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use loop_core::transfer::LINE_BYTES_MAX;
use loop_core::{Cancelled, Elapsed, report_to_stderr};

use super::{END_OF_TRANSMISSION, Options, Report, Stage, at, parse};
use crate::Left;

/// What is to be cleaned up.
struct Session {
    control: Arc<TcpStream>,
    stage: Stage,
}

/// Cancels all that is done under it.
#[derive(Default)]
pub(super) struct Cancellation {
    /// Whether it has come, and whose reading it ends.
    state: Mutex<(bool, Vec<Weak<TcpStream>>)>,
    woken: Condvar,
}

// ANCHOR: transfer
pub(super) fn transfer(options: &Options, cancel: &Cancellation) -> io::Result<Vec<String>> {
    let mut session = None;
    let outcome = steps(options, cancel, &mut session);
    if let Some(session) = session {
        clean_up(options, &session);
    }
    outcome
}
// ANCHOR_END: transfer

// ANCHOR: steps
fn steps(
    options: &Options,
    cancel: &Cancellation,
    session: &mut Option<Session>,
) -> io::Result<Vec<String>> {
    let end = Instant::now() + options.total_limit;
    let control = retry(options, cancel, end, |until| connect(options, cancel, until));
    let control = control.map_err(|error| at("connect", &error))?;
    let session = session.insert(Session { control, stage: Stage::Connected });
    let number = authenticate(options, session, end);
    let number = cancel.or(number).map_err(|error| at("authenticate", &error))?;
    let items = fetch_all(options, cancel, end, &number);
    let items = items.map_err(|error| at("fetch", &error))?;
    let committed = commit(options, session, end, items.len());
    cancel.or(committed).map_err(|error| at("commit", &error))?;
    Ok(items)
}
// ANCHOR_END: steps

// ANCHOR: connect
fn connect(options: &Options, cancel: &Cancellation, until: Instant) -> io::Result<Arc<TcpStream>> {
    let limit = until.saturating_duration_since(Instant::now());
    let stream = TcpStream::connect_timeout(&options.server, limit.max(Duration::from_nanos(1)))?;
    stream.set_nodelay(true)?;
    cancel.watch(stream)
}
// ANCHOR_END: connect

// ANCHOR: authenticate
fn authenticate(options: &Options, session: &mut Session, end: Instant) -> io::Result<String> {
    let until = end.min(Instant::now() + options.step_limit);
    let number = ask(&session.control, &format!("AUTH {}\n", options.secret), until)?;
    session.stage = Stage::Authenticated;
    Ok(number)
}
// ANCHOR_END: authenticate

// ANCHOR: fetch
fn fetch_all(
    options: &Options,
    cancel: &Cancellation,
    end: Instant,
    number: &str,
) -> io::Result<Vec<String>> {
    let names = Mutex::new(options.items.iter().enumerate());
    let items = Mutex::new(Ok(vec![String::new(); options.items.len()]));
    let fetch = |name: &str, until| {
        let stream = connect(options, cancel, until)?;
        ask(&stream, &format!("GET {number} {name}\n"), until)
    };
    // The lock is let go before the item is fetched.
    let next = || lock(&names).next();
    let work = || {
        while let Some((place, name)) = next() {
            let item = retry(options, cancel, end, |until| fetch(name, until));
            match (cancel.or(item), &mut *lock(&items)) {
                (Ok(item), Ok(items)) => items[place] = item,
                (Err(error), items @ Ok(_)) => *items = Err(error),
                (_, Err(_)) => return,
            }
            if lock(&items).is_err() {
                // With one item all are lost: nobody is to wait for the others.
                return cancel.cancel();
            }
        }
    };
    thread::scope(|threads| (0..options.at_once.max(1)).for_each(|_| drop(threads.spawn(work))));
    items.into_inner().unwrap_or_else(PoisonError::into_inner)
}
// ANCHOR_END: fetch

// ANCHOR: commit
fn commit(options: &Options, session: &mut Session, end: Instant, count: usize) -> io::Result<()> {
    let until = end.min(Instant::now() + options.step_limit);
    ask(&session.control, &format!("COMMIT {count}\n"), until)?;
    session.stage = Stage::Committed;
    Ok(())
}
// ANCHOR_END: commit

// ANCHOR: clean_up
fn clean_up(options: &Options, session: &Session) {
    let until = Instant::now() + options.clean_up_limit;
    let farewell = send(&session.control, session.stage.farewell(), until)
        .and_then(|()| receive(&session.control, END_OF_TRANSMISSION, until));
    match farewell {
        // Whose reading side was shut by a cancel hears no answer.
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => {
            report_to_stderr(format_args!("the session could not be cleaned up: {error}"));
        }
        _ => {}
    }
}
// ANCHOR_END: clean_up

// ANCHOR: ask
fn ask(stream: &TcpStream, request: &str, until: Instant) -> io::Result<String> {
    send(stream, request, until)?;
    parse(&receive(stream, b'\n', until)?)
}
// ANCHOR_END: ask

fn send(mut stream: &TcpStream, text: &str, until: Instant) -> io::Result<()> {
    stream.set_write_timeout(Some(left(until)?))?;
    stream.write_all(text.as_bytes()).map_err(elapsed)
}

/// Reads up to a delimiter, each read no longer than what is left of the time: a peer that sends now
/// and then a byte has no more time than one that sends none.
fn receive(mut stream: &TcpStream, delimiter: u8, until: Instant) -> io::Result<Vec<u8>> {
    let (mut line, mut buffer) = (Vec::new(), [0; 1024]);
    while line.len() < LINE_BYTES_MAX {
        stream.set_read_timeout(Some(left(until)?))?;
        match stream.read(&mut buffer).map_err(elapsed)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => line.extend_from_slice(&buffer[..count]),
        }
        if let Some(end) = line.iter().position(|byte| *byte == delimiter) {
            line.truncate(end + 1);
            return Ok(line);
        }
    }
    Err(io::Error::new(ErrorKind::InvalidData, "the line has no end"))
}

fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(Elapsed.into()) } else { Ok(left) }
}

/// Calls by its name what a socket with a timeout says when that is over.
fn elapsed(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::WouldBlock { Elapsed.into() } else { error }
}

fn retry<T>(
    options: &Options,
    cancel: &Cancellation,
    end: Instant,
    mut attempt: impl FnMut(Instant) -> io::Result<T>,
) -> io::Result<T> {
    let mut backoff = options.backoff.clone();
    loop {
        match (attempt(end.min(Instant::now() + options.step_limit)), backoff.next()) {
            (Err(_), Some(delay)) => cancel.pause(delay.min(left(end)?))?,
            (ended, _) => return ended,
        }
    }
}

impl Cancellation {
    fn cancel(&self) {
        let (cancelled, streams) = &mut *lock(&self.state);
        *cancelled = true;
        // Who reads has come to the end of the stream. Writing goes on: the clean-up needs it.
        for stream in streams.drain(..).filter_map(|stream| stream.upgrade()) {
            let _ = stream.shutdown(Shutdown::Read);
        }
        self.woken.notify_all();
    }

    /// Has a connection shut when this is cancelled.
    fn watch(&self, stream: TcpStream) -> io::Result<Arc<TcpStream>> {
        let (stream, (cancelled, streams)) = (Arc::new(stream), &mut *lock(&self.state));
        streams.retain(|other| other.strong_count() > 0);
        streams.push(Arc::downgrade(&stream));
        if *cancelled { Err(Cancelled.into()) } else { Ok(stream) }
    }

    fn pause(&self, delay: Duration) -> io::Result<()> {
        let waited = self.woken.wait_timeout_while(lock(&self.state), delay, |state| !state.0);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.0 { Err(Cancelled.into()) } else { Ok(()) }
    }

    /// Puts the cancel in the place of what it looks like to who reads.
    fn or<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        outcome.map_err(|error| if lock(&self.state).0 { Cancelled.into() } else { error })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// ANCHOR: run
pub(super) fn run(options: &Options) -> io::Result<Report> {
    let cancel = Cancellation::default();
    let (done, over) = mpsc::channel::<()>();
    let items = thread::scope(|threads| {
        let cancel = &cancel;
        if let Some(delay) = options.cancel_after {
            threads.spawn(move || {
                if let Err(RecvTimeoutError::Timeout) = over.recv_timeout(delay) {
                    cancel.cancel();
                }
            });
        }
        let items = transfer(options, cancel);
        drop(done);
        items
    });
    Ok(Report { items, left: Left::default() })
}
// ANCHOR_END: run
