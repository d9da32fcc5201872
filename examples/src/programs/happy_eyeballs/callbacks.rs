//! Happy eyeballs with callbacks.
//!
//! Rule: the race is an object that every callback of it holds, so that it lives as long as something
//! is pending; its own callback is taken once, and what takes it cancels the rest.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use std::vec;

use api_callbacks::combine::timeout;
use api_callbacks::{Composed, Operation, TcpStream, sleep};
use loop_core::{AggregateError, EventLoop, LoopHandle, is_cancelled};

use super::{Failures, Options, Race, failed};
use crate::Left;

type Callback = Box<dyn FnOnce(Result<TcpStream, Failures>)>;

/// A race that goes on.
struct Racing {
    handle: LoopHandle,
    delay: Duration,
    /// The addresses that nothing was begun for.
    waiting: RefCell<vec::IntoIter<SocketAddr>>,
    /// All attempts so far; to cancel one that has ended does nothing.
    attempts: RefCell<Vec<Operation>>,
    /// What begins the next attempt.
    timer: Cell<Option<Operation>>,
    /// Why each attempt failed, or nothing while it is pending.
    failures: RefCell<Vec<Option<io::Error>>>,
    /// Gone when the race is decided.
    callback: Cell<Option<Callback>>,
}

// ANCHOR: connect
pub(super) fn connect(
    handle: &LoopHandle,
    addresses: Vec<SocketAddr>,
    delay: Duration,
    callback: impl FnOnce(Result<TcpStream, Failures>) + 'static,
) -> Operation {
    let racing = Rc::new(Racing {
        handle: handle.clone(),
        delay,
        waiting: RefCell::new(addresses.into_iter()),
        attempts: RefCell::default(),
        timer: Cell::new(None),
        failures: RefCell::default(),
        callback: Cell::new(Some(Box::new(callback))),
    });
    if !racing.attempt() {
        let none = racing.clone();
        handle.call_soon(move || none.decide_if_all_failed());
    }
    Operation::composed(&racing)
}
// ANCHOR_END: connect

impl Racing {
    // ANCHOR: attempt
    /// Begins the next attempt, and the time that it is given; tells whether there is one.
    fn attempt(self: &Rc<Self>) -> bool {
        self.cancel_timer();
        let Some(address) = self.waiting.borrow_mut().next() else { return false };
        let number = self.attempts.borrow().len();
        self.failures.borrow_mut().push(None);
        let racing = self.clone();
        let attempt = TcpStream::connect(&self.handle, address, move |connected| match connected {
            Ok(stream) => racing.decide(Ok(stream)),
            Err(error) => racing.attempt_failed(number, failed(address, &error), &error),
        });
        self.attempts.borrow_mut().push(attempt);
        if self.waiting.borrow().len() > 0 {
            let racing = self.clone();
            self.timer.set(Some(sleep(&self.handle, self.delay, move |slept| {
                if slept.is_ok() {
                    racing.attempt();
                }
            })));
        }
        true
    }
    // ANCHOR_END: attempt

    fn attempt_failed(self: &Rc<Self>, number: usize, failure: io::Error, cause: &io::Error) {
        self.failures.borrow_mut()[number] = Some(failure);
        let is_latest = number + 1 == self.attempts.borrow().len();
        if is_cancelled(cause) || !is_latest || !self.attempt() {
            self.decide_if_all_failed();
        }
    }

    // ANCHOR: all_failed
    fn decide_if_all_failed(&self) {
        if self.failures.borrow().iter().all(Option::is_some) {
            let errors = self.failures.take().into_iter().flatten().collect();
            self.decide(Err(AggregateError { errors }));
        }
    }
    // ANCHOR_END: all_failed

    /// Ends the race, once: a stream that comes later is dropped, and so closed.
    fn decide(&self, result: Result<TcpStream, Failures>) {
        let Some(callback) = self.callback.take() else { return };
        self.cancel_all();
        callback(result);
    }

    fn cancel_timer(&self) {
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
    }

    fn cancel_all(&self) -> bool {
        self.cancel_timer();
        self.attempts.take().iter().filter(|attempt| attempt.cancel()).count() > 0
    }
}

impl Composed for Racing {
    fn cancel(self: Rc<Self>) -> bool {
        self.cancel_all()
    }
}

// ANCHOR: run
pub(super) fn run(options: &Options) -> io::Result<Race> {
    let mut event_loop = EventLoop::new()?;
    let handle = event_loop.handle();
    let Options { addresses, delay, limit } = options.clone();
    let connected = event_loop
        .run_until_complete(|completer| {
            let racing = |callback| connect(&handle, addresses, delay, callback);
            let done = Box::new(|connected| completer.complete(connected));
            match limit {
                Some(limit) => timeout(&handle, limit, racing, done),
                None => racing(done),
            };
        })
        .map_err(io::Error::other)?;
    let left = Left::on(&mut event_loop)?;
    Ok(Race { connected: connected.and_then(|stream| Ok(stream.peer_addr()?)), left })
}
// ANCHOR_END: run
