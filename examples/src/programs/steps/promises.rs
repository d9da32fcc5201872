//! The steps with promises.
//!
//! Rule: the steps are one chain, and `finally` is behind it, the deadline and the token: whatever
//! comes of the chain passes there. What one link learns and another needs is in the session, which
//! the links share. An answer goes from link to link: the chain has a turn for that before it is
//! dropped. Who wants to cancel asks the token; a chain that is dropped has no `finally`.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use api_promises::combine::{map_limit, race, retry, timeout};
use api_promises::{CancellationToken, Promise, TcpStream, bytes, sleep};
use loop_core::{Elapsed, EventLoop, LoopHandle};

use super::{END_OF_TRANSMISSION, Options, Report, Stage, at, parse};
use crate::Left;

/// What the links of the chain share, and what is to be cleaned up.
struct Session {
    handle: LoopHandle,
    options: Options,
    control: RefCell<Option<TcpStream>>,
    stage: Cell<Stage>,
}

// ANCHOR: transfer
pub(super) fn transfer(
    handle: &LoopHandle,
    options: Options,
    cancel: &CancellationToken,
) -> Promise<Vec<String>, io::Error> {
    let late = sleep(handle, options.total_limit).then(|()| Err(Elapsed.into()));
    let (control, stage) = (RefCell::default(), Cell::default());
    let session = Rc::new(Session { handle: handle.clone(), options, control, stage });
    let timer = handle.clone();
    let over = race(handle, [late, cancel.cancelled(handle)])
        .catch(move |error| sleep(&timer, Duration::ZERO).then(|()| Err(error)));
    race(handle, [steps(&session), over]).finally(move || clean_up(&session))
}
// ANCHOR_END: transfer

// ANCHOR: steps
fn steps(session: &Rc<Session>) -> Promise<Vec<String>, io::Error> {
    let [authenticating, fetching, committing] = [(); 3].map(|()| session.clone());
    connect(session)
        .map_err(|error| at("connect", &error))
        .then(move |()| authenticate(&authenticating).map_err(|error| at("authenticate", &error)))
        .then(move |number| {
            let (session, names) = (fetching.clone(), fetching.options.items.clone());
            let fetch = move |name: String| fetch(&session, format!("GET {number} {name}\n"));
            map_limit(&fetching.handle, names, fetching.options.at_once, fetch)
                .map_err(|error| at("fetch", &error))
        })
        .then(move |items| {
            let committed = commit(&committing, items.len());
            committed.map(|()| items).map_err(|error| at("commit", &error))
        })
}
// ANCHOR_END: steps

// ANCHOR: connect
fn connect(session: &Rc<Session>) -> Promise<(), io::Error> {
    let (handle, options) = (session.handle.clone(), &session.options);
    let (server, limit) = (options.server, options.step_limit);
    let attempt = move || timeout(&handle, limit, TcpStream::connect(&handle, server));
    let connected = retry(&session.handle, options.backoff.clone(), attempt);
    let session = session.clone();
    connected.map(move |stream| drop(session.control.replace(Some(stream))))
}
// ANCHOR_END: connect

// ANCHOR: authenticate
fn authenticate(session: &Rc<Session>) -> Promise<String, io::Error> {
    let request = format!("AUTH {}\n", session.options.secret);
    let number = timeout(&session.handle, session.options.step_limit, session.ask(request));
    let session = session.clone();
    number.map(move |number| {
        session.stage.set(Stage::Authenticated);
        number
    })
}
// ANCHOR_END: authenticate

// ANCHOR: fetch
fn fetch(session: &Rc<Session>, request: String) -> Promise<String, io::Error> {
    let (handle, options) = (session.handle.clone(), &session.options);
    let (server, limit) = (options.server, options.step_limit);
    let attempt = move || {
        let request = request.clone();
        let connected = TcpStream::connect(&handle, server);
        timeout(&handle, limit, connected.then(|stream| ask(stream, request)))
    };
    retry(&session.handle, options.backoff.clone(), attempt)
}
// ANCHOR_END: fetch

// ANCHOR: commit
fn commit(session: &Rc<Session>, count: usize) -> Promise<(), io::Error> {
    let answer = session.ask(format!("COMMIT {count}\n"));
    let session = session.clone();
    timeout(&session.handle, session.options.step_limit, answer)
        .map(move |_| session.stage.set(Stage::Committed))
}
// ANCHOR_END: commit

// ANCHOR: clean_up
fn clean_up(session: &Session) -> Promise<(), io::Error> {
    let handle = session.handle.clone();
    let Some(control) = session.control.take() else { return Promise::resolve(&handle, ()) };
    let farewell = bytes::write_all(&control, session.stage.get().farewell())
        .err_into()
        .then(move |_| bytes::read_until(&control, END_OF_TRANSMISSION, Vec::new()).err_into())
        .map(drop);
    timeout(&session.handle, session.options.clean_up_limit, farewell).catch(move |error| {
        handle.report_error("the session could not be cleaned up", &error);
        Ok(())
    })
}
// ANCHOR_END: clean_up

impl Session {
    fn ask(&self, request: String) -> Promise<String, io::Error> {
        let control = self.control.borrow().clone();
        ask(control.expect("who is connected asks"), request)
    }
}

// ANCHOR: ask
fn ask(stream: TcpStream, request: String) -> Promise<String, io::Error> {
    bytes::write_all(&stream, request)
        .err_into()
        .then(move |_| bytes::read_until(&stream, b'\n', Vec::new()).err_into())
        .then(|(count, line)| parse(&line[..count]))
}
// ANCHOR_END: ask

// ANCHOR: run
pub(super) fn run(options: &Options) -> io::Result<Report> {
    let mut event_loop = EventLoop::new()?;
    let handle = event_loop.handle();
    let token = CancellationToken::new();
    let items = transfer(&handle, options.clone(), &token);
    let interrupt =
        options.cancel_after.map(|delay| handle.call_later(delay, move || token.cancel()));
    let items = items.run_until_complete(&mut event_loop).map_err(io::Error::other)?;
    interrupt.inspect(|interrupt| _ = interrupt.cancel());
    Ok(Report { items, left: Left::on(&mut event_loop)? })
}
// ANCHOR_END: run
