//! The steps with threads.
//!
//! Rule: the steps return into the clean-up, whatever they return. A deadline is passed down to each
//! call that blocks, since nothing can take it from outside; and so is the cancellation.

use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use loop_core::{Cancelled, report_to_stderr};

use super::{END_OF_TRANSMISSION, Options, Report, Stage, at, parse};
use crate::Left;
use crate::programs::blocking::{self, Bounds, Cancellation, read_until, write_all};

/// What is to be cleaned up.
struct Session {
    control: TcpStream,
    stage: Stage,
}

// ANCHOR: transfer
pub(super) fn transfer(options: &Options, cancel: &Cancellation<'_>) -> io::Result<Vec<String>> {
    let mut session = None;
    let until = Some(Instant::now() + options.total_limit);
    let bounds = Bounds { until, cancel: Some(cancel) };
    let outcome = steps(options, bounds, &mut session);
    if let Some(session) = session {
        clean_up(options, &session);
    }
    match outcome {
        Err(_) if cancel.is_cancelled() => Err(Cancelled.into()),
        // If all of it was late, it does not matter which step that has befallen.
        Err(error) if error.kind() == ErrorKind::TimedOut => bounds.left().and(Err(error)),
        outcome => outcome,
    }
}
// ANCHOR_END: transfer

// ANCHOR: steps
fn steps(
    options: &Options,
    bounds: Bounds<'_>,
    session: &mut Option<Session>,
) -> io::Result<Vec<String>> {
    let control = connect(options, bounds).map_err(|error| at("connect", &error))?;
    let session = session.insert(Session { control, stage: Stage::Connected });
    let number = authenticate(options, session, bounds);
    let number = number.map_err(|error| at("authenticate", &error))?;
    let items = fetch_all(options, bounds, &number).map_err(|error| at("fetch", &error))?;
    commit(options, session, bounds, items.len()).map_err(|error| at("commit", &error))?;
    Ok(items)
}
// ANCHOR_END: steps

// ANCHOR: connect
fn connect(options: &Options, bounds: Bounds<'_>) -> io::Result<TcpStream> {
    retry(options, bounds, |bounds| blocking::connect(options.server, bounds))
}
// ANCHOR_END: connect

// ANCHOR: authenticate
fn authenticate(
    options: &Options,
    session: &mut Session,
    bounds: Bounds<'_>,
) -> io::Result<String> {
    let request = format!("AUTH {}\n", options.secret);
    let number = ask(&session.control, &request, bounds.within(options.step_limit))?;
    session.stage = Stage::Authenticated;
    Ok(number)
}
// ANCHOR_END: authenticate

// ANCHOR: fetch
fn fetch_all(options: &Options, bounds: Bounds<'_>, number: &str) -> io::Result<Vec<String>> {
    let fetches = Cancellation::new(bounds.cancel)?;
    let bounds = Bounds { cancel: Some(&fetches), ..bounds };
    let names = Mutex::new(options.items.iter().enumerate());
    let items = Mutex::new(Ok(vec![String::new(); options.items.len()]));
    let fail = |error| {
        if let items @ Ok(_) = &mut *lock(&items) {
            *items = Err(error);
        }
        // With one item all are lost: nothing is to wait for the others.
        fetches.cancel();
    };
    // The lock is let go before the item is fetched.
    let next = || lock(&names).next();
    let work = || {
        while let Some((place, name)) = next() {
            match fetch(options, bounds, &format!("GET {number} {name}\n")) {
                Ok(item) => lock(&items).iter_mut().for_each(|items| items[place] = item.clone()),
                Err(error) => return fail(error),
            }
        }
    };
    thread::scope(|threads| {
        for _ in 0..options.at_once.clamp(1, options.items.len().max(1)) {
            if let Err(error) = thread::Builder::new().spawn_scoped(threads, work) {
                fail(error);
            }
        }
    });
    items.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn fetch(options: &Options, bounds: Bounds<'_>, request: &str) -> io::Result<String> {
    retry(options, bounds, |bounds| {
        let stream = blocking::connect(options.server, bounds)?;
        ask(&stream, request, bounds)
    })
}
// ANCHOR_END: fetch

// ANCHOR: commit
fn commit(
    options: &Options,
    session: &mut Session,
    bounds: Bounds<'_>,
    count: usize,
) -> io::Result<()> {
    let request = format!("COMMIT {count}\n");
    ask(&session.control, &request, bounds.within(options.step_limit))?;
    session.stage = Stage::Committed;
    Ok(())
}
// ANCHOR_END: commit

// ANCHOR: clean_up
fn clean_up(options: &Options, session: &Session) {
    // What has ended the steps does not end this.
    let bounds = Bounds::default().within(options.clean_up_limit);
    let farewell = write_all(&session.control, session.stage.farewell().as_bytes(), bounds)
        .and_then(|()| read_until(&session.control, END_OF_TRANSMISSION, bounds));
    if let Err(error) = farewell {
        report_to_stderr(format_args!("the session could not be cleaned up: {error}"));
    }
}
// ANCHOR_END: clean_up

// ANCHOR: ask
fn ask(stream: &TcpStream, request: &str, bounds: Bounds<'_>) -> io::Result<String> {
    write_all(stream, request.as_bytes(), bounds)?;
    parse(&read_until(stream, b'\n', bounds)?)
}
// ANCHOR_END: ask

/// Tries again after a pause, each try within the limit of a step.
fn retry<T>(
    options: &Options,
    bounds: Bounds<'_>,
    mut attempt: impl FnMut(Bounds<'_>) -> io::Result<T>,
) -> io::Result<T> {
    let mut backoff = options.backoff.clone();
    loop {
        match (attempt(bounds.within(options.step_limit)), backoff.next()) {
            (Err(_), Some(delay)) => bounds.pause(delay)?,
            (ended, _) => return ended,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// ANCHOR: run
pub(super) fn run(options: &Options) -> io::Result<Report> {
    let cancel = &Cancellation::new(None)?;
    let (done, over) = mpsc::channel::<()>();
    thread::scope(|threads| {
        if let Some(delay) = options.cancel_after {
            thread::Builder::new().spawn_scoped(threads, move || {
                if let Err(RecvTimeoutError::Timeout) = over.recv_timeout(delay) {
                    cancel.cancel();
                }
            })?;
        }
        let items = transfer(options, cancel);
        drop(done);
        Ok(Report { items, left: Left::default() })
    })
}
// ANCHOR_END: run
