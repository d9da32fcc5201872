//! Failing callbacks, handlers and loops.

use std::cell::Cell;
use std::rc::Rc;

use loop_core::{Context, TurnRule};

use crate::lab::Lab;

#[test]
fn every_failed_callback_of_a_batch_is_reported() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    for name in ["one", "two"] {
        lab.handle.call_soon(move || panic!("{name}"));
        lab.soon("between");
    }
    lab.turn();
    let expected = ["a callback panicked: one", "a callback panicked: two"];
    let trace = lab.trace.take();
    assert_eq!(trace[0], format!("reported: {}", expected[0]));
    assert_eq!(trace[1..], ["between", &format!("reported: {}", expected[1]), "between", "|"]);
}

#[test]
fn a_failing_handler_falls_back_and_stays_in_its_place() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let calls = Rc::new(Cell::new(0));
    let counted = calls.clone();
    lab.handle.set_exception_handler(move |_, _| {
        counted.set(counted.get() + 1);
        panic!("the handler fails");
    });
    lab.handle.report(&Context::new("first"));
    lab.handle.report(&Context::new("second"));
    assert_eq!(calls.get(), 2);
    lab.soon("alive");
    lab.turn();
    assert_eq!(lab.trace.take(), ["alive", "|"]);
}

#[test]
fn a_panicking_watcher_is_called_again() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (reader, _peer) = crate::lab::readable(1);
    lab.handle.add_reader(&reader, || panic!("each time")).unwrap();
    lab.turn();
    lab.turn();
    let reported = "reported: a callback panicked: each time";
    assert_eq!(lab.trace.take(), [reported, "|", reported, "|"]);
}

#[test]
fn a_closed_loop_hands_the_callback_back() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.event_loop.close();
    let closed = lab.handle.try_call_soon(lab.trace.adder("run by hand")).unwrap_err();
    (closed.0)();
    assert_eq!(lab.trace.take(), ["run by hand"]);
}

#[test]
#[should_panic(expected = "the event loop is closed")]
fn call_soon_on_a_closed_loop_panics() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.event_loop.close();
    lab.soon("never");
}
