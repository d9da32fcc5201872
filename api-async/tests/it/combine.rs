//! Several operations as one.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use api_async::combine::{
    all, all_settled, any, each, map_limit, race, retry, timeout, timeout_at,
};
use api_async::{run_until_complete, sleep, spawn};
use loop_core::{Backoff, EventLoop, LoopHandle, ManualClock};

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

#[test]
fn all_settled_has_every_outcome_in_order() {
    let results = ran(|handle| {
        let parts = [(3, Ok(3)), (1, Err(ErrorKind::NotFound.into())), (2, Ok(2))];
        let settled = all_settled(parts.map(|(n, result)| after(handle, n, result)));
        async { Ok(settled.await) }
    });
    let outcomes = results.into_iter().next().unwrap().unwrap();
    let outcomes: Vec<_> = outcomes.into_iter().map(|o| o.map_err(|e| e.kind())).collect();
    assert_eq!(outcomes, [Ok(3), Err(ErrorKind::NotFound), Ok(2)]);
}

#[test]
fn any_ends_with_the_first_value_and_cancels_the_rest() {
    let results = ran(|handle| {
        let fails = after(handle, 1, Err(ErrorKind::NotFound.into()));
        let whole = any([fails, after(handle, 500, Ok(2)), after(handle, 2, Ok(3))]);
        async { Ok(whole.await.unwrap()) }
    });
    assert_eq!(*results[0].as_ref().unwrap(), 3);
}

#[test]
fn any_has_every_failure_in_order_and_of_nothing_none() {
    let results = ran(|handle| {
        let fail = |n, kind: ErrorKind| after(handle, n, Err(kind.into()));
        let whole = any([fail(2, ErrorKind::NotFound), fail(1, ErrorKind::BrokenPipe)]);
        async { Ok(whole.await.unwrap_err().errors) }
    });
    let errors = results.into_iter().next().unwrap().unwrap();
    let kinds: Vec<_> = errors.iter().map(io::Error::kind).collect();
    assert_eq!(kinds, [ErrorKind::NotFound, ErrorKind::BrokenPipe]);
    let nothing =
        futures::executor::block_on(any(Vec::<std::future::Ready<Result<(), ()>>>::new()));
    assert!(nothing.unwrap_err().errors.is_empty());
}

#[test]
fn each_goes_one_by_one_and_stops_at_the_first_error() {
    let (begun, seen) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let counted = begun.clone();
    let results = ran(|handle| {
        let handle = handle.clone();
        each(1..=9, move |n| {
            counted.set(counted.get() + 1);
            after(&handle, 2, if n == 3 { Err(ErrorKind::NotFound.into()) } else { Ok(n) })
        })
    });
    assert_eq!(results[0].as_ref().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(begun.get(), 3);
    let results = ran(|handle| {
        let (handle, seen) = (handle.clone(), seen.clone());
        each(1..=3, move |n| {
            seen.set(seen.get() + 1);
            after(&handle, 4 - n, Ok(n))
        })
    });
    assert_eq!((results[0].as_ref().unwrap().as_slice(), seen.get()), (&[1, 2, 3][..], 3));
}

#[test]
fn map_limit_keeps_the_limit_and_the_order() {
    for (limit, most) in [(0, 1), (1, 1), (3, 3), (100, 9)] {
        let running = Rc::new(Cell::new((0, 0)));
        let counted = running.clone();
        let results = ran(|handle| {
            let handle = handle.clone();
            map_limit(1..=9, limit, move |n| {
                let (now, most) = counted.get();
                counted.set((now + 1, most.max(now + 1)));
                let (slept, running) = (after(&handle, 10 - n, Ok(n)), counted.clone());
                async move {
                    let result = slept.await;
                    running.set((running.get().0 - 1, running.get().1));
                    result
                }
            })
        });
        assert_eq!(*results[0].as_ref().unwrap(), (1..=9).collect::<Vec<_>>());
        assert_eq!(running.get(), (0, most), "limit {limit}");
    }
}

#[test]
fn map_limit_ends_with_the_first_error_wherever_it_stands() {
    let begun = Rc::new(Cell::new(0));
    let counted = begun.clone();
    let results = ran(|handle| {
        let handle = handle.clone();
        map_limit(1..=9, 2, move |n| {
            counted.set(counted.get() + 1);
            // The first takes long; the error of the second does not wait for it.
            let (millis, result) =
                if n == 1 { (900, Ok(n)) } else { (1, Err(ErrorKind::NotFound.into())) };
            after(&handle, millis, result)
        })
    });
    assert_eq!(results[0].as_ref().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(begun.get(), 2);
}

#[test]
fn timeouts_nest_and_the_tighter_ends_first() {
    let results = ran(|handle| {
        let (inner, outer) = (Duration::from_millis(1), Duration::from_millis(500));
        let operation = timeout(handle, inner, after(handle, 900, Ok(1)));
        timeout(handle, outer, operation)
    });
    assert_eq!(results[0].as_ref().unwrap_err().kind(), ErrorKind::TimedOut);
    let results = ran(|handle| {
        let operation = timeout(handle, Duration::from_secs(9), after(handle, 900, Ok(1)));
        timeout_at(handle, handle.time() + Duration::from_millis(1), operation)
    });
    assert_eq!(results[0].as_ref().unwrap_err().kind(), ErrorKind::TimedOut);
}

#[test]
fn a_timeout_of_no_time_runs_to_the_first_suspension() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let step = Rc::new(Cell::new(0));
    let (seen, ready) = (step.clone(), async { io::Result::Ok(1) });
    run_until_complete(&mut event_loop, async move {
        assert_eq!(timeout(&handle, Duration::ZERO, ready).await.unwrap(), 1);
        let suspends = async {
            seen.set(1);
            sleep(&handle, Duration::ZERO).await;
            seen.set(2);
            io::Result::Ok(2)
        };
        let error = timeout(&handle, Duration::ZERO, suspends).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    })
    .unwrap();
    assert_eq!(step.get(), 1);
}

#[test]
fn retry_tries_again_until_there_is_a_value_or_no_further_try() {
    for (needed, expected) in [(3, Ok(3)), (9, Err(ErrorKind::NotFound))] {
        let tries = Rc::new(Cell::new(0));
        let counted = tries.clone();
        let results = ran(|handle| {
            let handle = handle.clone();
            let first = Duration::from_millis(1);
            let backoff = Backoff { first, attempts: 4, jitter: 0.0, ..Backoff::default() };
            async move {
                retry(&handle, backoff, || {
                    counted.set(counted.get() + 1);
                    let tries = counted.get();
                    let missing = Err(ErrorKind::NotFound.into());
                    after(&handle, 1, if tries < needed { missing } else { Ok(tries) })
                })
                .await
            }
        });
        let result = results.into_iter().next().unwrap().map_err(|error| error.kind());
        assert_eq!((result, tries.get()), (expected, needed.min(4)));
    }
}
