//! The combinators that start operations as others end, and those that keep every outcome.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::combine::{Completion, Start, all, all_settled, any, each};
use api_callbacks::combine::{map_limit, race, retry};
use api_callbacks::{Operation, sleep};
use loop_core::{AggregateError, Backoff, EventLoop, LoopHandle, is_cancelled};

use crate::combine::{after, ran};

fn fails(handle: &LoopHandle, millis: u64, kind: ErrorKind) -> Start<u64, io::Error> {
    after(handle, millis, Err(kind.into()))
}

fn kinds(errors: &[io::Error]) -> Vec<ErrorKind> {
    errors.iter().map(io::Error::kind).collect()
}

#[test]
fn all_settled_has_every_outcome_in_order() {
    let results = ran(|handle, callback: Completion<Vec<io::Result<u64>>, io::Error>| {
        let parts = [after(handle, 2, Ok(2)), fails(handle, 1, ErrorKind::BrokenPipe)];
        all_settled(handle, parts, |results| callback(Ok(results)));
        None
    });
    let outcomes = results.into_iter().next().unwrap().unwrap();
    assert_eq!(*outcomes[0].as_ref().unwrap(), 2);
    assert_eq!(outcomes[1].as_ref().unwrap_err().kind(), ErrorKind::BrokenPipe);
    let results = ran(|handle, callback: Completion<Vec<io::Result<u64>>, io::Error>| {
        all_settled(handle, Vec::<Start<u64, io::Error>>::new(), |results| callback(Ok(results)));
        None
    });
    assert!(results[0].as_ref().unwrap().is_empty());
}

type Any = Result<u64, AggregateError<io::Error>>;

#[test]
fn any_has_the_first_value_and_cancels_the_rest() {
    let results = ran(|handle, callback: Completion<Any, io::Error>| {
        let first = fails(handle, 1, ErrorKind::BrokenPipe);
        let parts = [first, after(handle, 2, Ok(2)), after(handle, 500, Ok(3))];
        any(handle, parts, |result| callback(Ok(result)));
        None
    });
    assert_eq!(*results[0].as_ref().unwrap().as_ref().unwrap(), 2);
}

#[test]
fn any_has_every_error_in_order_when_none_succeeds() {
    let results = ran(|handle, callback: Completion<Any, io::Error>| {
        let parts = [(2, ErrorKind::BrokenPipe), (1, ErrorKind::NotFound)];
        let parts = parts.map(|(millis, kind)| fails(handle, millis, kind));
        any(handle, parts, |result| callback(Ok(result)));
        None
    });
    let error = results[0].as_ref().unwrap().as_ref().unwrap_err();
    assert_eq!(kinds(&error.errors), [ErrorKind::BrokenPipe, ErrorKind::NotFound]);
    let results = ran(|handle, callback: Completion<Any, io::Error>| {
        any(handle, Vec::<Start<u64, io::Error>>::new(), |result| callback(Ok(result)));
        None
    });
    assert!(results[0].as_ref().unwrap().as_ref().unwrap_err().errors.is_empty());
}

#[test]
fn each_runs_one_after_the_other_and_stops_at_the_first_error() {
    let begun = Rc::new(RefCell::new(Vec::new()));
    let seen = begun.clone();
    let results = ran(|handle, callback| {
        let handle_of_parts = handle.clone();
        let part = move |item: u64, done| {
            seen.borrow_mut().push(item);
            let result = if item == 3 { Err(ErrorKind::BrokenPipe.into()) } else { Ok(item) };
            after(&handle_of_parts, 10 - item, result)(done)
        };
        each(handle, 1.., part, callback);
        None
    });
    assert_eq!(results[0].as_ref().unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(*begun.borrow(), [1, 2, 3]);
}

#[test]
fn each_of_nothing_is_an_empty_list() {
    let results = ran(|handle, callback: Completion<Vec<u64>, io::Error>| {
        let part = |_: u64, _: Completion<u64, io::Error>| unreachable!("there is no item");
        each(handle, [], part, callback);
        None
    });
    assert!(results[0].as_ref().unwrap().is_empty());
}

/// Runs ten items, at most three at once; the one of `failing` fails.
fn mapped(failing: Option<u64>, cancel: bool) -> (Vec<io::Result<Vec<u64>>>, usize, usize) {
    let (now, most, begun) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (running, highest, count) = (now.clone(), most.clone(), begun.clone());
    let results = ran(|handle, callback| {
        let parts = handle.clone();
        let part = move |item: u64, done: Completion<u64, io::Error>| {
            running.set(running.get() + 1);
            highest.set(highest.get().max(running.get()));
            count.set(count.get() + 1);
            let running = running.clone();
            sleep(&parts, Duration::from_millis(1 + item * 7 % 5), move |slept| {
                running.set(running.get() - 1);
                let failed = Some(item) == failing;
                let result = if failed { Err(ErrorKind::NotFound.into()) } else { Ok(item * 10) };
                done(slept.and(result));
            })
        };
        let whole = map_limit(handle, 0..10, 3, part, callback);
        cancel.then_some(whole)
    });
    assert_eq!(now.get(), 0, "what lost has ended");
    (results, most.get(), begun.get())
}

#[test]
fn map_limit_keeps_its_limit_and_the_order_of_the_items() {
    let (results, most, _) = mapped(None, false);
    assert_eq!(*results[0].as_ref().unwrap(), (0..10).map(|n| n * 10).collect::<Vec<_>>());
    assert_eq!(most, 3);
}

#[test]
fn map_limit_begins_nothing_after_an_error() {
    let (results, _, begun) = mapped(Some(2), false);
    assert_eq!(results.len(), 1);
    assert_eq!(results[0].as_ref().unwrap_err().kind(), ErrorKind::NotFound);
    assert!(begun < 10);
}

#[test]
fn a_cancelled_map_limit_begins_nothing_more() {
    let (results, _, begun) = mapped(None, true);
    assert!(is_cancelled(results[0].as_ref().unwrap_err()));
    assert_eq!((results.len(), begun), (1, 3));
}

#[test]
fn a_map_limit_that_is_cancelled_between_two_items_is_not_a_shorter_list() {
    let results = ran(|handle, callback| {
        let parts = handle.clone();
        let part = move |item: u64, done: Completion<Vec<u64>, io::Error>| {
            all(&parts, Vec::<Start<u64, io::Error>>::new(), move |ended| {
                done(ended.map(|_| vec![item]));
            })
        };
        let whole = map_limit(handle, 0..10, 3, part, callback);
        assert!(whole.cancel() && !whole.cancel());
        None
    });
    assert!(is_cancelled(results[0].as_ref().unwrap_err()));
}

#[test]
fn a_race_with_one_that_has_ended_is_decided() {
    let results = ran(|handle, callback| {
        let inner = handle.clone();
        let ended: Start<Vec<u64>, io::Error> =
            Box::new(move |done| all(&inner, Vec::<Start<u64, io::Error>>::new(), done));
        let inner = handle.clone();
        let slow: Start<Vec<u64>, io::Error> =
            Box::new(move |done| all(&inner, [after(&inner, 5, Ok(1))], done));
        let whole = race(handle, [slow, ended], callback);
        assert!(handle.snapshot().timed.is_empty(), "what lost has left");
        assert!(!whole.cancel());
        None
    });
    assert!(results[0].as_ref().unwrap().is_empty());
}

/// Tries something that succeeds the third time, and returns the result and how often it was tried.
fn tried(attempts: u32, cancel_in_pause: bool) -> (io::Result<u32>, u32) {
    let tries = Rc::new(Cell::new(0));
    let count = tries.clone();
    let results = ran(|handle, callback| {
        let parts = handle.clone();
        let part = move |done: Completion<u32, io::Error>| {
            count.set(count.get() + 1);
            let (count, done) = (count.get(), done);
            sleep(&parts, Duration::ZERO, move |slept| {
                let result = if count < 3 { Err(ErrorKind::NotFound.into()) } else { Ok(count) };
                done(slept.and(result));
            })
        };
        let backoff = Backoff { attempts, ..Backoff::default() };
        let whole = retry(handle, backoff, part, callback);
        if cancel_in_pause {
            handle.call_later(Duration::from_millis(20), move || assert!(whole.cancel()));
        }
        None::<Operation>
    });
    assert_eq!(results.len(), 1);
    (results.into_iter().next().unwrap(), tries.get())
}

#[test]
fn retry_tries_until_there_is_a_value() {
    let (result, tries) = tried(5, false);
    assert_eq!((result.unwrap(), tries), (3, 3));
}

#[test]
fn retry_hands_the_last_error_on() {
    let (result, tries) = tried(2, false);
    assert_eq!((result.unwrap_err().kind(), tries), (ErrorKind::NotFound, 2));
}

#[test]
fn a_retry_that_is_cancelled_in_a_pause_tries_no_more() {
    let (result, tries) = tried(5, true);
    assert!(is_cancelled(&result.unwrap_err()));
    assert_eq!(tries, 1);
}

#[test]
fn a_race_of_nothing_is_reported_with_its_place() {
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let reports = Rc::new(RefCell::new(Vec::new()));
    let seen = reports.clone();
    handle.set_exception_handler(move |_, context| seen.borrow_mut().push(context.to_string()));
    let line = line!() + 1;
    race(&handle, Vec::<Start<(), ()>>::new(), |_| unreachable!("nothing wins"));
    assert_eq!(reports.borrow().len(), 1);
    let place = format!("{}:{line}:", file!());
    assert!(reports.borrow()[0].contains(&place), "{reports:?} has no {place}");
}
