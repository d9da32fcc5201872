//! Several operations as one.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use api_promises::combine::{all, race, timeout};
use api_promises::{Promise, sleep};
use loop_core::{EventLoop, LoopHandle, ManualClock, is_cancelled};

/// Returns a promise that ends with `result` after so many milliseconds.
fn after(handle: &LoopHandle, millis: u64, result: io::Result<u64>) -> Promise<u64, io::Error> {
    sleep(handle, Duration::from_millis(millis)).then(move |()| result)
}

/// Runs a loop for a second of its own time and returns the results that came.
fn ran<T: 'static>(start: impl FnOnce(&LoopHandle) -> Promise<T, io::Error>) -> Vec<io::Result<T>> {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let handle = event_loop.handle();
    let results = Rc::new(RefCell::new(Vec::new()));
    let (resolved, rejected) = (results.clone(), results.clone());
    start(&handle)
        .map(move |value| resolved.borrow_mut().push(Ok(value)))
        .detach(move |error| rejected.borrow_mut().push(Err(error)));
    assert!(results.borrow().is_empty(), "nothing calls back before its operation returned");
    for _ in 0..1_000 {
        event_loop.run_once().unwrap();
        clock.advance(Duration::from_millis(1));
        if !results.borrow().is_empty() {
            break;
        }
    }
    event_loop.run_ready();
    let snapshot = handle.snapshot();
    assert!(snapshot.timed.is_empty() && snapshot.ready.is_empty(), "left behind: {snapshot}");
    results.take()
}

#[test]
fn all_has_the_values_in_the_order_of_the_operations() {
    let results = ran(|handle| all(handle, [3, 1, 2].map(|n| after(handle, n, Ok(n)))));
    assert_eq!(results.into_iter().next().unwrap().unwrap(), [3, 1, 2]);
}

#[test]
fn all_ends_with_the_first_error_and_cancels_the_rest() {
    let results = ran(|handle| {
        let fails = after(handle, 2, Err(ErrorKind::BrokenPipe.into()));
        all(handle, [after(handle, 1, Ok(1)), fails, after(handle, 500, Ok(3))])
    });
    assert_eq!(results.len(), 1);
    assert_eq!(results[0].as_ref().unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn all_of_nothing_is_an_empty_list() {
    let results = ran(|handle| all(handle, Vec::<Promise<u64, io::Error>>::new()));
    assert!(results[0].as_ref().unwrap().is_empty());
}

#[test]
fn race_ends_with_the_first_and_cancels_the_rest() {
    let results = ran(|handle| race(handle, [500, 1, 2].map(|n| after(handle, n, Ok(n)))));
    assert_eq!(results.len(), 1);
    assert_eq!(*results[0].as_ref().unwrap(), 1);
}

#[test]
fn timeout_hands_on_what_ends_in_time() {
    let results =
        ran(|handle| timeout(handle, Duration::from_millis(500), after(handle, 1, Ok(1))));
    assert_eq!(*results[0].as_ref().unwrap(), 1);
}

#[test]
fn timeout_cancels_what_takes_too_long() {
    let results =
        ran(|handle| timeout(handle, Duration::from_millis(1), after(handle, 500, Ok(1))));
    assert_eq!(results.len(), 1);
    assert_eq!(results[0].as_ref().unwrap_err().kind(), ErrorKind::TimedOut);
}

#[test]
fn cancelling_the_whole_cancels_its_parts() {
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let parts = || [300, 400].map(|n| after(&handle, n, Ok(n)));
    let whole = all(&handle, parts());
    assert_eq!(handle.snapshot().timed.len(), 2);
    drop(whole);
    assert!(handle.snapshot().timed.is_empty());
    drop(race(&handle, parts()));
    assert!(handle.snapshot().timed.is_empty());
    let [part, _other] = parts();
    drop(timeout(&handle, Duration::from_secs(1), part));
    assert_eq!(handle.snapshot().timed.len(), 1, "the other part is none of it");
}

/// Makes a loop on a clock, and counts what is reported to its exception handler.
fn reporting() -> (EventLoop, ManualClock, Rc<Cell<u32>>) {
    let clock = ManualClock::new();
    let event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let reports = Rc::new(Cell::new(0));
    let seen = reports.clone();
    event_loop.handle().set_exception_handler(move |_, _| seen.set(seen.get() + 1));
    (event_loop, clock, reports)
}

#[test]
fn timeout_hands_on_what_ends_in_the_same_turn_and_reports_nothing() {
    let (mut event_loop, clock, reports) = reporting();
    let handle = event_loop.handle();
    let values = Rc::new(RefCell::new(Vec::new()));
    let seen = values.clone();
    let whole = timeout(&handle, Duration::from_millis(10), after(&handle, 10, Ok(1)));
    whole.map(move |value| seen.borrow_mut().push(value)).detach(|error| panic!("{error}"));
    clock.advance(Duration::from_millis(10));
    for _ in 0..3 {
        handle.stop();
        event_loop.run_forever().unwrap();
    }
    assert_eq!((values.take(), reports.get()), (vec![1], 0));
}

#[test]
fn all_reports_no_error_after_the_first() {
    let (mut event_loop, _clock, reports) = reporting();
    let handle = event_loop.handle();
    let errors = Rc::new(RefCell::new(Vec::new()));
    let seen = errors.clone();
    let failed = [ErrorKind::BrokenPipe, ErrorKind::NotFound]
        .map(|kind| Promise::<u64, io::Error>::reject(&handle, kind.into()));
    all(&handle, failed).map(drop).detach(move |error| seen.borrow_mut().push(error.kind()));
    while event_loop.run_ready() > 0 {}
    assert_eq!((errors.take(), reports.get()), (vec![ErrorKind::BrokenPipe], 0));
}

#[test]
fn closing_reports_no_part_of_the_whole() {
    let (mut event_loop, _clock, reports) = reporting();
    let handle = event_loop.handle();
    let errors = Rc::new(RefCell::new(Vec::new()));
    let seen = errors.clone();
    let whole = race(&handle, [300, 400, 500].map(|n| after(&handle, n, Ok(n))));
    whole.map(drop).detach(move |error| seen.borrow_mut().push(is_cancelled(&error)));
    event_loop.close();
    assert_eq!((errors.take(), reports.get()), (vec![true], 0));
}
