//! Timers by their counts: no scan, no wake-up, no debt.

use std::time::Duration;

use loop_core::{EventLoop, Handle, LoopTime, ManualClock, TurnRule};

use crate::lab::{Lab, Trace};

const COUNT: u64 = 10_000;

#[test]
fn timers_from_the_loops_own_thread_write_no_wake_up() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    for millis in 0..COUNT {
        lab.handle.call_later(Duration::from_millis(millis), || ()).cancel();
    }
    lab.handle.call_at(LoopTime::ORIGIN, lab.trace.adder("past"));
    lab.turn();
    let counts = lab.handle.counts();
    assert_eq!((counts.wake_writes, counts.registrations, counts.polls), (0, 0, 1));
    assert_eq!(lab.trace.take(), ["past", "|"]);
}

#[test]
fn a_cancelled_timer_costs_no_turn_and_no_hop() {
    let clock = ManualClock::new().autojump(Duration::ZERO);
    let mut event_loop = EventLoop::with_clock(clock).unwrap();
    let handle = event_loop.handle();
    let timers: Vec<Handle> = (1..COUNT)
        .map(|second| {
            handle.call_at(LoopTime::ORIGIN + Duration::from_secs(second), || unreachable!())
        })
        .collect();
    let stopped = handle.clone();
    handle.call_at(LoopTime::ORIGIN + Duration::from_secs(COUNT), move || stopped.stop());
    assert!(timers.iter().all(Handle::cancel));
    event_loop.run_forever().unwrap();
    let counts = handle.counts();
    assert_eq!((counts.turns, counts.hops), (1, 1), "{counts:?}");
    assert_eq!(handle.time().since_origin(), Duration::from_secs(COUNT));
}

#[test]
fn a_cancelled_timer_lets_go_of_its_callback_at_once() {
    let lab = Lab::new(TurnRule::Snapshot);
    let held = std::rc::Rc::new(());
    let kept = held.clone();
    let timer = lab.handle.call_later(Duration::MAX, move || drop(kept));
    assert_eq!(std::rc::Rc::strong_count(&held), 2);
    assert!(timer.cancel());
    assert_eq!(std::rc::Rc::strong_count(&held), 1);
    assert!(!timer.cancel(), "it is cancelled already");
}

#[test]
fn a_timer_that_has_run_cannot_be_cancelled() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let timer = lab.handle.call_at(LoopTime::ORIGIN, lab.trace.adder("ran"));
    lab.turn();
    assert!(!timer.cancel());
    assert!(!timer.cancelled());
    assert_eq!(lab.trace.take(), ["ran", "|"]);
}

#[test]
fn a_deadline_is_due_at_its_very_tick() {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let (handle, trace) = (event_loop.handle(), Trace::default());
    // The clock's resolution is a nanosecond: due is what lies less than that ahead.
    handle.call_at(LoopTime::ORIGIN + Duration::from_nanos(10), trace.adder("now"));
    handle.call_at(LoopTime::ORIGIN + Duration::from_nanos(11), trace.adder("a tick later"));
    clock.advance(Duration::from_nanos(10));
    event_loop.run_once().unwrap();
    assert_eq!(trace.take(), ["now"]);
    clock.advance(Duration::from_nanos(1));
    event_loop.run_once().unwrap();
    assert_eq!(trace.take(), ["a tick later"]);
}

#[test]
fn equal_deadlines_run_in_the_order_of_scheduling_whatever_is_cancelled_between() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let timers: Vec<Handle> = (0..500)
        .map(|number| {
            lab.handle.call_at(LoopTime::ORIGIN + Duration::from_secs(1), lab.trace.adder(number))
        })
        .collect();
    for (_, timer) in timers.iter().enumerate().filter(|(number, _)| number % 3 != 0) {
        assert!(timer.cancel());
    }
    lab.event_loop.run_once().unwrap();
    let expected: Vec<String> = (0..500).step_by(3).map(|number| number.to_string()).collect();
    assert_eq!(lab.trace.take(), expected);
}

#[test]
fn a_timer_on_the_systems_clock_is_never_early() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    for micros in [100, 700, 1_300, 2_900] {
        let (deadline, asked) = (handle.time() + Duration::from_micros(micros), handle.clone());
        handle.call_at(deadline, move || {
            assert!(asked.time() >= deadline);
            asked.stop();
        });
        event_loop.run_forever().unwrap();
    }
}
