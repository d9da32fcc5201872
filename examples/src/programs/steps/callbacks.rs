//! The steps with callbacks.
//!
//! Rule: what is to be cleaned up lies outside of the steps. They are a sequence, of which one operation is
//! pending at a time; the deadline and the token end that one, whichever it is. The callback of the whole
//! comes behind all that was cancelled, once, and is the clean-up.

use std::cell::{Cell, OnceCell};
use std::io;
use std::rc::Rc;

use api_callbacks::combine::{Completion, Sequence, map_limit, retry, timeout};
use api_callbacks::{CancellationToken, Operation, TcpStream, bytes};
use loop_core::{Cancelled, EventLoop, LoopHandle, is_cancelled};

use super::{END_OF_TRANSMISSION, Options, Report, Stage, at, parse};
use crate::Left;

/// What tells the end of a step.
type Done<T> = Completion<T, io::Error>;

/// What the steps share, and what is to be cleaned up.
struct Session {
    handle: LoopHandle,
    options: Options,
    control: OnceCell<TcpStream>,
    stage: Cell<Stage>,
}

// ANCHOR: transfer
pub(super) fn transfer(
    handle: &LoopHandle,
    options: Options,
    cancel: &CancellationToken,
    callback: impl FnOnce(io::Result<Vec<String>>) + 'static,
) {
    let (limit, control, stage) = (options.total_limit, OnceCell::new(), Cell::default());
    let session = Rc::new(Session { handle: handle.clone(), options, control, stage });
    let steps = steps(&session);
    let in_time = |done: Done<_>| timeout(handle, limit, |done| steps.start(done), done);
    cancel.guard(handle, in_time, move |result| session.clean_up(move || callback(result)));
}
// ANCHOR_END: transfer

// ANCHOR: steps
/// Returns the steps, of which none has begun.
fn steps(session: &Rc<Session>) -> Sequence<Vec<String>, io::Error> {
    let [connecting, asking, fetching, committing] = [(); 4].map(|()| session.clone());
    Sequence::new(&session.handle, move |done| connecting.connect(named("connect", done)))
        .then(move |(), done| asking.authenticate(named("authenticate", done)))
        .then(move |number, done| fetching.fetch_all(number, named("fetch", done)))
        .then(move |items, done| committing.commit(items, named("commit", done)))
}

/// Has an error say in which step it came; that all was cancelled is no step's.
fn named<T: 'static>(step: &'static str, done: Done<T>) -> Done<T> {
    Box::new(move |ended| {
        done(ended.map_err(|error| match is_cancelled(&error) {
            true => Cancelled.into(),
            false => at(step, &error),
        }));
    })
}
// ANCHOR_END: steps

impl Session {
    // ANCHOR: connect
    fn connect(self: Rc<Self>, done: Done<()>) -> Operation {
        let (handle, server, limit) =
            (self.handle.clone(), self.options.server, self.options.step_limit);
        let attempt = move |done: Done<TcpStream>| {
            timeout(&handle, limit, |done| TcpStream::connect(&handle, server, done), done)
        };
        let session = self.clone();
        retry(&self.handle, self.options.backoff.clone(), attempt, move |connected| {
            done(connected.map(|stream| drop(session.control.set(stream))));
        })
    }
    // ANCHOR_END: connect

    // ANCHOR: authenticate
    fn authenticate(self: Rc<Self>, done: Done<String>) -> Operation {
        let request = format!("AUTH {}\n", self.options.secret);
        self.ask(request, Stage::Authenticated, done)
    }
    // ANCHOR_END: authenticate

    // ANCHOR: fetch
    fn fetch_all(self: Rc<Self>, number: String, done: Done<Vec<String>>) -> Operation {
        let (session, Options { items, at_once, .. }) = (self.clone(), self.options.clone());
        let fetch = move |name, done| session.fetch(&format!("GET {number} {name}\n"), done);
        map_limit(&self.handle, items, at_once, fetch, done)
    }

    fn fetch(&self, request: &str, done: Done<String>) -> Operation {
        let (handle, request) = (self.handle.clone(), request.to_owned());
        let (server, limit) = (self.options.server, self.options.step_limit);
        let attempt = move |done: Done<String>| {
            let (connecting, request) = (handle.clone(), request.clone());
            let connect = move |done: Done<_>| TcpStream::connect(&connecting, server, done);
            let fetch = Sequence::new(&handle, connect)
                .then(move |stream: TcpStream, done| ask(&stream, request, done));
            timeout(&handle, limit, |done| fetch.start(done), done)
        };
        retry(&self.handle, self.options.backoff.clone(), attempt, done)
    }
    // ANCHOR_END: fetch

    // ANCHOR: commit
    fn commit(self: Rc<Self>, items: Vec<String>, done: Done<Vec<String>>) -> Operation {
        let request = format!("COMMIT {}\n", items.len());
        let committed = |answer: io::Result<String>| done(answer.map(|_| items));
        self.ask(request, Stage::Committed, Box::new(committed))
    }
    // ANCHOR_END: commit

    /// Asks as a step. The stage is reached even if the next step never begins.
    fn ask(self: Rc<Self>, request: String, stage: Stage, done: Done<String>) -> Operation {
        let (handle, limit) = (self.handle.clone(), self.options.step_limit);
        let control = self.control.get().expect("the first step has connected").clone();
        timeout(
            &handle,
            limit,
            |done| ask(&control, request, done),
            move |answer| {
                if answer.is_ok() {
                    self.stage.set(stage);
                }
                done(answer);
            },
        )
    }

    // ANCHOR: clean_up
    fn clean_up(self: Rc<Self>, done: impl FnOnce() + 'static) {
        let Some(control) = self.control.get() else { return done() };
        let farewell = self.stage.get().farewell().to_owned();
        let farewell = |done| converse(control, farewell, END_OF_TRANSMISSION, done);
        let session = self.clone();
        timeout(&self.handle, self.options.clean_up_limit, farewell, move |ended| {
            if let Err(error) = ended {
                session.handle.report_error("the session could not be cleaned up", &error);
            }
            drop(session);
            done();
        });
    }
    // ANCHOR_END: clean_up
}

// ANCHOR: ask
fn ask(stream: &TcpStream, request: String, done: Done<String>) -> Operation {
    let parsed = |line: io::Result<Vec<u8>>| done(line.and_then(|line| parse(&line)));
    converse(stream, request, b'\n', Box::new(parsed))
}

/// Says something, and then reads up to a delimiter.
fn converse(stream: &TcpStream, words: String, delimiter: u8, done: Done<Vec<u8>>) -> Operation {
    let told = stream.clone();
    Sequence::new(stream.handle(), move |done: Done<TcpStream>| {
        bytes::write_all(&told, words, |stream, written, _| done(written.map(|_| stream)))
    })
    .then(move |stream, done: Done<Vec<u8>>| {
        bytes::read_until(&stream, delimiter, Vec::new(), |_, read, mut line| {
            done(read.map(|count| {
                line.truncate(count);
                line
            }));
        })
    })
    .start(done)
}
// ANCHOR_END: ask

// ANCHOR: run
pub(super) fn run(options: &Options) -> io::Result<Report> {
    let mut event_loop = EventLoop::new()?;
    let (handle, token) = (event_loop.handle(), CancellationToken::new());
    let cancels = token.clone();
    let interrupt =
        options.cancel_after.map(|delay| handle.call_later(delay, move || cancels.cancel()));
    let items = event_loop.run_until_complete(|completer| {
        transfer(&handle, options.clone(), &token, |items| completer.complete(items));
    });
    interrupt.inspect(|interrupt| _ = interrupt.cancel());
    Ok(Report { items: items.map_err(io::Error::other)?, left: Left::on(&mut event_loop)? })
}
// ANCHOR_END: run
