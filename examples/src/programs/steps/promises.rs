//! The steps with promises.
//!
//! Rule: the steps are one chain, and `finally` is behind it, the deadline and the token: it is waited for,
//! whatever comes of the chain. What one link learns and the others need is in the session, which is there
//! once there is a connection: the chain of what follows is made inside.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use api_promises::combine::{map_limit, retry};
use api_promises::{CancellationToken, Promise, TcpStream, bytes};
use loop_core::{EventLoop, LoopHandle};

use super::{END_OF_TRANSMISSION, Options, Report, Stage, at, parse};
use crate::Left;

/// What the links of the chain share, and what is to be cleaned up.
struct Session {
    handle: LoopHandle,
    options: Options,
    control: TcpStream,
    stage: Cell<Stage>,
}

// ANCHOR: transfer
pub(super) fn transfer(
    handle: &LoopHandle,
    options: Options,
    cancel: &CancellationToken,
) -> Promise<Vec<String>, io::Error> {
    let deadline = handle.time() + options.total_limit;
    let (handle, token) = (handle.clone(), cancel.clone());
    let connected = connect(&handle, &options).map_err(|error| at("connect", &error));
    connected.timeout_at(deadline).guard(cancel).then(move |control| {
        let session = Rc::new(Session { handle, options, control, stage: Cell::default() });
        let bound = steps(&session).timeout_at(deadline).guard(&token);
        bound.finally(move || clean_up(&session))
    })
}
// ANCHOR_END: transfer

// ANCHOR: steps
fn steps(session: &Rc<Session>) -> Promise<Vec<String>, io::Error> {
    let (fetching, committing) = (session.clone(), session.clone());
    authenticate(session)
        .map_err(|error| at("authenticate", &error))
        .then(move |number| {
            let (handle, options) = (fetching.handle.clone(), fetching.options.clone());
            let fetch = move |name: String| fetch(&fetching, format!("GET {number} {name}\n"));
            map_limit(&handle, options.items, options.at_once, fetch)
                .map_err(|error| at("fetch", &error))
        })
        .then(move |items| {
            let committed = commit(&committing, items.len());
            committed.map(|_| items).map_err(|error| at("commit", &error))
        })
}
// ANCHOR_END: steps

// ANCHOR: connect
fn connect(handle: &LoopHandle, options: &Options) -> Promise<TcpStream, io::Error> {
    let (own, server, limit) = (handle.clone(), options.server, options.step_limit);
    let attempt = move || TcpStream::connect(&own, server).timeout(limit);
    retry(handle, options.backoff.clone(), attempt)
}
// ANCHOR_END: connect

// ANCHOR: authenticate
fn authenticate(session: &Rc<Session>) -> Promise<String, io::Error> {
    let (request, noted) = (format!("AUTH {}\n", session.options.secret), session.clone());
    let number = ask(&session.control, request, move || noted.stage.set(Stage::Authenticated));
    number.timeout(session.options.step_limit)
}
// ANCHOR_END: authenticate

// ANCHOR: fetch
fn fetch(session: &Session, request: String) -> Promise<String, io::Error> {
    let (handle, options) = (session.handle.clone(), &session.options);
    let (server, limit) = (options.server, options.step_limit);
    let attempt = move || {
        let request = request.clone();
        let connected = TcpStream::connect(&handle, server);
        connected.then(move |stream| ask(&stream, request, || ())).timeout(limit)
    };
    retry(&session.handle, options.backoff.clone(), attempt)
}
// ANCHOR_END: fetch

// ANCHOR: commit
fn commit(session: &Rc<Session>, count: usize) -> Promise<String, io::Error> {
    let (request, noted) = (format!("COMMIT {count}\n"), session.clone());
    let done = ask(&session.control, request, move || noted.stage.set(Stage::Committed));
    done.timeout(session.options.step_limit)
}
// ANCHOR_END: commit

// ANCHOR: clean_up
fn clean_up(session: &Session) -> Promise<(), io::Error> {
    let (handle, control) = (session.handle.clone(), session.control.clone());
    let farewell = bytes::write_all(&control, session.stage.get().farewell())
        .err_into()
        .then(move |_| bytes::read_until(&control, END_OF_TRANSMISSION, Vec::new()).err_into());
    farewell.map(drop).timeout(session.options.clean_up_limit).catch(move |error: io::Error| {
        handle.report_error("the session could not be cleaned up", &error);
        Ok(())
    })
}
// ANCHOR_END: clean_up

// ANCHOR: ask
/// Asks, and notes a good answer where it is read: the handler is the next behind the read, so that neither a
/// deadline nor a cancel in the same turn comes in between.
fn ask(
    stream: &TcpStream,
    request: String,
    note: impl FnOnce() + 'static,
) -> Promise<String, io::Error> {
    let stream = stream.clone();
    bytes::write_all(&stream.clone(), request).err_into().then(move |_| {
        bytes::read_until(&stream, b'\n', Vec::new()).then_result(move |read| {
            let (count, line) = read?;
            let answer = parse(&line[..count])?;
            note();
            Ok(answer)
        })
    })
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
