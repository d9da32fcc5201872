//! Several operations as one.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use api_async::combine::{all, race, timeout};
use api_async::{sleep, spawn};
use loop_core::{EventLoop, LoopHandle, ManualClock};

/// Ends with `result` after so many milliseconds.
fn after(
    handle: &LoopHandle,
    millis: u64,
    result: io::Result<u64>,
) -> impl Future<Output = io::Result<u64>> + use<> {
    let slept = sleep(handle, Duration::from_millis(millis));
    async move {
        slept.await;
        result
    }
}

/// Runs a loop for a second of its own time and returns the results that came.
fn ran<T: 'static, F: Future<Output = io::Result<T>> + 'static>(
    start: impl FnOnce(&LoopHandle) -> F,
) -> Vec<io::Result<T>> {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let handle = event_loop.handle();
    let results = Rc::new(RefCell::new(Vec::new()));
    let (seen, future) = (results.clone(), start(&handle));
    spawn(&handle, async move {
        let result = future.await;
        seen.borrow_mut().push(result);
    })
    .detach();
    assert!(results.borrow().is_empty(), "nothing starts before it is polled");
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
    let results = ran(|handle| all([3, 1, 2].map(|n| after(handle, n, Ok(n)))));
    assert_eq!(results.into_iter().next().unwrap().unwrap(), [3, 1, 2]);
}

#[test]
fn all_ends_with_the_first_error_and_cancels_the_rest() {
    let results = ran(|handle| {
        let fails = after(handle, 2, Err(ErrorKind::BrokenPipe.into()));
        all([after(handle, 1, Ok(1)), fails, after(handle, 500, Ok(3))])
    });
    assert_eq!(results.len(), 1);
    assert_eq!(results[0].as_ref().unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn all_of_nothing_is_an_empty_list() {
    let results = ran(|_| all(Vec::<std::future::Ready<io::Result<u64>>>::new()));
    assert!(results[0].as_ref().unwrap().is_empty());
}

#[test]
fn race_ends_with_the_first_and_cancels_the_rest() {
    let results = ran(|handle| race([500, 1, 2].map(|n| after(handle, n, Ok(n)))));
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
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let parts = || [300, 400].map(|n| after(&handle, n, Ok(n)));
    let whole = spawn(&handle, all(parts()));
    event_loop.run_ready();
    assert_eq!(handle.snapshot().timed.len(), 2);
    whole.abort();
    assert!(handle.snapshot().timed.is_empty());
    let whole = spawn(&handle, race(parts()));
    event_loop.run_ready();
    whole.abort();
    assert!(handle.snapshot().timed.is_empty());
    let [part, _other] = parts();
    let whole = spawn(&handle, timeout(&handle, Duration::from_secs(1), part));
    event_loop.run_ready();
    assert_eq!(handle.snapshot().timed.len(), 2);
    whole.abort();
    assert!(handle.snapshot().timed.is_empty());
}
