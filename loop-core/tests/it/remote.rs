//! Other threads.

use std::sync::mpsc;
use std::thread;

use loop_core::{EventLoop, TurnRule};

use crate::lab::Lab;

#[test]
fn submissions_to_a_loop_that_works_cost_no_wake_up() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let remote = lab.handle.remote();
    let (sender, received) = mpsc::channel();
    thread::spawn(move || {
        for number in 0..500 {
            let sender = sender.clone();
            remote.call_soon_threadsafe(move |_| sender.send(number).unwrap()).unwrap();
        }
    })
    .join()
    .unwrap();
    lab.event_loop.run_once().unwrap();
    assert_eq!(received.iter().collect::<Vec<_>>(), (0..500).collect::<Vec<_>>());
    assert_eq!(lab.handle.counts().wake_writes, 0);
}

#[test]
fn a_loop_that_sleeps_is_woken_once_until_it_looks() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let remote = lab.handle.remote();
    let submitter = thread::spawn(move || {
        for _ in 0..5_000 {
            remote.call_soon_threadsafe(|_| ()).unwrap();
        }
        remote.call_soon_threadsafe(|handle| handle.stop()).unwrap();
    });
    lab.event_loop.run_forever().unwrap();
    submitter.join().unwrap();
    let counts = lab.handle.counts();
    assert_eq!(counts.calls, 5_001);
    assert!(counts.wake_writes <= counts.polls, "{counts:?}");
}

#[test]
fn the_loops_own_thread_writes_no_wake_up() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.soon("before");
    let (sender, received) = mpsc::channel();
    lab.handle.remote().call_soon_threadsafe(move |_| sender.send("remote").unwrap()).unwrap();
    assert_eq!(lab.handle.snapshot().ready.len(), 2, "it is in the ready queue at once");
    lab.turn();
    assert_eq!(received.recv().unwrap(), "remote");
    assert_eq!(lab.handle.counts().wake_writes, 0);
}

#[test]
fn submissions_run_before_what_the_kernel_reports() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (reader, _peer) = crate::lab::readable(1);
    lab.handle.add_reader(&reader, lab.trace.adder("io")).unwrap();
    let remote = lab.handle.remote();
    let (sender, received) = mpsc::channel();
    let submit = move || {
        let ready = move |handle: &loop_core::LoopHandle| {
            sender.send(handle.snapshot().ready.len()).unwrap();
        };
        remote.call_soon_threadsafe(ready).map_err(drop).unwrap();
    };
    thread::spawn(submit).join().unwrap();
    lab.turn();
    assert_eq!(received.recv().unwrap(), 1, "the reader was queued behind it");
    assert_eq!(lab.trace.take(), ["io", "|"]);
}

#[test]
fn a_closed_loop_hands_submissions_back() {
    let mut event_loop = EventLoop::new().unwrap();
    let remote = event_loop.handle().remote();
    event_loop.close();
    let from_here = remote.call_soon_threadsafe(|_| ());
    assert!(from_here.is_err());
    drop(event_loop);
    let from_there = thread::spawn(move || remote.call_soon_threadsafe(|_| ()).is_err());
    assert!(from_there.join().unwrap());
}

#[test]
fn a_remote_that_outlives_its_loop_hands_the_callback_back() {
    let remote = EventLoop::new().unwrap().handle().remote();
    let (sender, received) = mpsc::channel();
    let late = thread::spawn(move || {
        let refused = remote.call_soon_threadsafe(move |_| sender.send("run by hand").unwrap());
        refused.unwrap_err().0
    });
    let callback = late.join().unwrap();
    callback(&EventLoop::new().unwrap().handle());
    assert_eq!(received.recv().unwrap(), "run by hand");
}

#[test]
fn a_failed_submission_is_reported_with_the_place_in_the_other_thread() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let trace = lab.trace.clone();
    lab.handle.set_exception_handler(move |_, context| trace.add(context.to_string()));
    let remote = lab.handle.remote();
    let line = line!() + 1;
    let submit = move || remote.call_soon_threadsafe(|_| panic!("on purpose")).is_ok();
    assert!(thread::spawn(submit).join().unwrap());
    lab.event_loop.run_once().unwrap();
    let report = lab.trace.take().concat();
    assert!(report.contains(&format!("remote.rs:{line}:")), "{report}");
}

#[test]
fn a_submission_that_comes_before_the_poll_keeps_it_from_blocking() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let remote = lab.handle.remote();
    let submit = move || remote.call_soon_threadsafe(|_| ()).map_err(drop).unwrap();
    // The loop is at work when the other thread submits, and goes to sleep afterwards.
    lab.handle.call_soon(move || thread::spawn(submit).join().unwrap());
    lab.event_loop.run_once().unwrap();
    lab.event_loop.run_once().unwrap();
    assert_eq!(lab.handle.counts().calls, 2);
    assert_eq!(lab.handle.counts().wake_writes, 0);
}
