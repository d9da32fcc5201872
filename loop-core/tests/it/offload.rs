//! Blocking work on the pool of threads.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;

use loop_core::{ManualClock, TurnRule, is_cancelled};

use crate::lab::{Lab, Trace};

/// Runs until `count` events are in the trace.
fn run_until(lab: &mut Lab, count: usize) -> Vec<String> {
    let mut events = Vec::new();
    while events.len() < count {
        lab.event_loop.run_once().unwrap();
        events.extend(lab.trace.take());
    }
    events
}

/// Offloads work that waits until the sender is used or dropped.
fn offload_blocked(lab: &Lab) -> mpsc::Sender<u32> {
    let (sender, receiver) = mpsc::channel();
    let trace = lab.trace.clone();
    let work = move || receiver.recv().unwrap_or(0);
    lab.handle.run_in_executor(work, move |number| report(&trace, number)).unwrap();
    sender
}

fn report(trace: &Trace, outcome: std::io::Result<u32>) {
    match outcome {
        Ok(number) => trace.add(number),
        Err(error) if is_cancelled(&error) => trace.add("cancelled"),
        Err(error) => trace.add(error),
    }
}

#[test]
fn offloaded_work_runs_on_another_thread_and_completes_on_the_loops() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (trace, here) = (lab.trace.clone(), std::thread::current().id());
    let completion = move |there: std::io::Result<std::thread::ThreadId>| {
        trace.add(there.unwrap() != here);
        trace.add(std::thread::current().id() == here);
    };
    lab.handle.run_in_executor(|| std::thread::current().id(), completion).unwrap();
    assert!(lab.trace.take().is_empty(), "nothing calls back before its operation returned");
    assert_eq!(run_until(&mut lab, 2), ["true", "true"]);
}

#[test]
fn a_panic_of_offloaded_work_arrives_as_an_error() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let trace = lab.trace.clone();
    let work = || -> u32 { panic!("on purpose") };
    lab.handle.run_in_executor(work, move |outcome| report(&trace, outcome)).unwrap();
    assert_eq!(run_until(&mut lab, 1), ["the offloaded work panicked: on purpose"]);
    // The thread has outlived it.
    offload_blocked(&lab).send(7).unwrap();
    assert_eq!(run_until(&mut lab, 1), ["7"]);
}

#[test]
fn a_panicking_completion_is_reported_with_the_place_of_offloading() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let trace = lab.trace.clone();
    lab.handle.set_exception_handler(move |_, context| {
        trace.add(format!("{} {}", context.by.unwrap(), context.scheduled_at.unwrap().line()));
    });
    let line = line!() + 1;
    lab.handle.run_in_executor(|| (), |_| panic!("on purpose")).unwrap();
    let expected = format!("the completion of offloaded work {line}");
    assert_eq!(run_until(&mut lab, 1), [expected]);
}

#[test]
fn the_pool_has_as_many_threads_as_it_was_given() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.handle.set_default_executor(NonZeroUsize::new(2).unwrap()).unwrap();
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    // Two at a time meet, so that at least two run at once.
    let meeting = Arc::new(Barrier::new(2));
    for _ in 0..6 {
        let (running, most, meeting) = (running.clone(), most.clone(), meeting.clone());
        let work = move || {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            meeting.wait();
            running.fetch_sub(1, Ordering::SeqCst);
        };
        let trace = lab.trace.clone();
        lab.handle.run_in_executor(work, move |_| trace.add("done")).unwrap();
    }
    run_until(&mut lab, 6);
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[test]
fn work_begins_in_the_order_of_its_coming() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.handle.set_default_executor(NonZeroUsize::MIN).unwrap();
    for number in 0..50 {
        let trace = lab.trace.clone();
        lab.handle.run_in_executor(move || number, move |n| report(&trace, n)).unwrap();
    }
    let expected: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    assert_eq!(run_until(&mut lab, 50), expected);
}

#[test]
fn closing_cancels_offloaded_work_once_and_what_has_not_begun_never_does() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.handle.set_default_executor(NonZeroUsize::MIN).unwrap();
    let blocked = offload_blocked(&lab);
    let (began, dropped) = mpsc::channel();
    lab.handle.run_in_executor(move || began.send(()), |_| ()).unwrap();
    lab.event_loop.close();
    assert_eq!(lab.trace.take(), ["cancelled"]);
    drop(blocked);
    // The channel ends without a message: the work was dropped unrun.
    assert!(dropped.recv().is_err());
    assert!(lab.trace.take().is_empty());
    assert!(lab.handle.run_in_executor(|| (), |_| ()).is_err());
}

#[test]
fn a_shutdown_waits_for_what_was_offloaded_and_takes_no_more() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let blocked = offload_blocked(&lab);
    let trace = lab.trace.clone();
    let told = move |ended: Result<(), _>| trace.add(format!("ended:{}", ended.is_ok()));
    lab.handle.shutdown_default_executor(Duration::from_secs(60), told);
    assert!(lab.handle.run_in_executor(|| (), |_| ()).is_err());
    lab.turn();
    assert_eq!(lab.trace.take(), ["|"]);
    blocked.send(7).unwrap();
    assert_eq!(run_until(&mut lab, 2), ["7", "ended:true"]);
    assert!(lab.handle.snapshot().timed.is_empty(), "the limit is taken back");
}

#[test]
fn a_shutdown_of_an_idle_pool_ends_in_the_next_turn() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let trace = lab.trace.clone();
    lab.handle.shutdown_default_executor(Duration::ZERO, move |ended| trace.add(ended.is_ok()));
    assert!(lab.trace.take().is_empty());
    lab.turn();
    assert_eq!(lab.trace.take(), ["true", "|"]);
}

#[test]
fn a_shutdown_says_after_its_limit_what_it_waits_for() {
    let clock = ManualClock::new();
    let mut event_loop = loop_core::EventLoop::with_clock(clock.clone()).unwrap();
    let handle = event_loop.handle();
    let (release, blocked) = mpsc::channel::<()>();
    let line = line!() + 1;
    handle.run_in_executor(move || blocked.recv().is_err(), |_| ()).unwrap();
    let said = Rc::new(RefCell::new(None));
    let seen = said.clone();
    handle.shutdown_default_executor(Duration::from_secs(5), move |ended| {
        seen.replace(Some(ended.unwrap_err()));
    });
    clock.advance(Duration::from_secs(5));
    event_loop.run_once().unwrap();
    let still_running = said.take().unwrap();
    assert_eq!(still_running.scheduled_at.len(), 1);
    assert_eq!(still_running.scheduled_at[0].line(), line);
    assert!(still_running.to_string().contains("offload.rs"), "{still_running}");
    drop(release);
}

#[test]
fn what_the_executor_refuses_comes_back_with_its_completion() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let told = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let completion = || {
        let told = told.clone();
        move |end: std::io::Result<u32>| {
            told.borrow_mut().push(end.map_err(|error| error.to_string()))
        }
    };
    lab.handle.shutdown_default_executor(Duration::ZERO, |_| ());
    let refused = lab.handle.run_in_executor(|| 7, completion()).unwrap_err();
    assert_eq!((refused.work)(), 7);
    assert!(refused.to_string().contains("the executor is shut down"));
    (refused.completion)(Err(refused.error));
    lab.event_loop.close();
    let refused = lab.handle.run_in_executor(|| 7, completion()).unwrap_err();
    (refused.completion)(Ok(8));
    let seen = told.clone();
    let look_up = move |found: std::io::Result<Vec<_>>| {
        seen.borrow_mut().push(found.map(|_| 0).map_err(|error| error.to_string()));
    };
    let refused = lab.handle.resolve_in_executor("127.0.0.1", 1, look_up).unwrap_err();
    (refused.completion)(Err(refused.error));
    let told = told.take();
    assert_eq!(told[..2], [Err("the executor is shut down".to_owned()), Ok(8)]);
    assert_eq!(told[2], Err("the event loop is closed".to_owned()));
}

#[test]
fn a_completion_hears_of_a_panic_whose_payload_panics_when_it_is_dropped() {
    struct Payload;
    impl Drop for Payload {
        fn drop(&mut self) {
            panic!("a payload on purpose");
        }
    }
    let mut event_loop = loop_core::EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let ended = event_loop.run_until_complete(|completer| {
        let work = || std::panic::panic_any(Payload);
        handle.call_later(Duration::from_secs(20), || panic!("the completion is silent"));
        handle.run_in_executor(work, |end: std::io::Result<()>| completer.complete(end)).unwrap();
    });
    assert!(ended.unwrap().unwrap_err().to_string().contains("a panic without a message"));
}
