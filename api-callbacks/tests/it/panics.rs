//! What becomes of a whole whose parts or whose function panic.

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::combine::{Completion, Start, all, any, map_limit, retry};
use api_callbacks::{Operation, sleep};
use loop_core::{AggregateError, Backoff, LoopHandle, is_panicked};

use crate::combine::after;
use crate::lab::{Bomb, Lab, Nothing, WHOLES, io_error};

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
fn a_retry_repeats_no_any_with_a_panic_among_its_failures() {
    let mut lab = Lab::new();
    let (h, tries) = (lab.handle.clone(), Rc::new(Cell::new(0)));
    let (count, parts) = (tries.clone(), h.clone());
    let f = move |done: Completion<u64, AggregateError<io::Error>>| {
        count.set(count.get() + 1);
        any(&parts, [panics_later(&parts, 1), after(&parts, 2, io_error())], done)
    };
    let log = lab.log.clone();
    retry(&h, Backoff::default(), f, move |end| log.add(end.unwrap_err().errors.len().to_string()));
    lab.run(10_000);
    assert_eq!((lab.log().concat().as_str(), tries.get()), ("2", 1));
}
