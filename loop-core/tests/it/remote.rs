//! Other threads, and signals.

use std::sync::mpsc;
use std::thread;

use loop_core::{EventLoop, TurnRule};
use signal_hook::consts::{SIGUSR1, SIGUSR2};

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
fn a_signal_runs_its_handler_in_the_loop() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.handle.add_signal_handler(SIGUSR1, lab.trace.adder("usr1")).unwrap();
    signal_hook::low_level::raise(SIGUSR1).unwrap();
    lab.turn();
    signal_hook::low_level::raise(SIGUSR1).unwrap();
    lab.turn();
    assert_eq!(lab.trace.take(), ["usr1", "|", "usr1", "|"]);
}

#[test]
fn a_removed_signal_handler_is_silent() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.handle.add_signal_handler(SIGUSR2, lab.trace.adder("first")).unwrap();
    lab.handle.add_signal_handler(SIGUSR2, lab.trace.adder("second")).unwrap();
    signal_hook::low_level::raise(SIGUSR2).unwrap();
    lab.turn();
    assert!(lab.handle.remove_signal_handler(SIGUSR2));
    assert!(!lab.handle.remove_signal_handler(SIGUSR2));
    signal_hook::low_level::raise(SIGUSR2).unwrap();
    lab.turn();
    assert_eq!(lab.trace.take(), ["second", "|", "|"]);
}
