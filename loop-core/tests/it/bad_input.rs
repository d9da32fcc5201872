//! What programs and kernels get wrong.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;

use loop_core::{Direction, LoopTime, ManualClock, Source, TurnRule};
use mio::unix::SourceFd;

use crate::lab::{Lab, Note, Trace, alone, connection, readable};

#[test]
fn a_refused_descriptor_leaves_no_row_behind() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let file = Rc::new(File::open("/proc/self/exe").or_else(|_| File::open("/bin/sh")).unwrap());
    if lab.handle.add_reader(&file, || ()).is_ok() {
        println!("skipped: this system's poll takes regular files");
        return;
    }
    assert!(lab.handle.add_writer(&file, || ()).is_err());
    let descriptor = file.as_raw_fd();
    assert!(Source::new(&lab.handle, SourceFd(&descriptor)).is_err());
    assert!(lab.handle.snapshot().parked.is_empty());
    assert_eq!(Rc::strong_count(&file), 1, "the loop has let go of it");
    lab.soon("alive");
    lab.turn();
    assert_eq!(lab.trace.take(), ["alive", "|"]);
}

#[test]
fn a_descriptor_that_is_registered_twice_is_refused_and_the_first_stays() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (reader, mut peer) = readable(0);
    let descriptor = reader.as_raw_fd();
    let first = Source::new(&lab.handle, SourceFd(&descriptor)).unwrap();
    let second = Source::new(&lab.handle, SourceFd(&descriptor));
    assert_eq!(second.err().unwrap().kind(), std::io::ErrorKind::AlreadyExists);
    assert!(lab.handle.add_reader(&reader, || ()).is_err());
    first.park_job(Direction::Read, Rc::new(Note(lab.trace.clone())), 7);
    peer.write_all(b"x").unwrap();
    lab.turn();
    assert_eq!(lab.trace.take(), ["7", "|"]);
}

thread_local! {
    /// What [`RunsNext`] runs: a waker must be `Send`, and a source is not.
    static NEXT: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// A waker that does something while the loop hands out kernel events.
struct RunsNext;

impl Wake for RunsNext {
    fn wake(self: Arc<Self>) {
        let next = NEXT.take();
        next.expect("it wakes once")();
    }
}

#[test]
fn a_stale_event_never_reaches_the_next_owner_of_a_descriptor_and_a_row() {
    alone("bad_input::stale_event");
}

#[test]
#[ignore = "a process of its own for another test"]
fn stale_event() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (first, mut first_peer) = connection(&lab);
    let (second, mut second_peer) = connection(&lab);
    let (handle, trace) = (lab.handle.clone(), lab.trace.clone());
    let heir = Rc::new(Cell::new(None));
    let inherits = heir.clone();
    first_peer.write_all(b"x").unwrap();
    second_peer.write_all(b"x").unwrap();
    while first.io().peek(&mut [0]).is_err() || second.io().peek(&mut [0]).is_err() {}
    // Both events are in one batch. The first has the second's owner replaced.
    NEXT.set(Some(Box::new(move || {
        let number = second.io().as_raw_fd();
        drop(second);
        let (ours, theirs) = pair_with(number);
        ours.set_nonblocking(true).unwrap();
        let source = Source::unready(&handle, mio::net::UnixStream::from_std(ours)).unwrap();
        source.park_job(Direction::Read, Rc::new(Note(trace)), 13);
        inherits.set(Some((source, theirs)));
    })));
    let waker: Waker = Arc::new(RunsNext).into();
    first.park_task(Direction::Read, &waker, || None);
    lab.turn();
    assert_eq!(lab.trace.take(), ["|"], "the event was not the heir's");
    let (source, mut theirs) = heir.take().expect("the first event came");
    assert!(!source.is_ready(Direction::Read));
    theirs.write_all(b"x").unwrap();
    lab.turn();
    assert_eq!(lab.trace.take(), ["13", "|"]);
}

#[test]
fn a_reader_does_not_get_the_event_of_the_descriptor_whose_number_it_took_over() {
    alone("bad_input::stale_reader");
}

#[test]
#[ignore = "a process of its own for another test"]
fn stale_reader() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (old, _old_peer) = readable(1);
    let number = old.as_raw_fd();
    lab.handle.add_reader(&old, lab.trace.adder("old")).unwrap();
    let (handle, trace) = (lab.handle.clone(), lab.trace.clone());
    let kept = Rc::new(Cell::new(None));
    let keeps = kept.clone();
    // Runs in the turn in which the old descriptor's event comes, but before it.
    lab.handle.call_soon(move || {
        assert!(handle.remove_reader(&old));
        drop(old);
        let (new, peer) = pair_with(number);
        handle.add_reader(&Rc::new(new), trace.adder("new")).unwrap();
        keeps.set(Some(peer));
    });
    lab.turn();
    lab.turn();
    assert_eq!(lab.trace.take(), ["|", "|"]);
    kept.take().unwrap().write_all(b"x").unwrap();
    lab.turn();
    assert_eq!(lab.trace.take(), ["new", "|"]);
}

/// Returns two ends of which the first has this number, which was just closed.
fn pair_with(number: i32) -> (UnixStream, UnixStream) {
    // The kernel gives the lowest free number.
    let (one, other) = UnixStream::pair().unwrap();
    assert!(one.as_raw_fd() == number || other.as_raw_fd() == number, "{number} is not closed");
    if one.as_raw_fd() == number { (one, other) } else { (other, one) }
}

#[test]
fn deadlines_in_the_past_and_in_300_years_are_no_errors() {
    let clock = ManualClock::new();
    clock.advance(Duration::from_secs(1));
    let mut event_loop = loop_core::EventLoop::with_clock(clock.clone()).unwrap();
    let (handle, trace) = (event_loop.handle(), Trace::default());
    let years = Duration::from_secs(300 * 366 * 86_400);
    handle.call_later(years, trace.adder("300 years"));
    handle.call_later(Duration::MAX, trace.adder("never"));
    handle.call_at(LoopTime::ORIGIN, trace.adder("past"));
    event_loop.run_once().unwrap();
    assert_eq!(trace.take(), ["past"]);
    clock.advance(years);
    event_loop.run_once().unwrap();
    assert_eq!(trace.take(), ["300 years"]);
}

#[test]
fn a_deadline_in_300_years_does_not_end_the_poll_of_the_systems_clock() {
    let mut event_loop = loop_core::EventLoop::new().unwrap();
    let handle = event_loop.handle();
    handle.call_later(Duration::from_secs(300 * 366 * 86_400), || unreachable!());
    let stopped = handle.clone();
    handle.call_later(Duration::from_millis(2), move || stopped.stop());
    event_loop.run_forever().unwrap();
    assert!(handle.counts().polls <= 3, "{:?}", handle.counts());
}

#[test]
fn what_is_scheduled_on_a_closed_loop_comes_back_or_is_refused() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.event_loop.close();
    let callback = lab.handle.try_call_soon(lab.trace.adder("soon")).unwrap_err().0;
    callback();
    let callback = lab.handle.try_call_at(LoopTime::ORIGIN, lab.trace.adder("at")).unwrap_err().0;
    callback();
    let remote = lab.handle.remote();
    let (sender, received) = std::sync::mpsc::channel();
    let refused = remote.call_soon_threadsafe(move |_| sender.send("threadsafe").unwrap());
    (refused.unwrap_err().0)(&lab.handle);
    assert_eq!(received.recv().unwrap(), "threadsafe");
    assert_eq!(lab.trace.take(), ["soon", "at"]);
    assert!(lab.handle.run_in_executor(|| (), |_| ()).is_err());
    assert!(lab.handle.on_interrupt(|| ()).is_err());
}

#[test]
#[should_panic(expected = "the event loop is closed")]
fn call_later_on_a_closed_loop_panics() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.event_loop.close();
    lab.handle.call_later(Duration::ZERO, || ());
}
