//! What becomes of a whole whose parts complete too early, or drop their completion.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::combine::{Completion, Start, all, all_settled, any, each, map_limit};
use api_callbacks::combine::{race, retry, timeout};
use api_callbacks::{Operation, sleep};
use loop_core::{Backoff, LoopHandle};

use crate::combine::after;
use crate::lab::{Bomb, Lab, Nothing, WHOLES, io_error};

/// An operation that has completed before it returns.
fn hasty(handle: &LoopHandle, result: io::Result<u64>) -> Start<u64, io::Error> {
    let handle = handle.clone();
    Box::new(move |done| {
        done(result);
        sleep(&handle, Duration::from_secs(60), |_| ())
    })
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

#[test]
fn a_whole_that_is_given_up_while_it_begins_begins_nothing_more() {
    let mut lab = Lab::new();
    let (h, forgets) = (lab.handle.clone(), lab.handle.clone());
    let dropped: Start<u64, io::Error> = Box::new(move |done| {
        drop(done);
        sleep(&forgets, Duration::ZERO, |_| ())
    });
    all(&h, [after(&h, 500, Ok(1)), dropped, after(&h, 500, Ok(2))], lab.ending("all"));
    lab.run(2);
    assert!(lab.log().is_empty());
    assert_eq!(lab.reports(), ["a callback was dropped uncalled"]);
    lab.assert_idle();
}
