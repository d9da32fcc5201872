//! Steps that follow one another as one operation.

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::combine::{Completion, Sequence, Start, all, timeout};
use api_callbacks::{Operation, sleep};
use loop_core::{LoopHandle, is_cancelled};

use crate::combine::{after, ran};
use crate::lab::{Lab, Log, io_error};

mod endings;

type Done<T> = Completion<T, io::Error>;

/// A step that adds to what it is given, after so many milliseconds.
fn adding(
    handle: &LoopHandle,
    log: &Log,
    millis: u64,
) -> impl FnOnce(u64, Done<u64>) -> Operation + use<> {
    let (handle, log) = (handle.clone(), log.clone());
    move |value, done| {
        log.add(format!("begun with {value}"));
        after(&handle, millis, Ok(value + 1))(done)
    }
}

fn three(lab: &Lab) -> Sequence<u64, io::Error> {
    let (h, log) = (&lab.handle, &lab.log);
    Sequence::new(h, after(h, 1, Ok(1))).then(adding(h, log, 2)).then(adding(h, log, 3))
}

#[test]
fn each_step_has_what_the_one_before_has_ended_with() {
    let mut lab = Lab::new();
    let log = lab.log.clone();
    three(&lab).start(move |end| log.add(format!("{}", end.unwrap())));
    assert!(lab.log().is_empty());
    lab.run(8);
    assert_eq!(lab.log(), ["begun with 1", "begun with 2", "3"]);
    lab.assert_idle();
}

#[test]
fn steps_may_end_with_different_things_and_a_sequence_is_a_step_of_another() {
    let results = ran(|handle, callback| {
        let (h, inner) = (handle.clone(), handle.clone());
        Sequence::new(handle, after(handle, 1, Ok(7)))
            .then(move |n: u64, done: Done<String>| {
                Sequence::new(&inner.clone(), after(&inner, 1, Ok(n)))
                    .then(move |n: u64, done: Done<String>| {
                        sleep(&inner, Duration::ZERO, move |_| done(Ok(n.to_string())))
                    })
                    .start(done)
            })
            .then(move |text, done: Done<Vec<u64>>| {
                assert_eq!(text, "7");
                all(&h, [1, 2].map(|n| after(&h, n, Ok(n))), done)
            })
            .start(callback);
        None
    });
    assert_eq!(results.into_iter().next().unwrap().unwrap(), [1, 2]);
}

#[test]
fn the_first_error_goes_to_the_end_and_the_steps_behind_it_are_dropped() {
    for fails_at in [0, 1] {
        let mut lab = Lab::new();
        let (h, kept) = (lab.handle.clone(), Rc::new(()));
        let result = |step| if step == fails_at { io_error() } else { Ok(1) };
        let (second, third) = (after(&h, 1, result(1)), kept.clone());
        Sequence::new(&h, after(&h, 1, result(0)))
            .then(move |_, done| second(done))
            .then(move |_: u64, done: Done<u64>| {
                drop((third, done));
                unreachable!("a step before has failed")
            })
            .start(lab.ending("end"));
        lab.run(4);
        assert_eq!(lab.log(), ["end: Kind(NotFound)"]);
        assert_eq!(Rc::strong_count(&kept), 1);
        assert!(lab.reports().is_empty());
        lab.assert_idle();
    }
}

#[test]
fn a_cancel_in_each_step_ends_the_whole_once_and_takes_the_timer_back() {
    for millis in [0, 1, 2, 3, 4, 5] {
        let mut lab = Lab::new();
        let log = lab.log.clone();
        let whole = three(&lab).start(move |end: io::Result<u64>| {
            log.add(format!("end {}", is_cancelled(&end.unwrap_err())));
        });
        lab.run(millis);
        assert!(whole.cancel() && !whole.cancel(), "{millis}");
        assert!(lab.handle.snapshot().timed.is_empty());
        lab.run(9);
        let log = lab.log();
        assert_eq!(log.last().unwrap(), "end true");
        assert_eq!(log.iter().filter(|entry| entry.starts_with("end")).count(), 1);
        lab.assert_idle();
    }
}

/// Between two steps: what the first has ended with is on its way when the whole is cancelled.
#[test]
fn a_cancel_between_two_steps_ends_the_whole_and_behind_the_last_it_comes_too_late() {
    for (steps, cancels) in [(2, true), (1, false)] {
        let mut lab = Lab::new();
        let (h, whole) = (lab.handle.clone(), Rc::new(Cell::new(None::<Operation>)));
        let (operation, log) = (whole.clone(), lab.log.clone());
        // It cancels when its result is there, but is not told yet.
        let first = move |done: Done<u64>| {
            sleep(&h, Duration::from_millis(1), move |_| {
                let cancelled = operation.take().is_some_and(|whole| whole.cancel());
                log.add(format!("cancelled {cancelled}"));
                done(Ok(1));
            })
        };
        let mut sequence = Sequence::new(&lab.handle, first);
        if steps == 2 {
            sequence = sequence.then(|_, _| unreachable!("it is cancelled"));
        }
        whole.set(Some(sequence.start(lab.ending("end"))));
        lab.run(3);
        let log = lab.log();
        assert_eq!(log.len(), 2, "{log:?}");
        assert_eq!(log[0], format!("cancelled {cancels}"));
        assert_eq!(log[1].contains("ok"), !cancels, "{log:?}");
        lab.assert_idle();
    }
}

#[test]
fn a_step_may_have_ended_before_it_returned_and_nothing_calls_back_in_the_call() {
    let mut lab = Lab::new();
    let h = lab.handle.clone();
    let rude = move |done: Done<u64>| {
        done(Ok(1));
        sleep(&h, Duration::ZERO, |_| ())
    };
    Sequence::new(&lab.handle, rude)
        .then(adding(&lab.handle, &lab.log, 0))
        .start(lab.ending("end"));
    assert!(lab.log().is_empty());
    lab.run(2);
    assert_eq!(lab.log(), ["begun with 1", "end: ok"]);
}

#[test]
fn a_step_comes_round_until_it_breaks_in_constant_memory() {
    let mut lab = Lab::new();
    let (h, rounds) = (lab.handle.clone(), Rc::new(Cell::new(0)));
    let count = rounds.clone();
    let first = after(&lab.handle, 0, Ok(100_000));
    Sequence::new(&lab.handle, first)
        .repeat(move |left: u64, done: Done<ControlFlow<String, u64>>| {
            count.set(count.get() + 1);
            sleep(&h, Duration::ZERO, move |slept| {
                done(slept.map(|()| match left.checked_sub(1) {
                    Some(left) => ControlFlow::Continue(left),
                    None => ControlFlow::Break("over".to_owned()),
                }));
            })
        })
        .start({
            let log = lab.log.clone();
            move |end| log.add(end.unwrap())
        });
    while rounds.get() < 100_001 {
        lab.event_loop.run_once().unwrap();
    }
    lab.run(1);
    assert_eq!(lab.log(), ["over"]);
    lab.assert_idle();
}

#[test]
fn a_step_that_would_come_round_is_cancelled_between_two_rounds() {
    let mut lab = Lab::new();
    let (h, whole) = (lab.handle.clone(), Rc::new(Cell::new(None::<Operation>)));
    let cancels = whole.clone();
    let first = after(&lab.handle, 1, Ok(1));
    let sequence = Sequence::new(&lab.handle, first).repeat(
        move |n: u64, done: Done<ControlFlow<u64, u64>>| {
            let cancels = cancels.clone();
            sleep(&h, Duration::from_millis(1), move |_| {
                assert!(cancels.take().expect("one round alone").cancel());
                done(Ok(ControlFlow::Continue(n)));
            })
        },
    );
    let log = lab.log.clone();
    whole.set(Some(sequence.start(move |end: io::Result<u64>| {
        log.add(format!("{}", is_cancelled(&end.unwrap_err())));
    })));
    lab.run(9);
    assert_eq!(lab.log(), ["true"]);
    lab.assert_idle();
}

/// Nothing is held weakly by accident: a program keeps neither the handle nor the state of the steps.
#[test]
fn what_is_pending_holds_the_steps_and_their_end_lets_them_go() {
    let mut lab = Lab::new();
    let (h, kept) = (lab.handle.clone(), Rc::new(RefCell::new(0)));
    let (one, two) = (kept.clone(), kept.clone());
    let first = after(&h, 1, Ok(1));
    drop(
        Sequence::new(&h, first)
            .then(move |n: u64, done| {
                *one.borrow_mut() += n;
                after(&h, 1, Ok(2))(done)
            })
            .start(move |end| *two.borrow_mut() += end.unwrap()),
    );
    assert_eq!(Rc::strong_count(&kept), 3);
    lab.run(4);
    assert_eq!((*kept.borrow(), Rc::strong_count(&kept)), (3, 1));
}

#[test]
fn a_timeout_ends_the_step_that_is_under_way() {
    let mut lab = Lab::new();
    let sequence = three(&lab);
    let whole = |done: Done<u64>| sequence.start(done);
    timeout(&lab.handle, Duration::from_millis(2), whole, lab.ending("end"));
    lab.run(9);
    let log = lab.log();
    assert_eq!(log[0], "begun with 1");
    assert!(log.len() == 2 && log[1].contains("TimedOut"), "{log:?}");
    lab.assert_idle();
}

#[test]
fn a_loop_that_closes_ends_the_steps_as_cancelled() {
    let mut lab = Lab::new();
    let log = lab.log.clone();
    three(&lab).start(move |end| log.add(format!("{}", is_cancelled(&end.unwrap_err()))));
    lab.run(2);
    lab.log();
    lab.event_loop.close();
    assert_eq!(lab.log(), ["true"]);
}

#[test]
fn a_sequence_that_is_dropped_drops_its_steps_and_begins_none() {
    let lab = Lab::new();
    let kept = Rc::new(());
    let held = kept.clone();
    let never: Start<u64, io::Error> = Box::new(move |_done| {
        drop(held);
        unreachable!("it is not started")
    });
    drop(Sequence::new(&lab.handle, never));
    assert_eq!(Rc::strong_count(&kept), 1);
}
