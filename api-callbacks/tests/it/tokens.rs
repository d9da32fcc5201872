//! What was begun under a token ends with it.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::combine::{Completion, Sequence, Start};
use api_callbacks::{CancellationToken, Composed, Operation, sleep};
use loop_core::{LoopHandle, is_cancelled};

use crate::combine::after;
use crate::lab::Lab;

type Done = Completion<u64, io::Error>;

fn hour(handle: &LoopHandle) -> Start<u64, io::Error> {
    after(handle, 3_600_000, Ok(1))
}

/// A callback that logs whether its operation was cancelled.
fn ending(lab: &Lab, name: &'static str) -> impl FnOnce(io::Result<u64>) + use<> {
    let log = lab.log.clone();
    move |end| match end {
        Ok(_) => log.add(format!("{name}: ok")),
        Err(error) => log.add(format!("{name}: cancelled {}", is_cancelled(&error))),
    }
}

#[test]
fn what_was_begun_under_it_ends_with_it_in_order_once_and_from_the_queue() {
    let mut lab = Lab::new();
    let (h, token) = (lab.handle.clone(), CancellationToken::new());
    for name in ["a", "b", "c"] {
        token.guard(&h, hour(&h), ending(&lab, name));
    }
    assert!(!token.is_cancelled());
    let clone = token.clone();
    clone.cancel();
    assert!(token.is_cancelled() && lab.log().is_empty());
    assert!(h.snapshot().timed.is_empty());
    token.cancel();
    lab.run(1);
    assert_eq!(lab.log(), ["a: cancelled true", "b: cancelled true", "c: cancelled true"]);
    lab.assert_idle();
}

#[test]
fn under_a_token_that_was_cancelled_nothing_begins() {
    let mut lab = Lab::new();
    let token = CancellationToken::new();
    token.cancel();
    let never = |_done: Done| unreachable!("it does not begin");
    let operation = token.guard(&lab.handle, never, ending(&lab, "a"));
    assert!(lab.log().is_empty() && !operation.cancel());
    lab.run(1);
    assert_eq!(lab.log(), ["a: cancelled true"]);
}

#[test]
fn what_ends_by_itself_or_by_its_handle_is_forgotten() {
    let mut lab = Lab::new();
    let (h, token) = (lab.handle.clone(), CancellationToken::new());
    token.guard(&h, after(&h, 1, Ok(1)), ending(&lab, "by itself"));
    assert!(token.guard(&h, hour(&h), ending(&lab, "by its handle")).cancel());
    lab.run(3);
    token.cancel();
    lab.run(1);
    assert_eq!(lab.log(), ["by its handle: cancelled true", "by itself: ok"]);
}

/// Counted by allocations, since a token shows nothing of what it keeps.
#[test]
fn a_token_keeps_nothing_of_what_has_ended() {
    let mut lab = Lab::new();
    let (h, token) = (lab.handle.clone(), CancellationToken::new());
    let rounds = |lab: &mut Lab| {
        for _ in 0..1_000 {
            token.guard(
                &h,
                |done| sleep(&h, Duration::ZERO, move |_| done(Ok::<_, io::Error>(1))),
                |_| (),
            );
            // One that is never to end, since its completion is dropped.
            token.guard(&h, |_: Done| sleep(&h, Duration::ZERO, |_| ()), |_| ());
            lab.run(1);
        }
        lab.reports();
    };
    rounds(&mut lab);
    let measured = allocation_counter::measure(|| rounds(&mut lab));
    assert!(measured.bytes_current < 4_096, "{} bytes are kept", measured.bytes_current);
}

#[test]
fn whatever_is_an_operation_can_be_under_a_token_and_tokens_nest() {
    let mut lab = Lab::new();
    let (h, token, inner) =
        (lab.handle.clone(), CancellationToken::new(), CancellationToken::new());
    let (first, second) = (after(&h, 1, Ok(1)), hour(&h));
    let steps = Sequence::new(&h, first).then(move |_: u64, done| second(done));
    let within = |done: Done| inner.guard(&h, |done: Done| steps.start(done), done);
    token.guard(&h, within, ending(&lab, "steps"));
    lab.run(3);
    assert!(lab.log().is_empty());
    token.cancel();
    lab.run(1);
    assert_eq!(lab.log(), ["steps: cancelled true"]);
    assert!(!inner.is_cancelled());
    lab.assert_idle();
}

#[test]
fn an_operation_that_cancels_its_token_before_it_returns_ends_with_it() {
    let mut lab = Lab::new();
    let (h, token) = (lab.handle.clone(), CancellationToken::new());
    let cancels = token.clone();
    let at_once = |done: Done| {
        cancels.cancel();
        hour(&h)(done)
    };
    token.guard(&h, at_once, ending(&lab, "a"));
    lab.run(1);
    assert_eq!(lab.log(), ["a: cancelled true"]);
    lab.assert_idle();
}

#[test]
fn a_callback_may_cancel_its_token() {
    let mut lab = Lab::new();
    let (h, token) = (lab.handle.clone(), CancellationToken::new());
    token.guard(&h, ending_after(&lab, &token), |_| ());
    token.guard(&h, hour(&h), ending(&lab, "b"));
    h.call_soon(move || token.cancel());
    lab.run(3);
    assert_eq!(lab.log(), ["a: true", "b: cancelled true"]);
    lab.assert_idle();
}

/// An operation whose callback cancels the token, which is cancelled already.
fn ending_after(lab: &Lab, token: &CancellationToken) -> impl FnOnce(Done) -> Operation + use<> {
    let (h, token, log) = (lab.handle.clone(), token.clone(), lab.log.clone());
    move |done| {
        sleep(&h, Duration::from_secs(1), move |slept| {
            token.cancel();
            log.add(format!("a: {}", slept.is_err()));
            done(slept.map(|()| 1));
        })
    }
}

#[test]
fn what_waits_for_a_token_is_called_once_also_when_the_token_has_gone_meanwhile() {
    let mut lab = Lab::new();
    let (h, token) = (lab.handle.clone(), CancellationToken::new());
    let told = lab.log.clone();
    let waits = |name: &'static str| {
        let log = told.clone();
        token.cancelled(&h, move |told| log.add(format!("{name}: {}", told.is_ok())))
    };
    let (_first, second) = (waits("a"), waits("b"));
    assert!(second.cancel() && !second.cancel());
    lab.run(2);
    assert_eq!(lab.log(), ["b: false"]);
    let clone = token.clone();
    h.call_soon(move || clone.cancel());
    lab.run(1);
    waits("c");
    assert_eq!(lab.log(), ["a: true"]);
    drop(token);
    lab.run(1);
    assert_eq!(lab.log(), ["c: true"]);
    lab.assert_idle();
}

#[test]
fn a_token_that_is_dropped_cancels_nothing() {
    let mut lab = Lab::new();
    let (h, token) = (lab.handle.clone(), CancellationToken::new());
    token.guard(&h, after(&h, 2, Ok(1)), ending(&lab, "a"));
    drop(token);
    lab.run(4);
    assert_eq!(lab.log(), ["a: ok"]);
}

#[test]
fn a_cancel_that_panics_is_reported_and_the_others_are_cancelled() {
    struct Panics(Cell<Option<Done>>);
    impl Composed for Panics {
        fn cancel(self: Rc<Self>) -> bool {
            panic!("the cancel on purpose");
        }
    }
    let mut lab = Lab::new();
    let (h, token) = (lab.handle.clone(), CancellationToken::new());
    let kept = Rc::new(Panics(Cell::new(None)));
    let panics = |done: Done| {
        kept.0.set(Some(done));
        Operation::composed(&kept)
    };
    token.guard(&h, panics, ending(&lab, "a"));
    token.guard(&h, hour(&h), ending(&lab, "b"));
    token.cancel();
    lab.run(1);
    assert_eq!(lab.log(), ["b: cancelled true"]);
    assert_eq!(lab.reports(), ["a cancel panicked: the cancel on purpose"]);
}

#[test]
fn a_loop_that_closes_ends_what_is_under_a_token() {
    let mut lab = Lab::new();
    let token = CancellationToken::new();
    token.guard(&lab.handle, hour(&lab.handle), ending(&lab, "a"));
    lab.event_loop.close();
    assert_eq!(lab.log(), ["a: cancelled true"]);
    token.guard(&lab.handle, hour(&lab.handle), |_| unreachable!("nothing begins"));
    token.cancel();
    assert!(lab.log().is_empty());
}
