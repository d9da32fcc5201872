//! Sequences that end otherwise than by the end of their steps.

use std::cell::{Cell, RefCell};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::combine::Sequence;
use api_callbacks::{Composed, Operation, sleep};
use loop_core::{LoopHandle, is_cancelled, is_panicked};

use super::Done;
use crate::combine::after;
use crate::lab::{Bomb, Lab};

#[test]
fn a_panic_in_a_step_ends_the_whole_and_is_reported_once() {
    for panics_at in [0, 1, 2] {
        let mut lab = Lab::new();
        let (h, bomb, log) = (lab.handle.clone(), Bomb, lab.log.clone());
        let parts = h.clone();
        let step = move |at: u32| {
            let h = parts.clone();
            move |done: Done<u64>| {
                assert!(at != panics_at, "the step on purpose");
                after(&h, 1, Ok(1))(done)
            }
        };
        let (first, second, third) = (step(0), step(1), step(2));
        let sequence = Sequence::new(&h, first)
            .then(move |_, done| second(done))
            .then(move |_, done| third(done))
            .then(move |_: u64, _: Done<u64>| {
                drop(bomb);
                unreachable!("a step has panicked")
            });
        let start = || {
            sequence.start(move |end: io::Result<u64>| {
                assert!(is_panicked(&end.unwrap_err()));
                log.add("panicked");
            })
        };
        let unwound = catch_unwind(AssertUnwindSafe(start)).is_err();
        assert_eq!(unwound, panics_at == 0);
        lab.run(9);
        assert_eq!(lab.log().len(), usize::from(!unwound));
        let mut reports = lab.reports();
        reports.retain(|report| !report.contains("a destructor on purpose"));
        let expected = ["a step of a sequence panicked: the step on purpose"];
        assert_eq!(reports, expected[usize::from(unwound)..]);
        lab.assert_idle();
    }
}

#[test]
fn a_callback_that_panics_in_a_step_ends_the_whole_with_panicked() {
    let mut lab = Lab::new();
    let (h, log) = (lab.handle.clone(), lab.log.clone());
    Sequence::new(&lab.handle, after(&lab.handle, 1, Ok(1)))
        .then(move |_: u64, done: Done<u64>| {
            sleep(&h, Duration::ZERO, move |_| {
                let _kept = done;
                panic!("the callback on purpose")
            })
        })
        .start(move |end| log.add(format!("{}", is_panicked(&end.unwrap_err()))));
    lab.run(4);
    assert_eq!(lab.log(), ["true"]);
    assert_eq!(lab.reports().len(), 1);
    lab.assert_idle();
}

#[test]
fn a_step_that_drops_its_completion_gives_the_whole_up() {
    let mut lab = Lab::new();
    let h = lab.handle.clone();
    Sequence::new(&lab.handle, after(&lab.handle, 1, Ok(1)))
        .then(move |_: u64, done: Done<u64>| {
            drop(done);
            sleep(&h, Duration::ZERO, |_| ())
        })
        .then(|_, _: Done<u64>| unreachable!("the step before never ends"))
        .start(lab.ending("end"));
    lab.run(4);
    assert!(lab.log().is_empty());
    assert_eq!(lab.reports(), ["a callback was dropped uncalled"]);
    lab.assert_idle();
}

#[test]
fn a_step_may_cancel_the_whole_that_begins_it() {
    let mut lab = Lab::new();
    let (h, whole) = (lab.handle.clone(), Rc::new(Cell::new(None::<Operation>)));
    let (cancels, log) = (whole.clone(), lab.log.clone());
    let sequence = Sequence::new(&lab.handle, after(&lab.handle, 1, Ok(1)))
        .then(move |_: u64, done: Done<u64>| {
            assert!(cancels.take().unwrap().cancel());
            after(&h, 50, Ok(1))(done)
        })
        .then(|_, _: Done<u64>| unreachable!("it is cancelled"));
    whole.set(Some(sequence.start(move |end| {
        log.add(format!("{}", is_cancelled(&end.unwrap_err())));
    })));
    lab.run(3);
    assert_eq!(lab.log(), ["true"]);
    lab.assert_idle();
}

/// The step has begun nothing yet that could be cancelled.
#[test]
fn a_step_that_cancels_the_whole_and_ends_well_at_once_is_the_last() {
    let mut lab = Lab::new();
    let whole = Rc::new(Cell::new(None::<Operation>));
    let (cancels, log) = (whole.clone(), lab.log.clone());
    let sequence = Sequence::new(&lab.handle, after(&lab.handle, 1, Ok(1)))
        .then(move |_: u64, done: Done<u64>| {
            assert!(cancels.take().unwrap().cancel());
            done(Ok(1));
            Operation::composed(&Rc::new(crate::lab::Nothing))
        })
        .then(|_, _: Done<u64>| unreachable!("it is cancelled"));
    whole.set(Some(sequence.start(move |end| {
        log.add(format!("{}", is_cancelled(&end.unwrap_err())));
    })));
    lab.run(3);
    assert_eq!((lab.log(), lab.reports().len()), (vec!["true".to_owned()], 0));
    lab.assert_idle();
}

/// An operation of the program's own that says it was pending, and ends well all the same.
#[test]
fn a_last_step_that_ends_well_although_it_was_cancelled_is_heard() {
    struct Obstinate(Cell<Option<Done<u64>>>, LoopHandle);
    impl Composed for Obstinate {
        fn cancel(self: Rc<Self>) -> bool {
            let done = self.0.take().expect("it is cancelled once");
            self.1.call_soon(move || done(Ok(1)));
            true
        }
    }
    let mut lab = Lab::new();
    let kept = Rc::new(RefCell::new(None));
    let (h, keeps) = (lab.handle.clone(), kept.clone());
    let step = move |done: Done<u64>| {
        let step = Rc::new(Obstinate(Cell::new(Some(done)), h));
        let operation = Operation::composed(&step);
        keeps.replace(Some(step));
        operation
    };
    let whole = Sequence::new(&lab.handle, step).start(lab.ending("end"));
    assert!(whole.cancel());
    lab.run(2);
    assert_eq!(lab.log(), ["end: ok"]);
    drop(kept);
}
