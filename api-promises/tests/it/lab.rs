//! A loop whose reports are kept, and values that count themselves.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use api_promises::{Fault, Promise, callbackify};
use loop_core::{EventLoop, LoopHandle, ManualClock};

/// A promise of the tests.
pub(crate) type Failing<T> = Promise<T, Fault>;

/// A loop whose clock jumps, and what was seen and reported on it.
pub(crate) struct Lab {
    pub(crate) event_loop: EventLoop,
    pub(crate) handle: LoopHandle,
    pub(crate) seen: Rc<RefCell<Vec<String>>>,
    pub(crate) reports: Rc<RefCell<Vec<String>>>,
}

impl Lab {
    pub(crate) fn new() -> Lab {
        let clock = ManualClock::new().autojump(Duration::ZERO);
        let event_loop = EventLoop::with_clock(clock).unwrap();
        let handle = event_loop.handle();
        let (seen, reports) = <(Rc<RefCell<Vec<String>>>, Rc<RefCell<Vec<String>>>)>::default();
        let told = reports.clone();
        handle.set_exception_handler(move |_, context| told.borrow_mut().push(context.to_string()));
        Lab { event_loop, handle, seen, reports }
    }

    /// Notes how a promise ends.
    pub(crate) fn note<T: std::fmt::Debug>(&self, name: &str, promise: Failing<T>) {
        let (seen, name) = (self.seen.clone(), name.to_owned());
        callbackify(promise, move |outcome| seen.borrow_mut().push(format!("{name}:{outcome:?}")));
    }

    /// Runs what is ready, and returns what was noted.
    pub(crate) fn settle(&mut self) -> String {
        while self.event_loop.run_ready() > 0 {}
        self.seen.take().join(" ")
    }

    /// Takes the reports.
    pub(crate) fn reported(&self) -> Vec<String> {
        self.reports.take()
    }
}

/// Counts what is alive.
#[derive(Clone, Default)]
pub(crate) struct Alive(Rc<Cell<usize>>);

impl Alive {
    /// Makes a value that is counted.
    pub(crate) fn value(&self) -> Counted {
        self.0.set(self.0.get() + 1);
        Counted(self.0.clone())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.get()
    }
}

/// A value that is counted while it lives.
#[derive(Debug)]
pub(crate) struct Counted(Rc<Cell<usize>>);

impl Clone for Counted {
    fn clone(&self) -> Counted {
        self.0.set(self.0.get() + 1);
        Counted(self.0.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// A value whose destructor panics.
#[derive(Debug)]
pub(crate) struct Spiteful;

impl Drop for Spiteful {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("spite");
        }
    }
}
