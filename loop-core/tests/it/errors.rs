//! Failing callbacks, handlers and loops.

use std::cell::Cell;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Wake;

use loop_core::{
    Abort, AggregateError, Cancelled, Context, Direction, Elapsed, LoopTime, Source, TurnRule,
    is_cancelled,
};

use crate::lab::{Lab, Note, OnDrop, connection, panicking_waker, readable};

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
    let (reader, _peer) = readable(1);
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

#[test]
fn a_handler_that_is_replaced_may_report_while_it_is_dropped() {
    let lab = Lab::new(TurnRule::Snapshot);
    let (handle, trace) = (lab.handle.clone(), lab.trace.clone());
    let guard = OnDrop(move || handle.report(&Context::new("dropped")));
    lab.handle.set_exception_handler(move |handle, _| {
        guard.touch();
        let next = trace.clone();
        handle.set_exception_handler(move |_, context| next.add(&context.message));
    });
    lab.handle.report(&Context::new("replaces itself"));
    assert_eq!(lab.trace.take(), ["dropped"]);
}

#[test]
fn a_panicking_waker_leaves_the_rest_of_its_batch() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let connections = [connection(&lab), connection(&lab)];
    connections[0].0.park_task(Direction::Read, &panicking_waker(), || None);
    connections[1].0.park_job(Direction::Read, Rc::new(Note(lab.trace.clone())), 7);
    for (source, mut peer) in connections.iter().map(|(source, peer)| (source, peer)) {
        peer.write_all(b"x").unwrap();
        // Both have arrived before the loop looks.
        while source.io().peek(&mut [0]).is_err() {}
    }
    lab.event_loop.run_once().unwrap();
    let reported = "reported: a callback panicked: a waker on purpose";
    assert_eq!(lab.trace.take(), [reported, "7"]);
}

#[test]
fn a_panicking_waker_does_not_take_along_what_waits_for_the_other_direction() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (ours, mut theirs) = mio::net::UnixStream::pair().unwrap();
    let source = Source::unready(&lab.handle, ours).unwrap();
    source.park_task(Direction::Read, &panicking_waker(), || None);
    source.park_job(Direction::Write, Rc::new(Note(lab.trace.clone())), 7);
    // One event reports both.
    theirs.write_all(b"x").unwrap();
    lab.turn();
    lab.turn();
    let reported = "reported: a callback panicked: a waker on purpose";
    assert_eq!(lab.trace.take(), [reported, "7", "|", "|"]);
}

#[test]
fn an_exception_handler_that_aborts_loses_nothing_of_the_batch() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.handle.set_exception_handler(|_, _| resume_unwind(Box::new(Abort)));
    let connections = [connection(&lab), connection(&lab)];
    connections[0].0.park_task(Direction::Read, &panicking_waker(), || None);
    connections[1].0.park_job(Direction::Read, Rc::new(Note(lab.trace.clone())), 7);
    for (source, mut peer) in connections.iter().map(|(source, peer)| (source, peer)) {
        peer.write_all(b"x").unwrap();
        while source.io().peek(&mut [0]).is_err() {}
    }
    let left = catch_unwind(AssertUnwindSafe(|| lab.event_loop.run_once()));
    assert!(left.unwrap_err().is::<Abort>());
    lab.turn();
    assert_eq!(lab.trace.take(), ["7", "|"]);
}

#[test]
fn an_aborting_waker_loses_nothing_of_its_batch() {
    struct Aborts;
    impl Wake for Aborts {
        fn wake(self: Arc<Self>) {
            resume_unwind(Box::new(Abort));
        }
    }
    let mut lab = Lab::new(TurnRule::Snapshot);
    let connections = [connection(&lab), connection(&lab)];
    connections[0].0.park_task(Direction::Read, &Arc::new(Aborts).into(), || None);
    connections[1].0.park_job(Direction::Read, Rc::new(Note(lab.trace.clone())), 7);
    for (source, mut peer) in connections.iter().map(|(source, peer)| (source, peer)) {
        peer.write_all(b"x").unwrap();
        while source.io().peek(&mut [0]).is_err() {}
    }
    let left = catch_unwind(AssertUnwindSafe(|| lab.event_loop.run_once()));
    assert!(left.unwrap_err().is::<Abort>());
    assert!(lab.trace.take().is_empty(), "it left before the rest ran");
    lab.turn();
    assert_eq!(lab.trace.take(), ["7", "|"]);
}

#[test]
fn a_panicking_waker_is_reported_with_the_place_of_its_timer() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let trace = lab.trace.clone();
    lab.handle.set_exception_handler(move |_, context| {
        trace.add(context.scheduled_at.unwrap().line());
    });
    lab.soon("before");
    let line = line!() + 1;
    lab.handle.wake_at(LoopTime::ORIGIN, panicking_waker());
    lab.turn();
    assert_eq!(lab.trace.take(), ["before", &line.to_string(), "|"]);
    assert_eq!(lab.handle.counts().calls, 2);
}

#[test]
fn a_watcher_that_aborts_the_run_is_called_in_the_next() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (reader, _peer) = readable(1);
    let (trace, aborts) = (lab.trace.clone(), Cell::new(true));
    let callback = move || {
        trace.add("called");
        if aborts.replace(false) {
            resume_unwind(Box::new(Abort));
        }
    };
    lab.handle.add_reader(&reader, callback).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| lab.event_loop.run_once())).is_err());
    lab.turn();
    assert_eq!(lab.trace.take(), ["called", "called", "|"]);
}

#[test]
fn a_report_says_what_failed_where_it_was_scheduled_and_whose_work_it_was() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let trace = lab.trace.clone();
    lab.handle.set_exception_handler(move |_, context| {
        trace.add(format!("{} {}", context.by.unwrap(), context.scheduled_at.unwrap().line()));
        assert!(context.to_string().contains("a callback panicked: on purpose"), "{context}");
        assert!(context.to_string().contains("errors.rs"), "{context}");
    });
    let fail = || panic!("on purpose");
    let (both, _peer) = readable(1);
    let line = line!();
    lab.handle.call_soon(fail);
    lab.handle.call_at(LoopTime::ORIGIN, fail);
    lab.handle.add_reader(&both, fail).unwrap();
    lab.handle.add_writer(&both, fail).unwrap();
    lab.turn();
    let expected = [
        format!("a callback {}", line + 1),
        format!("a reader {}", line + 3),
        format!("a writer {}", line + 4),
        format!("a timer {}", line + 2),
        "|".to_owned(),
    ];
    assert_eq!(lab.trace.take(), expected);
}

#[test]
fn a_job_that_fails_is_not_blamed_on_the_callback_before_it() {
    struct Fails;
    impl loop_core::Job for Fails {
        fn run(self: Rc<Self>, _part: u64) {
            panic!("on purpose");
        }
    }
    let mut lab = Lab::new(TurnRule::Snapshot);
    let trace = lab.trace.clone();
    lab.handle.set_exception_handler(move |_, context| {
        trace.add(format!("{} {:?}", context.by.unwrap(), context.scheduled_at));
    });
    lab.soon("before");
    lab.handle.queue(Rc::new(Fails), 0);
    lab.turn();
    assert_eq!(lab.trace.take(), ["before", "a job None", "|"]);
}

#[test]
fn an_abort_keeps_what_was_queued_ready_and_timed() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.handle.call_soon(|| resume_unwind(Box::new(Abort)));
    lab.soon("ready");
    lab.handle.call_at(LoopTime::ORIGIN, lab.trace.adder("due"));
    let left = catch_unwind(AssertUnwindSafe(|| lab.event_loop.run_forever()));
    assert!(left.unwrap_err().is::<Abort>());
    assert!(lab.trace.take().is_empty());
    lab.turn();
    assert_eq!(lab.trace.take(), ["ready", "due", "|"]);
}

#[test]
fn an_abort_of_the_exception_handler_leaves_the_run_too() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.handle.set_exception_handler(|_, _| resume_unwind(Box::new(Abort)));
    lab.handle.call_soon(|| panic!("on purpose"));
    lab.soon("rest");
    let left = catch_unwind(AssertUnwindSafe(|| lab.event_loop.run_once()));
    assert!(left.unwrap_err().is::<Abort>());
    lab.turn();
    assert_eq!(lab.trace.take(), ["rest", "|"]);
}

#[test]
fn the_default_handler_can_be_put_back() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.handle.reset_exception_handler();
    lab.handle.call_soon(|| panic!("printed to stderr on purpose"));
    lab.soon("alive");
    lab.turn();
    assert_eq!(lab.trace.take(), ["alive", "|"]);
}

/// A timeout around `any` needs no conversion of the program's own.
#[test]
fn what_befell_all_attempts_is_their_one_failure() {
    let elapsed = AggregateError::<io::Error>::from(Elapsed);
    assert_eq!(elapsed.errors.len(), 1);
    assert_eq!(elapsed.errors[0].kind(), io::ErrorKind::TimedOut);
    let cancelled = AggregateError::<io::Error>::from(Cancelled);
    assert!(is_cancelled(&cancelled.errors[0]));
    let refused = AggregateError::from(io::Error::from(io::ErrorKind::ConnectionRefused));
    assert_eq!(refused.to_string(), "none of 1 attempts succeeded; connection refused");
}
