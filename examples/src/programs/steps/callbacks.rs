//! The steps with callbacks.
//!
//! Rule: the transfer is an object that the callback of each step holds. Each step ends in `goes_on`,
//! since one that had ended before it was cancelled calls back all the same; and whatever ends the
//! transfer ends in `finish`, which lets the first in and nobody else: so the clean-up comes once.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::combine::{Completion, map_limit, retry, timeout};
use api_callbacks::{Composed, Operation, TcpStream, bytes, sleep};
use loop_core::{Cancelled, Elapsed, EventLoop, Handle, LoopHandle};

use super::{END_OF_TRANSMISSION, Options, Report, Stage, at, parse};
use crate::Left;

type Callback = Box<dyn FnOnce(io::Result<Vec<String>>)>;
type Answered = Completion<String, io::Error>;

/// What the steps share, and what is to be cleaned up.
struct Transfer {
    handle: LoopHandle,
    options: Options,
    control: RefCell<Option<TcpStream>>,
    stage: Cell<Stage>,
    /// The step that is under way.
    step: Cell<Option<Operation>>,
    /// What ends all steps.
    deadline: Cell<Option<Handle>>,
    cancelled: Cell<bool>,
    /// Gone when the transfer is finished.
    callback: RefCell<Option<Callback>>,
}

// ANCHOR: transfer
pub(super) fn transfer(
    handle: &LoopHandle,
    options: Options,
    callback: impl FnOnce(io::Result<Vec<String>>) + 'static,
) -> Operation {
    let transfer = Rc::new(Transfer {
        handle: handle.clone(),
        options,
        control: RefCell::default(),
        stage: Cell::default(),
        step: Cell::default(),
        deadline: Cell::default(),
        cancelled: Cell::default(),
        callback: RefCell::new(Some(Box::new(callback))),
    });
    let (late, limit) = (transfer.clone(), transfer.options.total_limit);
    let deadline = handle.call_later(limit, move || late.finish(Err(Elapsed.into())));
    transfer.deadline.set(Some(deadline));
    transfer.connect();
    Operation::composed(&transfer)
}
// ANCHOR_END: transfer

impl Transfer {
    // ANCHOR: steps
    /// Returns what a step came to if the next one is to follow, and finishes the transfer if not.
    fn goes_on<T>(self: &Rc<Self>, step: &str, ended: io::Result<T>) -> Option<T> {
        match ended {
            _ if self.callback.borrow().is_none() => return None,
            _ if self.cancelled.get() => self.finish(Err(Cancelled.into())),
            Ok(value) => return Some(value),
            Err(error) => self.finish(Err(at(step, &error))),
        }
        None
    }
    // ANCHOR_END: steps

    // ANCHOR: connect
    fn connect(self: &Rc<Self>) {
        let (handle, options, transfer) = (self.handle.clone(), &self.options, self.clone());
        let (server, limit) = (options.server, options.step_limit);
        let attempt = move |done: Completion<TcpStream, io::Error>| {
            timeout(&handle, limit, |done| TcpStream::connect(&handle, server, done), done)
        };
        let step = retry(&self.handle, options.backoff.clone(), attempt, move |connected| {
            if let Some(stream) = transfer.goes_on("connect", connected) {
                transfer.control.replace(Some(stream));
                transfer.authenticate();
            }
        });
        self.step.set(Some(step));
    }
    // ANCHOR_END: connect

    // ANCHOR: authenticate
    fn authenticate(self: &Rc<Self>) {
        let transfer = self.clone();
        self.ask(format!("AUTH {}\n", self.options.secret), Stage::Authenticated, move |answer| {
            if let Some(number) = transfer.goes_on("authenticate", answer) {
                transfer.fetch(number);
            }
        });
    }
    // ANCHOR_END: authenticate

    // ANCHOR: fetch
    fn fetch(self: &Rc<Self>, number: String) {
        let (fetching, transfer) = (self.clone(), self.clone());
        let fetch = move |name: String, done| {
            let (each, request) = (fetching.clone(), format!("GET {number} {name}\n"));
            let attempt = move |done: Answered| {
                let fetch = |done| Fetch::begin(&each, request.clone(), done);
                timeout(&each.handle, each.options.step_limit, fetch, done)
            };
            retry(&fetching.handle, fetching.options.backoff.clone(), attempt, done)
        };
        let Options { items, at_once, .. } = self.options.clone();
        let step = map_limit(&self.handle, items, at_once, fetch, move |fetched| {
            if let Some(items) = transfer.goes_on("fetch", fetched) {
                transfer.commit(items);
            }
        });
        self.step.set(Some(step));
    }
    // ANCHOR_END: fetch

    // ANCHOR: commit
    fn commit(self: &Rc<Self>, items: Vec<String>) {
        let transfer = self.clone();
        self.ask(format!("COMMIT {}\n", items.len()), Stage::Committed, move |answer| {
            if transfer.goes_on("commit", answer).is_some() {
                transfer.finish(Ok(items));
            }
        });
    }
    // ANCHOR_END: commit

    /// Asks as a step. The stage is reached even if the transfer was cancelled the moment before.
    fn ask(
        self: &Rc<Self>,
        request: String,
        stage: Stage,
        callback: impl FnOnce(io::Result<String>) + 'static,
    ) {
        let control = self.control.borrow().clone().expect("who is connected asks");
        let (asked, transfer) = (|done| ask(&control, request, done), self.clone());
        let step = timeout(&self.handle, self.options.step_limit, asked, move |answer| {
            transfer.stage.set(if answer.is_ok() { stage } else { transfer.stage.get() });
            callback(answer);
        });
        self.step.set(Some(step));
    }

    fn finish(self: &Rc<Self>, result: io::Result<Vec<String>>) {
        let Some(callback) = self.callback.take() else { return };
        self.step.take().inspect(|step| _ = step.cancel());
        self.deadline.take().inspect(|deadline| _ = deadline.cancel());
        // What was cancelled has its socket until its callback has been called, which is queued.
        let transfer = self.clone();
        sleep(&self.handle, Duration::ZERO, move |_| {
            transfer.clean_up(move || callback(result));
        });
    }

    // ANCHOR: clean_up
    fn clean_up(&self, done: impl FnOnce() + 'static) {
        let Some(control) = self.control.take() else { return done() };
        let (handle, farewell) = (self.handle.clone(), self.stage.get().farewell());
        let farewell = |done: Completion<usize, io::Error>| {
            // Who cannot be told does not answer: the answer says both.
            bytes::write_all(&control, farewell, |_, _, _| ());
            bytes::read_until(&control, END_OF_TRANSMISSION, Vec::new(), |_, read, _| done(read))
        };
        timeout(&self.handle, self.options.clean_up_limit, farewell, move |ended| {
            if let Err(error) = ended {
                handle.report_error("the session could not be cleaned up", &error);
            }
            done();
        });
    }
    // ANCHOR_END: clean_up
}

impl Composed for Transfer {
    fn cancel(self: Rc<Self>) -> bool {
        let goes_on = self.callback.borrow().is_some() && !self.cancelled.replace(true);
        self.step.take().inspect(|step| _ = step.cancel());
        goes_on
    }
}

/// A connection, and then the question: two operations that are cancelled as one.
#[derive(Default)]
struct Fetch {
    pending: Cell<Option<Operation>>,
    cancelled: Cell<bool>,
}

impl Fetch {
    fn begin(transfer: &Transfer, request: String, done: Answered) -> Operation {
        let fetch = Rc::new(Fetch::default());
        let (kept, server) = (fetch.clone(), transfer.options.server);
        let connecting = TcpStream::connect(&transfer.handle, server, move |connected| {
            let stream = match connected {
                Ok(_) if kept.cancelled.get() => return done(Err(Cancelled.into())),
                Ok(stream) => stream,
                Err(error) => return done(Err(error)),
            };
            let asking = kept.clone();
            let answered = Box::new(move |answer| {
                drop(kept);
                done(answer);
            });
            asking.pending.set(Some(ask(&stream, request, answered)));
        });
        fetch.pending.set(Some(connecting));
        Operation::composed(&fetch)
    }
}

impl Composed for Fetch {
    fn cancel(self: Rc<Self>) -> bool {
        self.cancelled.set(true);
        self.pending.take().is_some_and(|pending| pending.cancel())
    }
}

// ANCHOR: ask
fn ask(stream: &TcpStream, request: String, done: Answered) -> Operation {
    // Whom a request cannot be sent, no answer comes from: the reading says so, and it is the one
    // operation that is to be cancelled.
    bytes::write_all(stream, request, |_, _, _| ());
    bytes::read_until(stream, b'\n', Vec::new(), |_, read, line| {
        done(read.and_then(|count| parse(&line[..count])));
    })
}
// ANCHOR_END: ask

// ANCHOR: run
pub(super) fn run(options: &Options) -> io::Result<Report> {
    let mut event_loop = EventLoop::new()?;
    let (handle, mut interrupt) = (event_loop.handle(), None);
    let items = event_loop.run_until_complete(|completer| {
        let transfer = transfer(&handle, options.clone(), |items| completer.complete(items));
        let cancel = move || _ = transfer.cancel();
        interrupt = options.cancel_after.map(|delay| handle.call_later(delay, cancel));
    });
    interrupt.inspect(|interrupt| _ = interrupt.cancel());
    Ok(Report { items: items.map_err(io::Error::other)?, left: Left::on(&mut event_loop)? })
}
// ANCHOR_END: run
