//! What tests of wholes have in common: a loop on a clock of its own, a log, and parts that misbehave.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::combine::{Start, all, all_settled, any, map_limit, race, timeout};
use api_callbacks::{Composed, Operation};
use loop_core::{EventLoop, LoopHandle, ManualClock};

/// A loop on a clock of its own, and what its exception handler was told.
pub(crate) struct Lab {
    pub(crate) event_loop: EventLoop,
    pub(crate) handle: LoopHandle,
    clock: ManualClock,
    reports: Rc<RefCell<Vec<String>>>,
    pub(crate) log: Log,
}

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

/// Panics when it is dropped.
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a destructor on purpose");
    }
}

impl Log {
    pub(crate) fn add(&self, entry: impl Into<String>) {
        self.0.borrow_mut().push(entry.into());
    }

    pub(crate) fn end<T, E: std::fmt::Debug>(&self, name: &str, result: Result<T, E>) {
        self.add(match result {
            Ok(_) => format!("{name}: ok"),
            Err(error) => format!("{name}: {error:?}"),
        });
    }
}

impl Lab {
    pub(crate) fn new() -> Lab {
        let clock = ManualClock::new();
        let event_loop = EventLoop::with_clock(clock.clone()).unwrap();
        let (handle, reports) = (event_loop.handle(), Rc::new(RefCell::new(Vec::new())));
        let told: Rc<RefCell<Vec<String>>> = reports.clone();
        handle.set_exception_handler(move |_, context| {
            told.borrow_mut().push(context.message.clone())
        });
        Lab { event_loop, handle, clock, reports, log: Log::default() }
    }

    /// Runs for so many milliseconds of the loop's time.
    pub(crate) fn run(&mut self, millis: u64) {
        for _ in 0..millis {
            self.handle.call_soon(|| ());
            self.event_loop.run_once().unwrap();
            self.clock.advance(Duration::from_millis(1));
        }
        while self.event_loop.run_ready() > 0 {}
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.0.take()
    }

    pub(crate) fn reports(&self) -> Vec<String> {
        self.reports.take()
    }

    /// Returns a callback that logs what it hears.
    pub(crate) fn ending<T: 'static, E: std::fmt::Debug + 'static>(
        &self,
        name: &'static str,
    ) -> impl FnOnce(Result<T, E>) + use<T, E> + 'static {
        let log = self.log.clone();
        move |result| log.end(name, result)
    }

    pub(crate) fn assert_idle(&self) {
        let snapshot = self.handle.snapshot();
        assert!(snapshot.timed.is_empty() && snapshot.ready.is_empty(), "left behind: {snapshot}");
    }
}

pub(crate) fn io_error() -> io::Result<u64> {
    Err(ErrorKind::NotFound.into())
}

/// An operation that nothing can cancel.
pub(crate) struct Nothing;

impl Composed for Nothing {
    fn cancel(self: Rc<Self>) -> bool {
        false
    }
}

pub(crate) type Whole = fn(&LoopHandle, [Start<u64, io::Error>; 2], Log, Bomb) -> Operation;

/// Every combinator that runs operations at once, with a callback whose destructor panics.
pub(crate) const WHOLES: [(&str, Whole); 6] = [
    ("all", |h, parts, log, bomb| all(h, parts, move |end| keep(bomb, || log.end("all", end)))),
    ("all_settled", |h, parts, log, bomb| {
        all_settled(h, parts, move |end| keep(bomb, || log.add(format!("{end:?}"))))
    }),
    ("any", |h, parts, log, bomb| any(h, parts, move |end| keep(bomb, || log.end("any", end)))),
    ("race", |h, parts, log, bomb| race(h, parts, move |end| keep(bomb, || log.end("race", end)))),
    ("timeout", |h, parts, log, bomb| {
        let [_, part] = parts;
        let end = move |end| keep(bomb, || log.end("timeout", end));
        timeout(h, Duration::from_secs(5), part, end)
    }),
    ("each", |h, parts, log, bomb| {
        let begin = |part: Start<u64, io::Error>, done| part(done);
        map_limit(h, parts, 2, begin, move |end| keep(bomb, || log.end("each", end)))
    }),
];

fn keep(bomb: Bomb, work: impl FnOnce()) {
    work();
    std::mem::forget(bomb);
}
