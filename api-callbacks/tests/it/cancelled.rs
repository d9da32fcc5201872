//! Wholes that are cancelled, and wholes whose loop is closed.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::combine::{Completion, Start, all, any, each, map_limit, race, timeout};
use api_callbacks::{Composed, Operation, sleep};
use loop_core::{LoopHandle, is_cancelled};

use crate::combine::after;
use crate::lab::{Bomb, Lab, Log, WHOLES};

type Logged = fn(&LoopHandle, [Start<u64, io::Error>; 2], Log) -> Operation;

/// A sleep that logs its end, and says that it was cancelled.
fn logged(lab: &Lab, name: &'static str, millis: u64) -> Start<u64, io::Error> {
    let (h, log) = (lab.handle.clone(), lab.log.clone());
    Box::new(move |done| {
        sleep(&h, Duration::from_millis(millis), move |slept| {
            log.add(name);
            done(slept.map(|()| millis));
        })
    })
}

#[test]
fn a_cancelled_whole_calls_back_behind_all_its_parts_and_theirs() {
    let wholes: [Logged; 4] = [
        |h, parts, log| all(h, parts, move |end| log.add(format!("whole {}", end.is_err()))),
        |h, parts, log| race(h, parts, move |end| log.add(format!("whole {}", end.is_err()))),
        |h, parts, log| any(h, parts, move |end| log.add(format!("whole {}", end.is_err()))),
        |h, parts, log| {
            let begin = |part: Start<u64, io::Error>, done| part(done);
            map_limit(h, parts, 2, begin, move |end| log.add(format!("whole {}", end.is_err())))
        },
    ];
    for whole in wholes {
        let mut lab = Lab::new();
        let (h, log, of_inner) = (lab.handle.clone(), lab.log.clone(), lab.log.clone());
        let parts = [logged(&lab, "b", 20), logged(&lab, "c", 30)];
        let inner_handle = h.clone();
        let inner: Start<u64, io::Error> = Box::new(move |done| {
            race(&inner_handle, parts, move |end| {
                of_inner.add("inner");
                done(end);
            })
        });
        let operation = whole(&h, [logged(&lab, "a", 10), inner], log);
        assert!(operation.cancel() && !operation.cancel());
        lab.run(2);
        assert_eq!(lab.log(), ["a", "b", "c", "inner", "whole true"]);
        lab.assert_idle();
    }
}

#[test]
fn the_winner_of_a_race_of_wholes_is_heard_behind_all_that_lost() {
    let mut lab = Lab::new();
    let (h, log) = (lab.handle.clone(), lab.log.clone());
    let (parts, inner_handle, of_inner) =
        ([logged(&lab, "b", 20), logged(&lab, "c", 30)], h.clone(), lab.log.clone());
    let inner: Start<u64, io::Error> = Box::new(move |done| {
        race(&inner_handle, parts, move |end: io::Result<u64>| {
            of_inner.add(format!("inner {}", is_cancelled(end.as_ref().unwrap_err())));
            done(end);
        })
    });
    race(&h, [logged(&lab, "a", 1), inner], move |end| log.add(format!("whole {}", end.unwrap())));
    lab.run(4);
    assert_eq!(lab.log(), ["a", "b", "c", "inner true", "whole 1"]);
    lab.assert_idle();
}

#[test]
fn a_cancel_that_panics_leaves_the_others_cancelled_and_is_reported() {
    struct Panics(#[expect(dead_code)] Completion<u64, io::Error>);
    impl Composed for Panics {
        fn cancel(self: Rc<Self>) -> bool {
            panic!("a cancel on purpose");
        }
    }
    let mut lab = Lab::new();
    let h = lab.handle.clone();
    let (kept, keep) = (Rc::new(RefCell::new(None)), Rc::new(RefCell::new(None)));
    let keeping: Rc<RefCell<Option<Rc<Panics>>>> = kept.clone();
    let composed: Start<u64, io::Error> = Box::new(move |done| {
        let panics = Rc::new(Panics(done));
        keeping.replace(Some(panics.clone()));
        Operation::composed(&panics)
    });
    keep.replace(Some(all(&h, [composed, after(&h, 50, Ok(1))], lab.ending("all"))));
    assert!(keep.take().unwrap().cancel());
    assert!(h.snapshot().timed.is_empty(), "the other part is cancelled");
    lab.run(2);
    assert!(lab.log()[0].contains("Cancelled"));
    assert_eq!(lab.reports(), ["a cancel panicked: a cancel on purpose"]);
    kept.take();
    lab.assert_idle();
}

#[test]
fn a_map_that_is_cancelled_by_its_own_function_begins_nothing_more() {
    let mut lab = Lab::new();
    let (h, whole, calls) =
        (lab.handle.clone(), Rc::new(RefCell::new(None)), Rc::new(Cell::new(0)));
    let (own, count, parts): (Rc<RefCell<Option<Operation>>>, _, _) =
        (whole.clone(), calls.clone(), h.clone());
    let f = move |item: u64, done: Completion<u64, io::Error>| {
        count.set(count.get() + 1);
        if item == 1 {
            assert!(own.take().is_some_and(|whole| whole.cancel()));
        }
        after(&parts, 1, Ok(item))(done)
    };
    whole.replace(Some(each(&h, 0..9, f, lab.ending("each"))));
    lab.run(9);
    assert!(lab.log()[0].contains("Cancelled"));
    assert_eq!(calls.get(), 2);
    lab.assert_idle();
}

#[test]
fn what_never_settles_is_dropped_when_the_loop_is_closed() {
    let mut lab = Lab::new();
    let h = lab.handle.clone();
    let captured = Rc::new(());
    for (_, whole) in WHOLES {
        let held = captured.clone();
        let inner = h.clone();
        let never: Start<u64, io::Error> = Box::new(move |done| {
            let held = held;
            timeout(&inner, Duration::MAX, race_of_nothing(inner.clone()), move |end| {
                drop(held);
                done(end);
            })
        });
        let held = captured.clone();
        let log = lab.log.clone();
        let part = after(&h, 600_000, Ok(1));
        let parts: [Start<u64, io::Error>; 2] = [
            Box::new(move |done| {
                let held = held;
                part(Box::new(move |end| {
                    drop(held);
                    done(end);
                }))
            }),
            never,
        ];
        whole(&h, parts, log, Bomb);
    }
    lab.event_loop.close();
    assert_eq!(Rc::strong_count(&captured), 1);
    assert_eq!(lab.log().len(), WHOLES.len(), "each callback is called as cancelled");
}

fn race_of_nothing(h: LoopHandle) -> Start<u64, io::Error> {
    Box::new(move |done| race(&h, Vec::<Start<u64, io::Error>>::new(), done))
}
