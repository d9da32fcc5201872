//! Several operations as one.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::combine::{Completion, Start, all, race, timeout};
use api_callbacks::{Operation, sleep};
use loop_core::{EventLoop, LoopHandle, ManualClock, is_cancelled};

/// Returns an operation that ends with `result` after so many milliseconds.
pub(crate) fn after(
    handle: &LoopHandle,
    millis: u64,
    result: io::Result<u64>,
) -> Start<u64, io::Error> {
    let handle = handle.clone();
    Box::new(move |callback: Completion<u64, io::Error>| {
        sleep(&handle, Duration::from_millis(millis), move |slept| {
            callback(slept.and(result));
        })
    })
}

/// Runs a loop for a second of its own time and returns the results that came.
pub(crate) fn ran<T: 'static>(
    start: impl FnOnce(&LoopHandle, Completion<T, io::Error>) -> Option<Operation>,
) -> Vec<io::Result<T>> {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let handle = event_loop.handle();
    let results = Rc::new(RefCell::new(Vec::new()));
    let seen = results.clone();
    let operation = start(&handle, Box::new(move |result| seen.borrow_mut().push(result)));
    assert!(results.borrow().is_empty(), "nothing calls back before its operation returned");
    if let Some(operation) = operation {
        operation.cancel();
    }
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
    let results = ran(|handle, callback| {
        all(handle, [3, 1, 2].map(|n| after(handle, n, Ok(n))), callback);
        None
    });
    assert_eq!(results.into_iter().next().unwrap().unwrap(), [3, 1, 2]);
}

#[test]
fn all_ends_with_the_first_error_and_cancels_the_rest() {
    let results = ran(|handle, callback| {
        let fails = after(handle, 2, Err(ErrorKind::BrokenPipe.into()));
        all(handle, [after(handle, 1, Ok(1)), fails, after(handle, 500, Ok(3))], callback);
        None
    });
    assert_eq!(results.len(), 1);
    assert_eq!(results[0].as_ref().unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn all_of_nothing_is_an_empty_list() {
    let results = ran(|handle, callback| {
        all(handle, Vec::<Start<u64, io::Error>>::new(), callback);
        None
    });
    assert!(results[0].as_ref().unwrap().is_empty());
}

#[test]
fn race_ends_with_the_first_and_cancels_the_rest() {
    let results = ran(|handle, callback| {
        race(handle, [500, 1, 2].map(|n| after(handle, n, Ok(n))), callback);
        None
    });
    assert_eq!(results.len(), 1);
    assert_eq!(*results[0].as_ref().unwrap(), 1);
}

#[test]
fn timeout_hands_on_what_ends_in_time() {
    let results = ran(|handle, callback| {
        timeout(handle, Duration::from_millis(500), after(handle, 1, Ok(1)), callback);
        None
    });
    assert_eq!(*results[0].as_ref().unwrap(), 1);
}

#[test]
fn timeout_cancels_what_takes_too_long() {
    let results = ran(|handle, callback| {
        timeout(handle, Duration::from_millis(1), after(handle, 500, Ok(1)), callback);
        None
    });
    assert_eq!(results.len(), 1);
    assert_eq!(results[0].as_ref().unwrap_err().kind(), ErrorKind::TimedOut);
}

#[test]
fn cancelling_the_whole_cancels_its_parts() {
    let parts = |handle: &LoopHandle| [300, 400].map(|n| after(handle, n, Ok(n)));
    let results = ran(|handle, callback| Some(all(handle, parts(handle), callback)));
    assert_eq!(results.len(), 1);
    assert!(is_cancelled(results[0].as_ref().unwrap_err()));
    let results = ran(|handle, callback| Some(race(handle, parts(handle), callback)));
    assert!(is_cancelled(results[0].as_ref().unwrap_err()));
    let results = ran(|handle, callback| {
        let [part, _] = parts(handle);
        Some(timeout(handle, Duration::from_millis(500), part, callback))
    });
    assert!(is_cancelled(results[0].as_ref().unwrap_err()));
}

#[test]
fn cancelling_a_timeout_releases_its_timer_at_once() {
    let event_loop = EventLoop::with_clock(ManualClock::new()).unwrap();
    let handle = event_loop.handle();
    let part = after(&handle, 400, Ok(1));
    let whole = timeout(&handle, Duration::from_millis(500), part, |_: io::Result<u64>| ());
    assert_eq!(handle.snapshot().timed.len(), 2);
    assert!(whole.cancel());
    assert!(handle.snapshot().timed.is_empty(), "{}", handle.snapshot());
    assert!(!whole.cancel(), "it is cancelled once");
}

#[test]
fn a_timeout_over_what_never_ends_is_not_cancelled_but_elapses() {
    let results = ran(|handle, callback| {
        let inner = handle.clone();
        let nothing = move |done| race(&inner, Vec::<Start<u64, io::Error>>::new(), done);
        let whole = timeout(handle, Duration::from_millis(5), nothing, callback);
        assert!(!whole.cancel());
        None
    });
    assert_eq!(results.len(), 1);
    assert_eq!(results[0].as_ref().unwrap_err().kind(), ErrorKind::TimedOut);
}

#[test]
fn a_timeout_over_what_has_ended_is_not_cancelled_but_hears_the_result() {
    let results = ran(|handle, callback| {
        let ended = |done| all(handle, Vec::<Start<u64, io::Error>>::new(), done);
        let whole = timeout(handle, Duration::from_secs(5), ended, callback);
        assert!(handle.snapshot().timed.is_empty(), "nothing is left to wait for");
        assert!(!whole.cancel());
        None
    });
    assert_eq!(results.len(), 1);
    assert!(results[0].as_ref().unwrap().is_empty());
}
