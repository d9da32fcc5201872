//! What becomes of a whole whose parts panic, complete too early, drop their completion, or are
//! cancelled.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::combine::{Completion, Start, all, all_settled, any, each, map_limit};
use api_callbacks::combine::{race, retry, timeout};
use api_callbacks::{Composed, Operation, sleep};
use loop_core::{Backoff, EventLoop, LoopHandle, ManualClock, is_panicked};

use crate::combine::after;

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

    fn end<T, E: std::fmt::Debug>(&self, name: &str, result: Result<T, E>) {
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

fn io_error() -> io::Result<u64> {
    Err(ErrorKind::NotFound.into())
}

/// An operation that has completed before it returns.
fn hasty(handle: &LoopHandle, result: io::Result<u64>) -> Start<u64, io::Error> {
    let handle = handle.clone();
    Box::new(move |done| {
        done(result);
        sleep(&handle, Duration::from_secs(60), |_| ())
    })
}

/// An operation whose callback panics before it completes.
fn panics_later(handle: &LoopHandle, millis: u64) -> Start<u64, io::Error> {
    let handle = handle.clone();
    Box::new(move |done| {
        sleep(&handle, Duration::from_millis(millis), move |_| {
            let _done = done;
            panic!("later on purpose");
        })
    })
}

fn panics_at_once() -> Start<u64, io::Error> {
    Box::new(|_done| panic!("at once on purpose"))
}

#[test]
fn what_completes_before_it_returned_is_delivered_from_the_queue() {
    let mut lab = Lab::new();
    let h = lab.handle.clone();
    let hasty = |result| hasty(&h, result);
    all(&h, [hasty(Ok(1)), hasty(Ok(2))], {
        let log = lab.log.clone();
        move |values| log.add(format!("all: {:?}", values.unwrap()))
    });
    all(&h, [hasty(Ok(1)), hasty(io_error())], lab.ending("all of a failure"));
    all_settled(&h, [hasty(Ok(1)), hasty(io_error())], {
        let log = lab.log.clone();
        move |results| log.add(format!("all_settled: {}", results.len()))
    });
    any(&h, [hasty(io_error()), hasty(Ok(2))], lab.ending("any"));
    race(&h, [hasty(Ok(1)), after(&h, 1, Ok(2))], lab.ending("race"));
    timeout(&h, Duration::from_secs(60), hasty(Ok(1)), lab.ending("timeout"));
    assert!(lab.log().is_empty(), "nothing calls back before its operation returned");
    // A race calls back behind what it has cancelled.
    lab.run(2);
    let told = ["all: [1, 2]", "all of a failure: Kind(NotFound)", "all_settled: 2", "any: ok"];
    assert_eq!(lab.log()[..], [&told[..], &["timeout: ok", "race: ok"]].concat());
    assert_eq!(h.snapshot().timed.len(), 10, "what is left is theirs: {}", h.snapshot());
    assert!(lab.reports().is_empty());
}

#[test]
fn each_and_retry_go_on_behind_what_completes_before_it_returned() {
    let mut lab = Lab::new();
    let h = lab.handle.clone();
    let done_at_once = |item: u64, done: Completion<u64, io::Error>| {
        done(Ok(item));
        Operation::composed(&Rc::new(Nothing))
    };
    each(&h, 0..3, done_at_once, {
        let log = lab.log.clone();
        move |values| log.add(format!("{:?}", values.unwrap()))
    });
    map_limit(&h, 0..5, 2, done_at_once, {
        let log = lab.log.clone();
        move |values| log.add(format!("{:?}", values.unwrap()))
    });
    let tries = Cell::new(0);
    let attempt = move |done: Completion<u64, io::Error>| {
        tries.set(tries.get() + 1);
        done(if tries.get() < 3 { io_error() } else { Ok(tries.get()) });
        Operation::composed(&Rc::new(Nothing))
    };
    retry(&h, Backoff::default(), attempt, lab.ending("retry"));
    lab.run(2_000);
    assert_eq!(lab.log(), ["[0, 1, 2]", "[0, 1, 2, 3, 4]", "retry: ok"]);
    lab.assert_idle();
}

struct Nothing;

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

#[test]
fn a_panic_inside_the_call_unwinds_to_the_caller_and_cancels_what_has_begun() {
    for (name, whole) in WHOLES {
        let mut lab = Lab::new();
        let (h, log) = (lab.handle.clone(), lab.log.clone());
        let parts = [after(&h, 500, Ok(1)), panics_at_once()];
        let unwound = catch_unwind(AssertUnwindSafe(|| whole(&h, parts, log, Bomb)));
        let message = *unwound.unwrap_err().downcast::<&str>().unwrap();
        assert_eq!(message, "at once on purpose", "{name}");
        assert!(h.snapshot().timed.is_empty(), "{name} leaves {}", h.snapshot());
        lab.run(3);
        assert!(lab.log().is_empty(), "{name}: the callback is not called");
        assert_eq!(lab.reports(), ["a destructor panicked: a destructor on purpose"], "{name}");
        lab.assert_idle();
    }
}

#[test]
fn a_panic_of_a_part_that_runs_ends_the_part_with_panicked() {
    for (name, whole) in WHOLES {
        let mut lab = Lab::new();
        let (h, log) = (lab.handle.clone(), lab.log.clone());
        whole(&h, [after(&h, 500, Ok(1)), panics_later(&h, 1)], log, Bomb);
        lab.run(if name == "any" || name == "all_settled" { 600 } else { 5 });
        let told = lab.log().concat();
        let as_panicked = told.contains("Panicked");
        assert!(if name == "any" { told == "any: ok" } else { as_panicked }, "{name}: {told}");
        assert_eq!(lab.reports(), ["a callback panicked: later on purpose"], "{name}");
        lab.assert_idle();
    }
}

/// Maps items with a function that panics at the third, two at once; counts its calls.
#[test]
fn a_function_of_a_map_that_panics_later_ends_it_once_with_panicked() {
    let mut lab = Lab::new();
    let (h, calls, bomb) = (lab.handle.clone(), Rc::new(Cell::new(0)), Bomb);
    let (count, parts, log) = (calls.clone(), h.clone(), lab.log.clone());
    let f = move |item: u64, done: Completion<u64, io::Error>| {
        let _kept = &bomb;
        count.set(count.get() + 1);
        assert!(item != 2, "the third on purpose");
        let log = log.clone();
        sleep(&parts, Duration::from_millis(1 + item * 100), move |slept| {
            log.end(&item.to_string(), slept.as_ref());
            done(slept.map(|()| item));
        })
    };
    let log = lab.log.clone();
    map_limit(&h, 0..9, 2, f, move |values| {
        let error = values.unwrap_err();
        assert!(is_panicked(&error) && error.to_string().contains("the third on purpose"));
        log.add("whole");
    });
    lab.run(5);
    let told = lab.log();
    assert_eq!((told[0].as_str(), told.last().unwrap().as_str()), ("0: ok", "whole"));
    assert_eq!(told.len(), 3, "what was pending is cancelled before: {told:?}");
    assert_eq!(calls.get(), 3, "it is not called again");
    let reports = lab.reports();
    assert_eq!(reports[0], "a destructor panicked: a destructor on purpose");
    assert_eq!(reports[1..], ["the function of a map panicked: the third on purpose"]);
    lab.assert_idle();
}

#[test]
fn a_function_of_a_retry_that_panics_is_not_tried_again() {
    for (at_try, in_callback) in [(1, false), (2, false), (1, true), (2, true)] {
        let mut lab = Lab::new();
        let (h, tries) = (lab.handle.clone(), Rc::new(Cell::new(0)));
        let (count, parts) = (tries.clone(), h.clone());
        let f = move |done: Completion<u64, io::Error>| {
            count.set(count.get() + 1);
            let panics = count.get() == at_try;
            assert!(!panics || in_callback, "the try on purpose");
            sleep(&parts, Duration::ZERO, move |_| {
                assert!(!panics, "the callback on purpose");
                done(io_error());
            })
        };
        let log = lab.log.clone();
        let start = || {
            retry(&h, Backoff::default(), f, move |end| {
                assert!(is_panicked(&end.unwrap_err()));
                log.add("panicked");
            })
        };
        let unwound = catch_unwind(AssertUnwindSafe(start)).is_err();
        assert_eq!(unwound, at_try == 1 && !in_callback);
        lab.run(1_000);
        assert_eq!(lab.log().len(), usize::from(!unwound));
        assert_eq!(lab.reports().len(), usize::from(!unwound), "it is reported once");
        assert_eq!(tries.get(), at_try);
        lab.assert_idle();
    }
}

#[test]
fn a_retry_repeats_neither_the_panic_nor_the_cancellation_of_a_whole_inside() {
    for panics in [true, false] {
        let mut lab = Lab::new();
        let (h, tries) = (lab.handle.clone(), Rc::new(Cell::new(0)));
        let (count, parts) = (tries.clone(), h.clone());
        let f = move |done: Completion<Vec<u64>, io::Error>| {
            count.set(count.get() + 1);
            let part = if panics { panics_later(&parts, 1) } else { after(&parts, 9, Ok(1)) };
            let whole = all(&parts, [part], done);
            if !panics {
                parts.call_soon(move || assert!(whole.cancel()));
                return Operation::composed(&Rc::new(Nothing));
            }
            whole
        };
        retry(&h, Backoff::default(), f, lab.ending("retry"));
        lab.run(1_000);
        assert_eq!((lab.log().len(), tries.get()), (1, 1));
    }
}

#[test]
fn a_completion_that_is_dropped_gives_up_a_whole_that_needs_it_and_no_other() {
    for (name, whole) in WHOLES {
        let mut lab = Lab::new();
        let (h, log) = (lab.handle.clone(), lab.log.clone());
        let forgets = h.clone();
        let dropped: Start<u64, io::Error> =
            Box::new(move |done| sleep(&forgets, Duration::from_millis(1), move |_| drop(done)));
        whole(&h, [after(&h, 20, Ok(1)), dropped], log, Bomb);
        lab.run(5);
        let goes_on = ["any", "race", "timeout"].contains(&name);
        assert_eq!(h.snapshot().timed.len(), usize::from(goes_on), "{name}: {}", h.snapshot());
        lab.run(6_000);
        assert_eq!(lab.log().len(), usize::from(goes_on), "{name}");
        let dropped = ["a callback was dropped uncalled"; 1];
        let bombed = ["a destructor panicked: a destructor on purpose"];
        let told = if goes_on { vec![] } else { [dropped, bombed].concat() };
        assert_eq!(lab.reports(), told, "{name}");
        lab.assert_idle();
    }
}
