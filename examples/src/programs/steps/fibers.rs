//! The steps with fibers.
//!
//! Rule: what is to be cleaned up lies outside the fiber that is cancelled. The steps are a fiber inside, which
//! the deadline and the interrupt unwind from wherever it waits; the session is kept here, and no way leads past
//! the clean-up.

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::rc::Rc;

use loop_core::transfer::{ReadUntil, WriteAll};
use loop_core::{Cancelled, EventLoop, LoopHandle, is_final};

use super::{END_OF_TRANSMISSION, Options, Report, Stage, at, parse};
use crate::Left;
use crate::fibers::{self, TcpStream, all, race, sleep, timeout};

/// What is to be cleaned up.
struct Session {
    control: TcpStream,
    stage: Cell<Stage>,
}

type Steps = Box<dyn FnOnce() -> io::Result<Vec<String>>>;

// ANCHOR: transfer
fn transfer(handle: &LoopHandle, options: &Rc<Options>) -> io::Result<Vec<String>> {
    let session = Rc::new(OnceCell::new());
    let (inside, own, kept) = (handle.clone(), options.clone(), session.clone());
    let mut ends: Vec<Steps> =
        vec![Box::new(move || timeout(&inside, own.total_limit, || steps(&inside, &own, &kept)))];
    if let Some(delay) = options.cancel_after {
        let inside = handle.clone();
        ends.push(Box::new(move || {
            sleep(&inside, delay)?;
            Err(Cancelled.into())
        }));
    }
    let outcome = race(handle, ends);
    if let Some(session) = session.get() {
        clean_up(handle, options, session);
    }
    outcome
}
// ANCHOR_END: transfer

// ANCHOR: steps
fn steps(
    handle: &LoopHandle,
    options: &Rc<Options>,
    session: &OnceCell<Session>,
) -> io::Result<Vec<String>> {
    let control = connect(handle, options).map_err(|error| at("connect", &error))?;
    let session = session.get_or_init(|| Session { control, stage: Cell::default() });
    let number = authenticate(handle, options, session);
    let number = number.map_err(|error| at("authenticate", &error))?;
    let items = fetch_all(handle, options, &number).map_err(|error| at("fetch", &error))?;
    commit(handle, options, session, items.len()).map_err(|error| at("commit", &error))?;
    Ok(items)
}
// ANCHOR_END: steps

// ANCHOR: connect
fn connect(handle: &LoopHandle, options: &Options) -> io::Result<TcpStream> {
    retry(handle, options, || TcpStream::connect(handle, options.server))
}

/// Tries again after a pause, as often as the options say; each try has its limit.
fn retry<T>(
    handle: &LoopHandle,
    options: &Options,
    attempt: impl Fn() -> io::Result<T>,
) -> io::Result<T> {
    let mut pauses = options.backoff.clone();
    loop {
        let error = match timeout(handle, options.step_limit, &attempt) {
            Err(error) if !is_final(&error) => error,
            ended => return ended,
        };
        match pauses.next() {
            Some(pause) => sleep(handle, pause)?,
            None => return Err(error),
        }
    }
}
// ANCHOR_END: connect

// ANCHOR: authenticate
fn authenticate(handle: &LoopHandle, options: &Options, session: &Session) -> io::Result<String> {
    let request = format!("AUTH {}\n", options.secret);
    let number = timeout(handle, options.step_limit, || ask(&session.control, &request))?;
    session.stage.set(Stage::Authenticated);
    Ok(number)
}
// ANCHOR_END: authenticate

// ANCHOR: fetch
fn fetch_all(handle: &LoopHandle, options: &Rc<Options>, number: &str) -> io::Result<Vec<String>> {
    let places = Rc::new(RefCell::new(0..options.items.len()));
    let worker = |_| {
        let (handle, options, places) = (handle.clone(), options.clone(), places.clone());
        let number = number.to_owned();
        move || {
            let mut items = Vec::new();
            // The borrow ends before the item is fetched.
            let next = || places.borrow_mut().next();
            while let Some(place) = next() {
                let request = format!("GET {number} {}\n", options.items[place]);
                items.push((place, fetch(&handle, &options, &request)?));
            }
            Ok(items)
        }
    };
    let mut items = all(handle, (0..options.at_once).map(worker))?.concat();
    items.sort_unstable_by_key(|(place, _)| *place);
    Ok(items.into_iter().map(|(_, item)| item).collect())
}

fn fetch(handle: &LoopHandle, options: &Options, request: &str) -> io::Result<String> {
    retry(handle, options, || ask(&TcpStream::connect(handle, options.server)?, request))
}
// ANCHOR_END: fetch

// ANCHOR: commit
fn commit(
    handle: &LoopHandle,
    options: &Options,
    session: &Session,
    count: usize,
) -> io::Result<()> {
    let request = format!("COMMIT {count}\n");
    timeout(handle, options.step_limit, || ask(&session.control, &request))?;
    session.stage.set(Stage::Committed);
    Ok(())
}
// ANCHOR_END: commit

// ANCHOR: clean_up
fn clean_up(handle: &LoopHandle, options: &Options, session: &Session) {
    let farewell = timeout(handle, options.clean_up_limit, || {
        session.control.transfer(WriteAll::new(session.stage.get().farewell())).0?;
        session.control.transfer(ReadUntil::new(END_OF_TRANSMISSION, Vec::new())).0
    });
    if let Err(error) = farewell {
        handle.report_error("the session could not be cleaned up", &error);
    }
}
// ANCHOR_END: clean_up

// ANCHOR: ask
fn ask(stream: &TcpStream, request: &str) -> io::Result<String> {
    stream.transfer(WriteAll::new(request)).0?;
    let (read, line) = stream.transfer(ReadUntil::new(b'\n', Vec::new()));
    parse(&line[..read?])
}
// ANCHOR_END: ask

// ANCHOR: run
pub(super) fn run(options: &Options) -> io::Result<Report> {
    let mut event_loop = EventLoop::new()?;
    let (handle, options) = (event_loop.handle(), Rc::new(options.clone()));
    let items = fibers::run(&mut event_loop, move || Ok(transfer(&handle, &options)))?;
    Ok(Report { items, left: Left::on(&mut event_loop)? })
}
// ANCHOR_END: run
