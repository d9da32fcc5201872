//! Combinators of few parts and of many: how they end does not depend on how many there are.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use api_async::combine::{all, all_settled, any, each, map_limit, race, retry};
use api_async::{TaskError, run_until_complete, sleep, sleep_until, spawn};
use loop_core::{AggregateError, Backoff, Cancelled, LoopHandle, LoopTime, Panicked};

use crate::lab::{Lab, Live, lab, yield_now};

/// Below, at and above the limit up to which `futures` polls all parts at each wake.
const COUNTS: [u64; 4] = [2, 30, 31, 1_000];

/// How long the parts that lose would take.
const LONG: u64 = 1_000;

/// Ends with `result` after so many milliseconds, and holds `live` until then.
async fn after(
    handle: LoopHandle,
    live: Live,
    millis: u64,
    result: Result<u64, ErrorKind>,
) -> io::Result<u64> {
    sleep(&handle, Duration::from_millis(millis)).await;
    drop(live);
    Ok(result?)
}

/// Runs a combinator of many parts, of which `part` makes one after the other.
fn ran<T: 'static, F: Future<Output = T> + 'static>(
    whole: impl FnOnce(Box<dyn FnMut(u64, Result<u64, ErrorKind>) -> After>) -> F,
) -> (T, Duration) {
    let Lab { mut event_loop, handle, .. } = lab();
    let live = Live::default();
    let (kept, timers) = (live.clone(), handle.clone());
    let part = move |millis, result| -> After {
        Box::pin(after(timers.clone(), kept.clone(), millis, result))
    };
    let output = run_until_complete(&mut event_loop, whole(Box::new(part))).unwrap();
    assert_eq!(live.others(), 0, "what lost is dropped");
    assert!(handle.snapshot().timed.is_empty(), "{}", handle.snapshot());
    (output, handle.time().since_origin())
}

type After = std::pin::Pin<Box<dyn Future<Output = io::Result<u64>>>>;

#[test]
fn all_ends_with_the_first_error_of_however_many_parts() {
    for count in COUNTS {
        for failing in [0, count / 2, count - 1] {
            let (result, time) = ran(|mut part| {
                all((0..count).map(move |n| match n {
                    _ if n == failing => part(10, Err(ErrorKind::BrokenPipe)),
                    _ => part(LONG, Ok(n)),
                }))
            });
            assert_eq!(result.unwrap_err().kind(), ErrorKind::BrokenPipe);
            assert_eq!(time, Duration::from_millis(10), "{failing} of {count}");
        }
    }
}

#[test]
fn all_has_the_error_that_came_first_and_not_the_one_that_stands_first() {
    for count in COUNTS {
        let Lab { mut event_loop, handle, .. } = lab();
        let timers = handle.clone();
        let parts = (0..count).map(move |n| {
            // The later a part stands, the earlier it fails: by so little that one turn has both.
            let deadline = LoopTime::ORIGIN + Duration::from_nanos(1_000_000 - n);
            let slept = sleep_until(&timers, deadline);
            async move {
                slept.await;
                Err::<u64, u64>(n)
            }
        });
        let result = run_until_complete(&mut event_loop, all(parts.collect::<Vec<_>>())).unwrap();
        assert_eq!(result.unwrap_err(), count - 1);
    }
}

#[test]
fn all_and_all_settled_keep_the_order_of_however_many_parts() {
    for count in COUNTS {
        let (values, time) = ran(|mut part| all((0..count).map(move |n| part(count - n, Ok(n)))));
        assert_eq!(values.unwrap(), (0..count).collect::<Vec<_>>());
        assert_eq!(time, Duration::from_millis(count));
        let (settled, time) = ran(|mut part| {
            all_settled((0..count).map(move |n| {
                part(count - n, if n % 2 == 0 { Ok(n) } else { Err(ErrorKind::NotFound) })
            }))
        });
        assert_eq!(time, Duration::from_millis(count));
        let right = |(n, result): (u64, &io::Result<u64>)| match result {
            Ok(value) => n % 2 == 0 && *value == n,
            Err(error) => n % 2 == 1 && error.kind() == ErrorKind::NotFound,
        };
        assert!((0..).zip(&settled).all(right) && settled.len() as u64 == count);
    }
}

#[test]
fn any_and_race_end_with_the_first_of_however_many_parts() {
    for count in COUNTS {
        let parts = |mut part: Box<dyn FnMut(u64, Result<u64, ErrorKind>) -> After>| {
            (0..count).map(move |n| part(if n == count - 1 { 10 } else { LONG }, Ok(n)))
        };
        let (raced, time) = ran(|part| race(parts(part)));
        assert_eq!((raced.unwrap(), time), (count - 1, Duration::from_millis(10)));
        let (first, time) = ran(|mut part| {
            any((0..count).map(move |n| match n {
                0 => part(10, Ok(n)),
                _ => part(1 + n % 9, Err(ErrorKind::NotFound)),
            }))
        });
        assert_eq!((first.unwrap(), time), (0, Duration::from_millis(10)));
        let (failed, _) = ran(|mut part| {
            any((0..count).map(move |n| part(1 + (count - n) % 9, Err(ErrorKind::NotFound))))
        });
        assert_eq!(failed.unwrap_err().errors.len() as u64, count);
    }
}

#[test]
fn parts_that_never_rest_let_others_run() {
    let Lab { mut event_loop, handle, .. } = lab();
    let spin = || async {
        loop {
            yield_now().await;
        }
    };
    let turns = Rc::new(Cell::new(0));
    let (counted, timers) = (turns.clone(), handle.clone());
    let whole = spawn(&handle, race::<(), ()>((0..3).map(move |_| spin())));
    spawn(&handle, async move {
        for _ in 0..10 {
            sleep(&timers, Duration::ZERO).await;
            counted.set(counted.get() + 1);
        }
        timers.stop();
    })
    .detach();
    event_loop.run_forever().unwrap();
    assert_eq!(turns.get(), 10);
    whole.abort();
}

/// Panics when it is called for the third time; counts the calls.
fn panics_at_third(calls: &Rc<Cell<u32>>) -> impl Fn() + Clone + use<> {
    let calls = calls.clone();
    move || {
        calls.set(calls.get() + 1);
        assert!(calls.get() != 3, "the function on purpose");
    }
}

/// Makes the parts of the combinator `name`: their function panics at its third call, or the third
/// part does so `inside`.
fn parts_that_panic(
    handle: &LoopHandle,
    live: &Live,
    calls: &Rc<Cell<u32>>,
    (name, inside): (&'static str, bool),
) -> impl Fn(u64) -> Panicking + use<> {
    let (timers, kept, panics) = (handle.clone(), live.clone(), panics_at_third(calls));
    move |n| {
        let (kept, panics, timers) = (kept.clone(), panics.clone(), timers.clone());
        if !inside {
            panics();
        }
        Box::pin(async move {
            if inside {
                panics();
            }
            let ends = n == 0 && matches!(name, "map_limit" | "each") || name == "each";
            sleep(&timers, Duration::from_millis(if ends { 1 } else { LONG })).await;
            drop(kept);
            if name == "retry" { Err(()) } else { Ok(n) }
        })
    }
}

type Panicking = std::pin::Pin<Box<dyn Future<Output = Result<u64, ()>>>>;

/// Awaits the combinator `name` of the parts that `makes` returns.
async fn whole_of(
    name: &str,
    handle: LoopHandle,
    makes: impl Fn(u64) -> Panicking + 'static,
) -> Result<(), ()> {
    let backoff = Backoff { attempts: 9, jitter: 0.0, ..Backoff::default() };
    match name {
        "map_limit" => map_limit(0..9, 2, makes).await.map(drop),
        "each" => each(0..9, makes).await.map(drop),
        "retry" => retry(&handle, backoff, || makes(1)).await.map(drop),
        "all" => all((0..9).map(makes)).await.map(drop),
        "any" => any((0..9).map(makes)).await.map(drop).map_err(drop),
        "race" => race((0..9).map(makes)).await.map(drop),
        _ => {
            drop(all_settled((0..9).map(makes)).await);
            Ok(())
        }
    }
}

/// The rule of all wings: a panic ends the whole, once; see `combine`.
#[test]
fn a_panic_of_the_function_or_of_a_future_ends_the_task_that_awaits() {
    for inside in [false, true] {
        for name in ["map_limit", "each", "retry", "all", "any", "race", "all_settled"] {
            let Lab { mut event_loop, handle, reports } = lab();
            let (live, calls) = (Live::default(), Rc::new(Cell::new(0)));
            let makes = parts_that_panic(&handle, &live, &calls, (name, inside));
            let task = spawn(&handle, whole_of(name, handle.clone(), makes));
            let joined = run_until_complete(&mut event_loop, task).unwrap();
            let expected = TaskError::Panicked("the function on purpose".into());
            assert_eq!(joined, Err(expected), "{name}");
            assert_eq!((live.others(), calls.get()), (0, 3), "{name}, inside: {inside}");
            assert_eq!(reports.borrow().len(), 1, "{name}: {reports:?}");
            assert!(handle.snapshot().timed.is_empty());
        }
    }
}

#[test]
fn a_whole_that_panicked_is_polled_no_more_and_nothing_is_retried() {
    let Lab { mut event_loop, handle, reports } = lab();
    let tries = Rc::new(RefCell::new(Vec::new()));
    let (seen, timers) = (tries.clone(), handle.clone());
    let task = spawn(&handle, async move {
        retry(&timers, Backoff::default(), || {
            seen.borrow_mut().push(timers.time());
            async { if true { panic!("a try on purpose") } else { Err::<(), _>(()) } }
        })
        .await
    });
    task.detach();
    event_loop.run_ready();
    assert!(handle.snapshot().timed.is_empty());
    assert_eq!((tries.borrow().len(), reports.borrow().len()), (1, 1));
}

#[test]
fn a_retry_repeats_no_cancellation_and_no_panic_whatever_holds_it() {
    fn tries<E: Clone + 'static>(error: E) -> usize {
        tries_of(move || error.clone())
    }
    fn tries_of<E: 'static>(error: impl Fn() -> E + 'static) -> usize {
        let Lab { mut event_loop, handle, .. } = lab();
        let ended = run_until_complete(&mut event_loop, async move {
            let mut count = 0;
            let tried = retry(&handle, Backoff::default(), || {
                count += 1;
                std::future::ready(Err::<(), _>(error()))
            });
            assert!(tried.await.is_err());
            count
        });
        ended.unwrap()
    }
    let panicked = Panicked { message: "on purpose".into() };
    assert_eq!((tries(Cancelled), tries(panicked.clone())), (1, 1));
    assert_eq!((tries(TaskError::Aborted), tries(TaskError::Panicked(String::new()))), (1, 1));
    assert_eq!(tries_of(|| io::Error::from(Cancelled)), 1);
    assert_eq!(tries_of(move || io::Error::from(panicked.clone())), 1);
    let many = || AggregateError { errors: vec![ErrorKind::NotFound.into(), Cancelled.into()] };
    assert_eq!(tries_of::<AggregateError<io::Error>>(many), 1);
    assert!(tries_of(|| io::Error::from(ErrorKind::NotFound)) > 1);
}
