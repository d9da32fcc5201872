//! The order of a turn and what stands beside it: stopping, runs, embedding.

use std::cell::{Cell, RefCell};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use loop_core::{EventLoop, Handle, LoopTime, RunError, TurnRule};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::lab::{Lab, Trace, readable};

#[test]
fn timers_that_come_due_after_the_poll_run_behind_what_the_kernel_reported() {
    for rule in [TurnRule::Snapshot, TurnRule::default()] {
        let mut lab = Lab::new(rule);
        let (reader, _peer) = readable(1);
        lab.handle.call_at(LoopTime::ORIGIN + Duration::from_secs(2), lab.trace.adder("timer 2"));
        lab.handle.call_at(LoopTime::ORIGIN + Duration::from_secs(1), lab.trace.adder("timer 1"));
        lab.handle.add_reader(&reader, lab.trace.adder("io")).unwrap();
        let remote = lab.handle.remote();
        let submit = move || remote.call_soon_threadsafe(|_| ()).map_err(drop).unwrap();
        std::thread::spawn(submit).join().unwrap();
        lab.soon("soon");
        lab.turn();
        assert_eq!(lab.trace.take(), ["soon", "io", "timer 1", "timer 2", "|"], "{rule:?}");
    }
}

#[test]
fn a_timer_that_a_callback_makes_due_waits_for_the_next_turn_under_both_rules() {
    for rule in [TurnRule::Snapshot, TurnRule::default()] {
        let mut lab = Lab::new(rule);
        let (handle, trace) = (lab.handle.clone(), lab.trace.clone());
        lab.handle.call_soon(move || {
            handle.call_at(LoopTime::ORIGIN, trace.adder("past"));
        });
        lab.turn();
        lab.turn();
        assert_eq!(lab.trace.take(), ["|", "past", "|"], "{rule:?}");
    }
}

#[test]
fn a_cancelled_callback_counts_towards_the_snapshot() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.soon("a").cancel();
    let (handle, trace) = (lab.handle.clone(), lab.trace.clone());
    lab.handle.call_soon(move || drop(handle.call_soon(trace.adder("next"))));
    lab.turn();
    assert_eq!(lab.trace.take(), ["|"]);
    lab.turn();
    assert_eq!(lab.trace.take(), ["next", "|"]);
}

#[test]
fn under_the_bounded_rule_io_waits_for_no_more_than_the_bound() {
    let mut lab = Lab::new(TurnRule::Bounded(8));
    let (reader, _peer) = readable(1);
    /// Schedules itself for ever.
    fn spin(handle: loop_core::LoopHandle) {
        let next = handle.clone();
        handle.call_soon(move || spin(next));
    }
    spin(lab.handle.clone());
    lab.event_loop.run_once().unwrap();
    let counts = lab.handle.clone();
    let (trace, descriptor) = (lab.trace.clone(), reader.clone());
    let before = lab.handle.counts().calls;
    let callback = move || {
        (&*descriptor).read_exact(&mut [0]).unwrap();
        trace.add(counts.counts().calls - before);
    };
    lab.handle.add_reader(&reader, callback).unwrap();
    lab.event_loop.run_once().unwrap();
    assert_eq!(lab.trace.take(), ["2"], "one spin was ready, then the reader");
}

#[test]
fn stop_lets_the_snapshot_finish_and_keeps_newer_callbacks_for_the_next_run() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let stopped = lab.handle.clone();
    let (handle, trace) = (lab.handle.clone(), lab.trace.clone());
    lab.handle.call_soon(move || stopped.stop());
    lab.handle.call_soon(move || drop(handle.call_soon(trace.adder("newer"))));
    lab.soon("of the snapshot");
    lab.event_loop.run_forever().unwrap();
    assert_eq!(lab.trace.take(), ["of the snapshot"]);
    assert_eq!(lab.handle.snapshot().ready.len(), 1);
    lab.turn();
    assert_eq!(lab.trace.take(), ["newer", "|"]);
}

#[test]
fn a_stop_ends_one_run_and_not_the_next() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.turn();
    let stopped = lab.handle.clone();
    lab.handle.call_at(LoopTime::ORIGIN, move || stopped.stop());
    let before = lab.handle.counts().turns;
    lab.handle.call_soon(|| ());
    lab.event_loop.run_forever().unwrap();
    assert!(lab.handle.counts().turns > before);
}

#[test]
fn a_run_inside_a_callback_of_the_same_loop_is_refused_and_the_loop_goes_on() {
    let event_loop = Rc::new(RefCell::new(EventLoop::new().unwrap()));
    let handle = event_loop.borrow().handle();
    let (inside, trace) = (event_loop.clone(), Trace::default());
    let reported = trace.clone();
    handle.set_exception_handler(move |_, context| reported.add(&context.message));
    // The owner is borrowed while it runs: safe code has no second way to it.
    handle.call_soon(move || inside.borrow_mut().run_once().unwrap());
    handle.call_soon(trace.adder("next"));
    event_loop.borrow_mut().run_once().unwrap();
    let trace = trace.take();
    assert!(trace[0].starts_with("a callback panicked: ") && trace[0].contains("borrow"));
    assert_eq!(trace[1..], ["next"]);
}

#[test]
fn another_loop_may_run_inside_a_callback() {
    let mut outer = Lab::new(TurnRule::Snapshot);
    let (trace, mut inner) = (outer.trace.clone(), Lab::new(TurnRule::Snapshot));
    outer.handle.call_soon(move || {
        inner.soon("inner");
        inner.turn();
        trace.add(inner.trace.take().concat());
    });
    outer.soon("outer");
    outer.turn();
    assert_eq!(outer.trace.take(), ["inner|", "outer", "|"]);
}

#[test]
fn a_run_that_an_abort_leaves_gives_no_result_and_its_completer_does_not_stop_the_next() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let handle = lab.handle.clone();
    let run = || {
        lab.event_loop.run_until_complete::<u32>(|completer| {
            handle.call_soon(move || {
                let _kept = completer;
                std::panic::resume_unwind(Box::new(loop_core::Abort));
            });
        })
    };
    assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
    let second = lab.event_loop.run_until_complete(|completer| {
        handle.call_soon(move || completer.complete(2));
    });
    assert_eq!(second.unwrap(), 2);
}

#[test]
fn a_closed_loop_has_no_result_to_give() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.event_loop.close();
    let result = lab.event_loop.run_until_complete::<()>(drop);
    assert!(matches!(result, Err(RunError::Poll(_))), "{result:?}");
}

#[test]
fn a_foreign_loop_is_told_when_the_queue_becomes_non_empty() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let told = Rc::new(Cell::new(0));
    let counted = told.clone();
    lab.handle.on_ready(move || counted.set(counted.get() + 1));
    lab.soon("a");
    lab.soon("b");
    assert_eq!(told.get(), 1, "the second did not find it empty");
    assert_eq!(lab.event_loop.run_ready(), 2);
    let (handle, trace) = (lab.handle.clone(), lab.trace.clone());
    lab.handle.call_soon(move || drop(handle.call_soon(trace.adder("left"))));
    lab.soon("c");
    let before = told.get();
    assert_eq!(lab.event_loop.run_ready(), 2);
    assert!(told.get() > before, "something is left");
    assert_eq!(lab.event_loop.run_ready(), 1);
    assert_eq!(lab.trace.take(), ["a", "b", "c", "left"]);
    assert_eq!(lab.handle.counts().polls, 0);
}

#[test]
fn a_hook_may_use_the_loop_and_replace_itself() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (handle, trace) = (lab.handle.clone(), lab.trace.clone());
    lab.handle.on_ready(move || {
        trace.add("first hook");
        handle.on_ready(trace.adder("second hook"));
        handle.call_soon(trace.adder("from the hook"));
    });
    lab.soon("a");
    lab.event_loop.run_ready();
    lab.soon("b");
    assert_eq!(lab.trace.take(), ["first hook", "a", "from the hook", "second hook"]);
}

#[test]
fn a_foreign_poll_sees_what_the_loops_poll_would_report() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let mut foreign = Poll::new().unwrap();
    let descriptor = lab.event_loop.as_raw_fd();
    let registry = foreign.registry();
    registry.register(&mut SourceFd(&descriptor), Token(0), Interest::READABLE).unwrap();
    let (reader, mut peer) = readable(0);
    lab.handle.add_reader(&reader, lab.trace.adder("io")).unwrap();
    let mut events = Events::with_capacity(8);
    foreign.poll(&mut events, Some(Duration::ZERO)).unwrap();
    assert!(events.is_empty());
    std::io::Write::write_all(&mut peer, b"x").unwrap();
    foreign.poll(&mut events, None).unwrap();
    assert!(!events.is_empty());
    lab.turn();
    assert_eq!(lab.trace.take(), ["io", "|"]);
}

#[test]
fn a_foreign_poll_sees_what_a_reader_has_left_unread() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let mut foreign = Poll::new().unwrap();
    let descriptor = lab.event_loop.as_raw_fd();
    let registry = foreign.registry();
    registry.register(&mut SourceFd(&descriptor), Token(0), Interest::READABLE).unwrap();
    let (reader, _peer) = readable(3);
    lab.handle.add_reader(&reader, lab.trace.adder("io")).unwrap();
    let mut events = Events::with_capacity(8);
    for _ in 0..3 {
        assert_eq!(lab.event_loop.prepare_to_wait(), None);
        foreign.poll(&mut events, Some(Duration::from_secs(10))).unwrap();
        assert!(!events.is_empty(), "the reader is called as long as there is something to read");
        lab.event_loop.run_once().unwrap();
    }
    assert_eq!(lab.trace.take(), ["io", "io", "io"]);
}

#[test]
fn a_submission_ends_the_wait_of_a_foreign_poll() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let mut foreign = Poll::new().unwrap();
    let descriptor = lab.event_loop.as_raw_fd();
    let registry = foreign.registry();
    registry.register(&mut SourceFd(&descriptor), Token(0), Interest::READABLE).unwrap();
    let mut events = Events::with_capacity(8);
    for _ in 0..3 {
        assert_eq!(lab.event_loop.prepare_to_wait(), None);
        assert_eq!(lab.event_loop.prepare_to_wait(), None, "asking twice changes nothing");
        let remote = lab.handle.remote();
        let submitted = thread::spawn(move || remote.call_soon_threadsafe(|handle| handle.stop()));
        submitted.join().unwrap().unwrap();
        foreign.poll(&mut events, Some(Duration::from_secs(10))).unwrap();
        assert!(!events.is_empty());
        lab.event_loop.run_forever().unwrap();
    }
    lab.handle.call_later(Duration::from_secs(7), || ());
    assert_eq!(lab.event_loop.prepare_to_wait(), Some(Duration::ZERO), "its clock stands");
}

#[test]
fn a_callback_that_cancels_its_successors_cancels_ready_and_timed_ones_alike() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let places: Rc<RefCell<Vec<Handle>>> = Rc::default();
    let (found, trace) = (places.clone(), lab.trace.clone());
    lab.handle.call_soon(move || {
        let outcomes: Vec<bool> = found.take().iter().map(Handle::cancel).collect();
        trace.add(format!("{outcomes:?}"));
    });
    let ready = lab.soon("ready");
    let due = lab.handle.call_at(LoopTime::ORIGIN, lab.trace.adder("due"));
    let ahead = lab.handle.call_later(Duration::from_secs(1), lab.trace.adder("ahead"));
    places.replace(vec![ready, due, ahead]);
    lab.turn();
    lab.turn();
    assert_eq!(lab.trace.take(), ["[true, true, true]", "|", "|"]);
}
