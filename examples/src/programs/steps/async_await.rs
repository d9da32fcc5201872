//! The steps with async.
//!
//! Rule: what is to be cleaned up lies outside the future that is cancelled. The steps are a future
//! inside, which the deadline and the token may drop at any `await`; the session is kept here, and no
//! way leads past the clean-up. To cancel is to ask the token, and not to drop all of it.

use std::io;
use std::pin::pin;

use api_async::combine::{map_limit, retry, timeout};
use api_async::{CancellationToken, TcpStream, bytes, run_until_complete, sleep, spawn};
use futures::future::{Either, select};
use loop_core::{Cancelled, EventLoop, LoopHandle};

use super::{END_OF_TRANSMISSION, Options, Report, Stage, at, parse};
use crate::Left;

/// What is to be cleaned up.
pub(super) struct Session {
    control: TcpStream,
    stage: Stage,
}

// ANCHOR: transfer
pub(super) async fn transfer(
    handle: &LoopHandle,
    options: &Options,
    cancel: &CancellationToken,
) -> io::Result<Vec<String>> {
    let mut session = None;
    let steps = timeout(handle, options.total_limit, steps(handle, options, &mut session));
    // The steps come first: what has come before the cancel is taken note of.
    let outcome = match select(pin!(steps), pin!(cancel.cancelled())).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => Err(Cancelled.into()),
    };
    if let Some(session) = session {
        clean_up(handle, options, session).await;
    }
    outcome
}
// ANCHOR_END: transfer

// ANCHOR: steps
pub(super) async fn steps(
    handle: &LoopHandle,
    options: &Options,
    session: &mut Option<Session>,
) -> io::Result<Vec<String>> {
    let control = connect(handle, options).await.map_err(|error| at("connect", &error))?;
    let session = session.insert(Session { control, stage: Stage::Connected });
    let number = authenticate(handle, options, session).await;
    let number = number.map_err(|error| at("authenticate", &error))?;
    let names = options.items.iter();
    let fetched = map_limit(names, options.at_once, |name| fetch(handle, options, &number, name));
    let items = fetched.await.map_err(|error| at("fetch", &error))?;
    commit(handle, options, session, items.len()).await.map_err(|error| at("commit", &error))?;
    Ok(items)
}
// ANCHOR_END: steps

// ANCHOR: connect
async fn connect(handle: &LoopHandle, options: &Options) -> io::Result<TcpStream> {
    let attempt =
        || timeout(handle, options.step_limit, TcpStream::connect(handle, options.server));
    retry(handle, options.backoff.clone(), attempt).await
}
// ANCHOR_END: connect

// ANCHOR: authenticate
async fn authenticate(
    handle: &LoopHandle,
    options: &Options,
    session: &mut Session,
) -> io::Result<String> {
    let request = format!("AUTH {}\n", options.secret);
    let number = timeout(handle, options.step_limit, ask(&session.control, request)).await?;
    session.stage = Stage::Authenticated;
    Ok(number)
}
// ANCHOR_END: authenticate

// ANCHOR: fetch
async fn fetch(
    handle: &LoopHandle,
    options: &Options,
    number: &str,
    name: &str,
) -> io::Result<String> {
    let attempt = || {
        timeout(handle, options.step_limit, async move {
            let stream = TcpStream::connect(handle, options.server).await?;
            ask(&stream, format!("GET {number} {name}\n")).await
        })
    };
    retry(handle, options.backoff.clone(), attempt).await
}
// ANCHOR_END: fetch

// ANCHOR: commit
async fn commit(
    handle: &LoopHandle,
    options: &Options,
    session: &mut Session,
    count: usize,
) -> io::Result<()> {
    let request = format!("COMMIT {count}\n");
    timeout(handle, options.step_limit, ask(&session.control, request)).await?;
    session.stage = Stage::Committed;
    Ok(())
}
// ANCHOR_END: commit

// ANCHOR: clean_up
pub(super) async fn clean_up(handle: &LoopHandle, options: &Options, session: Session) {
    let farewell = timeout(handle, options.clean_up_limit, async {
        bytes::write_all(&session.control, session.stage.farewell()).await.0?;
        bytes::read_until(&session.control, END_OF_TRANSMISSION, Vec::new()).await.0
    });
    if let Err(error) = farewell.await {
        handle.report_error("the session could not be cleaned up", &error);
    }
}
// ANCHOR_END: clean_up

// ANCHOR: ask
async fn ask(stream: &TcpStream, request: String) -> io::Result<String> {
    bytes::write_all(stream, request).await.0?;
    let (read, line) = bytes::read_until(stream, b'\n', Vec::new()).await;
    parse(&line[..read?])
}
// ANCHOR_END: ask

// ANCHOR: run
pub(super) fn run(options: &Options) -> io::Result<Report> {
    let mut event_loop = EventLoop::new()?;
    let (handle, options) = (event_loop.handle(), options.clone());
    let items = run_until_complete(&mut event_loop, async move {
        let token = CancellationToken::new();
        let interrupt = options.cancel_after.map(|delay| {
            let (slept, token) = (sleep(&handle, delay), token.clone());
            spawn(&handle, async move {
                slept.await;
                token.cancel();
            })
        });
        let items = transfer(&handle, &options, &token).await;
        interrupt.inspect(|interrupt| _ = interrupt.abort());
        items
    })
    .map_err(io::Error::other)?;
    Ok(Report { items, left: Left::on(&mut event_loop)? })
}
// ANCHOR_END: run
