//! Clocks that are a test's own.

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use loop_core::{EventLoop, LoopHandle, LoopTime, ManualClock};

use crate::lab::{Trace, readable};

const HOUR: Duration = Duration::from_secs(3_600);

/// A threshold that no test waits for: a late wake-up comes within it.
const PATIENCE: Duration = Duration::from_secs(60);

fn jumping(threshold: Duration) -> (EventLoop, LoopHandle) {
    let event_loop = EventLoop::with_clock(ManualClock::new().autojump(threshold)).unwrap();
    let handle = event_loop.handle();
    (event_loop, handle)
}

#[test]
fn an_hour_of_timeouts_takes_no_time() {
    /// Ticks every second until the hour is over.
    fn tick(handle: LoopHandle, ticks: Rc<Cell<u32>>) {
        ticks.set(ticks.get() + 1);
        if handle.time().since_origin() >= HOUR {
            return handle.stop();
        }
        let next = handle.clone();
        handle.call_later(Duration::from_secs(1), move || tick(next, ticks));
    }
    let (mut event_loop, handle) = jumping(Duration::ZERO);
    let ticks = Rc::new(Cell::new(0));
    tick(handle.clone(), ticks.clone());
    let began = Instant::now();
    event_loop.run_forever().unwrap();
    assert_eq!((ticks.get(), handle.time().since_origin()), (3_601, HOUR));
    assert_eq!(handle.counts().polls, 3_600, "one turn a deadline");
    // A watchdog, not a measurement.
    assert!(began.elapsed() < PATIENCE);
}

#[test]
fn the_clock_does_not_jump_while_something_is_ready() {
    let (mut event_loop, handle) = jumping(Duration::ZERO);
    handle.call_later(HOUR, || ());
    for _ in 0..3 {
        handle.call_soon(|| ());
        event_loop.run_once().unwrap();
        assert_eq!(handle.time().since_origin(), Duration::ZERO);
    }
    handle.stop();
    event_loop.run_forever().unwrap();
    assert_eq!(handle.time().since_origin(), Duration::ZERO, "nor in a turn that does not wait");
    event_loop.run_once().unwrap();
    assert_eq!(handle.time().since_origin(), HOUR);
}

#[test]
fn the_clock_does_not_jump_over_what_the_kernel_reports() {
    let (mut event_loop, handle) = jumping(PATIENCE);
    let (reader, mut peer) = readable(0);
    let trace = Trace::default();
    handle.call_later(HOUR, || unreachable!("the reader comes first"));
    let (seen, stopped) = (trace.clone(), handle.clone());
    let callback = move || {
        seen.add(stopped.time().since_origin().as_secs());
        stopped.stop();
    };
    handle.add_reader(&reader, callback).unwrap();
    let writer = std::thread::spawn(move || {
        peer.write_all(b"x").unwrap();
        peer
    });
    event_loop.run_forever().unwrap();
    drop(writer.join().unwrap());
    assert_eq!(trace.take(), ["0"]);
}

#[test]
fn the_clock_stands_while_offloaded_work_is_under_way() {
    let (mut event_loop, handle) = jumping(Duration::ZERO);
    let (release, blocked) = mpsc::channel::<()>();
    let deadline = handle.call_later(HOUR, || unreachable!("the work ends first"));
    let stopped = handle.clone();
    let completion = move |_| {
        assert!(deadline.cancel());
        stopped.stop();
    };
    handle.run_in_executor(move || blocked.recv().is_ok(), completion).unwrap();
    // Turns in which the loop would jump if it did not know of the work.
    for _ in 0..3 {
        handle.call_soon(|| ());
        event_loop.run_once().unwrap();
    }
    drop(release);
    event_loop.run_forever().unwrap();
    assert_eq!(handle.time().since_origin(), Duration::ZERO);
}

#[test]
fn no_clock_is_read_in_a_turn_without_timers() {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let handle = event_loop.handle();
    for _ in 0..10 {
        handle.call_soon(|| ());
        event_loop.run_once().unwrap();
    }
    assert_eq!(clock.reads(), 0);
    assert!(handle.call_at(LoopTime::ORIGIN + HOUR, || ()).cancel());
    handle.call_soon(|| ());
    event_loop.run_once().unwrap();
    assert_eq!(clock.reads(), 0, "no turn waits for a cancelled timer");
    handle.call_at(LoopTime::ORIGIN + HOUR, || ());
    event_loop.run_once().unwrap();
    assert_eq!(clock.reads(), 2, "once to know how long to wait, once after the wait");
}

#[test]
fn the_loops_time_begins_at_zero_and_moves_with_its_clock() {
    let clock = ManualClock::new();
    let event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    assert_eq!(event_loop.handle().time().since_origin(), Duration::ZERO);
    clock.advance(HOUR);
    assert_eq!(event_loop.handle().time().since_origin(), HOUR);
}
