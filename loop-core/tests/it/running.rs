//! Turns, runs, timers and what a loop says of itself.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use loop_core::{EventLoop, Handle, Job, LoopHandle, LoopTime, ManualClock, RunError, TurnRule};

use crate::lab::{Lab, Trace};

#[test]
fn stop_before_a_run_gives_one_turn_that_does_not_wait() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.turn();
    assert_eq!((lab.handle.counts().turns, lab.handle.counts().polls), (1, 1));
}

#[test]
fn order_is_first_in_first_out_under_both_rules() {
    for rule in [TurnRule::Snapshot, TurnRule::Bounded(3)] {
        let mut lab = Lab::new(rule);
        // Two chains that reschedule themselves never differ by more than one step.
        for chain in ["a", "b"] {
            reschedule(&lab.handle, &lab.trace, chain, 20);
        }
        while !lab.handle.snapshot().ready.is_empty() {
            lab.event_loop.run_once().unwrap();
        }
        assert_eq!(lab.trace.take().concat(), "ab".repeat(20), "{rule:?}");
    }
}

fn reschedule(handle: &LoopHandle, trace: &Trace, chain: &'static str, left: u32) {
    let (next, trace) = (handle.clone(), trace.clone());
    handle.call_soon(move || {
        trace.add(chain);
        if left > 1 {
            reschedule(&next, &trace, chain, left - 1);
        }
    });
}

#[test]
fn the_bounded_rule_polls_after_so_many_callbacks() {
    let mut lab = Lab::new(TurnRule::Bounded(10));
    reschedule(&lab.handle, &lab.trace, "x", 25);
    for ran in [10, 20, 25] {
        lab.event_loop.run_once().unwrap();
        assert_eq!(lab.handle.counts().calls, ran);
    }
    assert_eq!(lab.handle.counts().polls, 3);
}

#[test]
fn the_bounded_rule_runs_a_whole_snapshot() {
    let mut lab = Lab::new(TurnRule::Bounded(10));
    (0..50).for_each(|_| drop(lab.soon("x")));
    lab.event_loop.run_once().unwrap();
    assert_eq!(lab.handle.counts().calls, 50);
}

#[test]
fn a_result_is_delivered_one_turn_after_it_was_set() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    handle.set_turn_rule(TurnRule::Snapshot);
    let result = event_loop.run_until_complete(|completer| {
        handle.call_soon(move || completer.complete(7));
    });
    assert_eq!(result.unwrap(), 7);
    assert_eq!(handle.counts().turns, 2);
}

#[test]
fn a_run_that_is_stopped_early_is_an_error() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let mut kept = None;
    let result = event_loop.run_until_complete::<()>(|completer| {
        kept = Some(completer);
        handle.stop();
    });
    assert!(matches!(result, Err(RunError::Stopped)));
}

#[test]
fn a_run_whose_completer_is_dropped_is_an_error() {
    let mut event_loop = EventLoop::new().unwrap();
    let result = event_loop.run_until_complete::<()>(drop);
    assert!(matches!(result, Err(RunError::Abandoned)));
}

#[test]
fn run_ready_needs_no_poll() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.soon("a");
    assert_eq!(lab.event_loop.run_ready(), 1);
    assert_eq!(lab.handle.counts().polls, 0);
}

#[test]
fn a_timer_runs_when_its_deadline_has_come_and_not_before() {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let (handle, trace) = (event_loop.handle(), Trace::default());
    handle.call_later(Duration::from_millis(10), trace.adder("timer"));
    clock.advance(Duration::from_millis(9));
    event_loop.run_once().unwrap();
    assert!(trace.take().is_empty());
    clock.advance(Duration::from_millis(1));
    event_loop.run_once().unwrap();
    assert_eq!(trace.take(), ["timer"]);
}

#[test]
fn a_timer_on_the_systems_clock_ends_the_poll() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let stopped = handle.clone();
    handle.call_later(Duration::from_millis(3), move || stopped.stop());
    event_loop.run_forever().unwrap();
    assert!(handle.time().since_origin() >= Duration::from_millis(3));
    assert!(handle.counts().polls <= 3, "{:?}", handle.counts());
}

#[test]
fn a_timer_can_be_cancelled_before_and_after_its_deadline() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let past = lab.handle.call_at(LoopTime::ORIGIN, lab.trace.adder("past"));
    let future = lab.handle.call_later(Duration::from_secs(1), lab.trace.adder("future"));
    assert!(future.cancel() && future.cancelled());
    // The timer is due and queued when the callback before it cancels it.
    let trace = lab.trace.clone();
    lab.handle.call_soon(move || trace.add(past.cancel()));
    lab.turn();
    assert_eq!(lab.trace.take(), ["true", "|"]);
}

#[test]
fn a_deadline_beyond_all_times_is_no_error() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let never = lab.handle.call_later(Duration::MAX, || unreachable!());
    lab.turn();
    assert!(never.cancel());
}

#[test]
fn two_loops_on_one_thread_do_not_mix() {
    let (mut one, mut two) = (Lab::new(TurnRule::Snapshot), Lab::new(TurnRule::Snapshot));
    let (remote_one, trace_one) = (one.handle.remote(), std::sync::mpsc::channel());
    let sender = trace_one.0;
    remote_one.call_soon_threadsafe(move |handle| sender.send(handle.id()).unwrap()).unwrap();
    two.soon("two");
    two.turn();
    assert!(trace_one.1.try_recv().is_err());
    one.turn();
    assert_eq!(trace_one.1.try_recv().unwrap(), one.handle.id());
    assert_eq!(two.trace.take(), ["two", "|"]);
}

#[test]
fn a_snapshot_names_what_is_ready_parked_and_timed() {
    let lab = Lab::new(TurnRule::Snapshot);
    let (reader, _peer) = crate::lab::readable(0);
    lab.soon("a");
    lab.handle.call_later(Duration::from_secs(2), || ());
    lab.handle.call_later(Duration::from_secs(1), || ());
    lab.handle.add_reader(&reader, || ()).unwrap();
    let snapshot = lab.handle.snapshot();
    assert_eq!(snapshot.ready.len(), 1);
    assert_eq!(snapshot.parked.len(), 1);
    assert!(snapshot.timed[0].deadline < snapshot.timed[1].deadline);
    assert!(snapshot.to_string().contains("running.rs"), "{snapshot}");
}

#[test]
fn a_late_completer_does_not_stop_the_next_run() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    handle.set_turn_rule(TurnRule::Snapshot);
    let mut late = None;
    let first = event_loop.run_until_complete::<()>(|completer| {
        late = Some(completer);
        handle.stop();
    });
    assert!(matches!(first, Err(RunError::Stopped)));
    late.take().unwrap().complete(());
    let second = event_loop.run_until_complete(|completer| {
        let next = handle.clone();
        handle.call_soon(move || drop(next.call_soon(|| completer.complete(2))));
    });
    assert_eq!(second.unwrap(), 2);
}

#[test]
fn a_timer_does_not_run_in_the_place_of_a_cancelled_one() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let place = Rc::new(Cell::new(None::<Handle>));
    let (handle, trace, other) = (lab.handle.clone(), lab.trace.clone(), place.clone());
    lab.handle.call_at(LoopTime::ORIGIN + Duration::from_secs(1), move || {
        assert!(other.take().unwrap().cancel());
        handle.call_at(LoopTime::ORIGIN + Duration::from_secs(2), trace.adder("new"));
    });
    place.set(Some(
        lab.handle.call_at(LoopTime::ORIGIN + Duration::from_secs(2), lab.trace.adder("old")),
    ));
    lab.turn();
    lab.turn();
    assert_eq!(lab.trace.take(), ["|", "new", "|"]);
}

#[test]
fn a_job_may_use_the_loop_when_it_is_asked_what_it_is() {
    struct Schedules(LoopHandle);
    impl Job for Schedules {
        fn run(self: Rc<Self>, _part: u64) {}

        fn kind(&self) -> &'static str {
            self.0.call_soon(|| ());
            "job that schedules"
        }
    }
    let lab = Lab::new(TurnRule::Snapshot);
    lab.handle.queue(Rc::new(Schedules(lab.handle.clone())), 0);
    assert!(lab.handle.snapshot().to_string().contains("job that schedules"));
    assert_eq!(lab.handle.snapshot().ready.len(), 2);
}

#[test]
fn the_default_rule_runs_256_callbacks_a_turn() {
    let mut lab = Lab::new(TurnRule::default());
    reschedule(&lab.handle, &lab.trace, "x", 300);
    lab.event_loop.run_once().unwrap();
    assert_eq!(lab.handle.counts().calls, 256);
}

#[test]
fn an_owner_of_single_turns_sees_that_the_loop_is_to_stop() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    assert!(!lab.handle.is_stopping());
    let stopped = lab.handle.clone();
    lab.handle.call_soon(move || stopped.stop());
    lab.event_loop.run_once().unwrap();
    assert!(lab.handle.is_stopping());
    lab.event_loop.run_once().unwrap();
    assert!(lab.handle.is_stopping(), "a single turn leaves the flag");
    lab.event_loop.run_forever().unwrap();
    assert!(!lab.handle.is_stopping(), "a run takes it back at its end");
}
