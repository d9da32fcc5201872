//! A poll that a test writes.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

use loop_core::{EventLoop, ManualClock, ScriptedEvent};

use crate::lab::{Trace, readable};

/// Makes a loop whose polls say one after the other what `polls` has, then fail, and the list of
/// how long they were allowed to wait.
fn scripted(
    clock: &ManualClock,
    polls: Vec<Vec<ScriptedEvent>>,
) -> (EventLoop, Rc<RefCell<Vec<Option<Duration>>>>) {
    let waits: Rc<RefCell<Vec<_>>> = Rc::default();
    let (seen, time, mut polls) = (waits.clone(), clock.clone(), polls.into_iter());
    let script = move |timeout: Option<Duration>| {
        seen.borrow_mut().push(timeout);
        time.advance(timeout.unwrap_or_default());
        polls.next().ok_or_else(|| io::Error::other("the script has ended"))
    };
    (EventLoop::with_script(clock.clone(), script).unwrap(), waits)
}

fn event(descriptor: RawFd, readable: bool, writable: bool) -> ScriptedEvent {
    ScriptedEvent { descriptor, readable, writable }
}

#[test]
fn a_script_says_what_is_ready_and_in_which_order() {
    let (first, _peer) = readable(0);
    let (second, _peer) = readable(0);
    let (one, two) = (first.as_raw_fd(), second.as_raw_fd());
    let polls = vec![
        vec![event(two, true, true), event(one, true, false)],
        vec![event(one, false, true), event(two, true, false)],
    ];
    let (mut event_loop, _) = scripted(&ManualClock::new(), polls);
    let (handle, trace) = (event_loop.handle(), Trace::default());
    handle.add_reader(&first, trace.adder("one")).unwrap();
    handle.add_reader(&second, trace.adder("two")).unwrap();
    handle.add_writer(&second, trace.adder("two, writing")).unwrap();
    event_loop.run_once().unwrap();
    trace.add("|");
    event_loop.run_once().unwrap();
    assert_eq!(trace.take(), ["two", "two, writing", "one", "|", "two"]);
}

#[test]
fn a_script_is_told_how_long_the_poll_may_wait() {
    let polls = vec![vec![], vec![], vec![], vec![]];
    let (mut event_loop, waits) = scripted(&ManualClock::new(), polls);
    let handle = event_loop.handle();
    handle.call_soon(|| ());
    handle.call_later(Duration::from_secs(3), || ());
    handle.call_later(Duration::from_secs(1_000_000), || ()).cancel();
    (0..3).for_each(|_| event_loop.run_once().unwrap());
    handle.call_later(Duration::from_secs(1_000_000), || ());
    event_loop.run_once().unwrap();
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(*waits.borrow(), [seconds(0), seconds(3), None, seconds(86_400)]);
}

#[test]
fn a_script_that_fails_ends_the_run_and_loses_nothing() {
    let (mut event_loop, _) = scripted(&ManualClock::new(), vec![]);
    let (handle, trace) = (event_loop.handle(), Trace::default());
    handle.call_soon(trace.adder("kept"));
    assert_eq!(event_loop.run_forever().unwrap_err().to_string(), "the script has ended");
    assert_eq!(event_loop.run_ready(), 1);
    assert_eq!(trace.take(), ["kept"]);
}

#[test]
fn what_other_threads_submit_during_a_scripted_poll_comes_before_its_events() {
    let (reader, _peer) = readable(0);
    let descriptor = reader.as_raw_fd();
    let remote: Rc<RefCell<Option<loop_core::Remote>>> = Rc::default();
    let (sender, received) = std::sync::mpsc::channel();
    let (submitting, submitted) = (remote.clone(), sender.clone());
    let script = move |_| {
        let (remote, sender) = (submitting.take().expect("one poll"), submitted.clone());
        let submission = move |_: &loop_core::LoopHandle| sender.send("submitted").unwrap();
        let submit = move || remote.call_soon_threadsafe(submission).map_err(drop);
        std::thread::spawn(submit).join().unwrap().unwrap();
        Ok(vec![event(descriptor, true, false)])
    };
    let mut event_loop = EventLoop::with_script(ManualClock::new(), script).unwrap();
    let handle = event_loop.handle();
    remote.replace(Some(handle.remote()));
    handle.add_reader(&reader, move || sender.send("reader").unwrap()).unwrap();
    event_loop.run_once().unwrap();
    assert_eq!(received.try_iter().collect::<Vec<_>>(), ["submitted", "reader"]);
}
