//! What closing a loop does to what it holds.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use loop_core::{
    Abort, BYTES_PER_TURN, Direction, EventLoop, Job, LoopTime, Source, TurnRule, is_cancelled,
};
use signal_hook::consts::{SIGUSR1, SIGUSR2};

use crate::lab::{Lab, Leave, Note, OnDrop, Trace, connection, panicking_waker, readable};

/// Says when it is dropped.
struct Dropped(Rc<std::cell::Cell<u32>>);

impl Dropped {
    fn touch(&self) {}
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn closing_drops_all_callbacks_unrun() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let drops = Rc::new(std::cell::Cell::new(0));
    let guard = || Dropped(drops.clone());
    let (reader, _peer) = readable(1);
    let (a, b, c) = (guard(), guard(), guard());
    handle.call_soon(move || drop(a));
    handle.call_later(std::time::Duration::MAX, move || drop(b));
    handle.add_reader(&reader, move || c.touch()).unwrap();
    event_loop.close();
    assert_eq!(drops.get(), 3);
    assert!(handle.is_closed());
    event_loop.close();
}

#[test]
fn a_destructor_may_use_the_loop_that_is_closed_under_it() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    struct UsesLoop(loop_core::LoopHandle);
    impl Drop for UsesLoop {
        fn drop(&mut self) {
            let _ = self.0.try_call_soon(|| ());
            self.0.stop();
        }
    }
    let user = UsesLoop(lab.handle.clone());
    lab.handle.call_soon(move || drop(user));
    lab.event_loop.close();
    assert!(lab.handle.snapshot().ready.is_empty());
}

#[test]
fn after_closing_nothing_is_watched_and_nothing_can_be() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (reader, _peer) = readable(1);
    lab.handle.add_reader(&reader, || ()).unwrap();
    lab.event_loop.close();
    assert!(!lab.handle.remove_reader(&reader));
    assert!(lab.handle.add_reader(&reader, || ()).is_err());
}

#[test]
fn a_closed_loop_does_not_run() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.event_loop.close();
    assert!(lab.event_loop.run_once().is_err());
    assert!(lab.event_loop.run_forever().is_err());
    assert_eq!(lab.event_loop.run_ready(), 0);
}

#[test]
fn a_hook_runs_first() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let handle = lab.handle.clone();
    let trace = lab.trace.clone();
    lab.handle.on_close(move || trace.add(format!("closed:{}", handle.is_closed())));
    lab.event_loop.close();
    assert_eq!(lab.trace.take(), ["closed:false"]);
}

#[test]
fn a_hook_that_comes_too_late_runs_at_once() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.event_loop.close();
    lab.handle.on_close(lab.trace.adder("hook"));
    assert_eq!(lab.trace.take(), ["hook"]);
}

#[test]
fn a_closed_loop_drops_jobs() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.event_loop.close();
    let job = Rc::new(Note(lab.trace.clone()));
    lab.handle.queue(job.clone(), 1);
    assert!(!lab.handle.queue_at(LoopTime::ORIGIN, job.clone(), 2).cancel());
    assert_eq!(Rc::strong_count(&job), 1);
    assert!(lab.trace.take().is_empty());
}

#[test]
fn a_closed_loop_refuses_signal_handlers() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.event_loop.close();
    let held = Rc::new(());
    let kept = held.clone();
    let handled = lab.handle.add_signal_handler(signal_hook::consts::SIGWINCH, move || {
        assert_eq!(Rc::strong_count(&kept), 2);
    });
    assert!(is_cancelled(&handled.unwrap_err()));
    assert_eq!(Rc::strong_count(&held), 1, "the callback is dropped");
}

#[test]
fn an_abort_does_not_leave_the_loop_half_closed() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.handle.queue(Rc::new(Leave), 0);
    lab.handle.queue(Rc::new(Note(lab.trace.clone())), 7);
    lab.event_loop.close();
    assert!(lab.handle.is_closed());
    assert_eq!(lab.trace.take(), ["7"]);
}

#[test]
fn a_panic_that_drops_a_loop_with_an_abort_in_it_unwinds() {
    let failed = catch_unwind(AssertUnwindSafe(|| {
        let event_loop = EventLoop::new().unwrap();
        event_loop.handle().queue(Rc::new(Leave), 0);
        panic!("a program on purpose");
    }));
    assert!(failed.is_err());
}

#[test]
fn destructors_that_panic_do_not_keep_the_loop_open() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let readers = [readable(0), readable(0)];
    for (reader, _peer) in &readers {
        let guard = OnDrop(|| panic!("a reader"));
        lab.handle.add_reader(reader, move || guard.touch()).unwrap();
    }
    for _ in 0..2 {
        let guard = OnDrop(|| panic!("a callback"));
        lab.handle.call_soon(move || guard.touch());
    }
    let remote = lab.handle.remote();
    let submit = move || {
        for _ in 0..2 {
            let guard = OnDrop(|| panic!("a submission"));
            remote.call_soon_threadsafe(move |_| guard.touch()).map_err(drop).unwrap();
        }
    };
    std::thread::spawn(submit).join().unwrap();
    lab.event_loop.close();
    assert!(lab.handle.is_closed());
    let reports = lab.trace.take();
    for what in ["a reader", "a callback", "a submission"] {
        let report = format!("reported: a callback panicked: {what}");
        assert_eq!(reports.iter().filter(|seen| **seen == report).count(), 2, "{reports:?}");
    }
}

#[test]
fn a_panicking_waker_does_not_keep_the_other_direction_from_being_cancelled() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, _peer) = connection(&lab);
    source.park_task(Direction::Read, &panicking_waker(), || None);
    source.park_job(Direction::Write, Rc::new(Note(lab.trace.clone())), 7);
    lab.event_loop.close();
    let reported = "reported: a callback panicked: a waker on purpose";
    assert_eq!(lab.trace.take(), [reported, "7"]);
}

#[test]
fn handlers_whose_destructors_panic_do_not_keep_the_loop_open() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let mut dropped = Vec::new();
    for signal in [SIGUSR1, SIGUSR2] {
        let trace = lab.trace.clone();
        let guard = OnDrop(move || {
            trace.add("a signal handler");
            panic!("on purpose")
        });
        lab.handle.add_signal_handler(signal, move || guard.touch()).unwrap();
        dropped.push("a signal handler");
    }
    let trace = lab.trace.clone();
    let guard = OnDrop(move || {
        trace.add("the exception handler");
        panic!("on purpose")
    });
    lab.handle.set_exception_handler(move |_, _| guard.touch());
    dropped.push("the exception handler");
    lab.event_loop.close();
    assert!(lab.handle.is_closed());
    assert_eq!(lab.trace.take(), dropped);
}

#[test]
fn an_exception_handler_that_aborts_does_not_leave_the_loop_half_closed() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.handle.set_exception_handler(|_, _| resume_unwind(Box::new(Abort)));
    lab.handle.on_close(|| panic!("on purpose"));
    let trace = lab.trace.clone();
    let guard = OnDrop(move || trace.add("dropped"));
    lab.handle.call_soon(move || guard.touch());
    lab.event_loop.close();
    assert!(lab.handle.is_closed());
    assert_eq!(lab.trace.take(), ["dropped"]);
}

#[test]
fn a_reader_and_a_writer_whose_destructors_panic_do_not_keep_the_loop_open() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (both, _peer) = readable(0);
    let [reader, writer] = ["a reader", "a writer"].map(|what| OnDrop(move || panic!("{what}")));
    lab.handle.add_reader(&both, move || reader.touch()).unwrap();
    lab.handle.add_writer(&both, move || writer.touch()).unwrap();
    lab.event_loop.close();
    let reported =
        ["a reader", "a writer"].map(|what| format!("reported: a callback panicked: {what}"));
    assert_eq!(lab.trace.take(), reported);
}

/// Writes without end, and says how it ended.
struct Writer(Source<mio::net::TcpStream>, Trace, Cell<usize>);

impl Writer {
    fn write(&self) -> io::Result<()> {
        loop {
            self.2.set(self.2.get() + self.0.write(&vec![1; BYTES_PER_TURN])?);
        }
    }
}

impl Job for Writer {
    fn run(self: Rc<Self>, _part: u64) {
        match self.write().unwrap_err() {
            error if error.kind() == ErrorKind::WouldBlock => {
                self.0.park_job(Direction::Write, self.clone(), 0);
            }
            error => self.1.add(format!("cancelled:{}", is_cancelled(&error))),
        }
    }
}

#[test]
fn closing_ends_what_has_used_up_its_share() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, _peer) = connection(&lab);
    let source = Rc::into_inner(source).expect("the source has one owner");
    let writer = Rc::new(Writer(source, lab.trace.clone(), Cell::new(0)));
    lab.handle.queue(writer.clone(), 0);
    lab.event_loop.run_once().unwrap();
    assert!(writer.2.get() > 0);
    lab.event_loop.close();
    assert_eq!(lab.trace.take(), ["cancelled:true"]);
    assert_eq!(Rc::strong_count(&writer), 1);
}

/// An operation that says how it ended, each time that it is told.
struct Operation(Rc<Source<mio::net::TcpStream>>, Trace);

impl Job for Operation {
    fn run(self: Rc<Self>, part: u64) {
        let error = self.0.read(&mut [0]).unwrap_err();
        self.1.add(format!("{part} cancelled:{}", is_cancelled(&error)));
    }
}

#[test]
fn closing_completes_every_pending_operation_once_with_cancelled() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, _peer) = connection(&lab);
    let operation = Rc::new(Operation(source.clone(), lab.trace.clone()));
    source.park_job(Direction::Read, operation.clone(), 1);
    source.park_job(Direction::Write, operation.clone(), 2);
    lab.handle.queue_at(LoopTime::MAX, operation.clone(), 3);
    let (trace, (release, blocked)) = (lab.trace.clone(), std::sync::mpsc::channel::<()>());
    let completion = move |outcome: io::Result<bool>| {
        trace.add(format!("4 cancelled:{}", is_cancelled(&outcome.unwrap_err())));
    };
    lab.handle.run_in_executor(move || blocked.recv().is_ok(), completion).unwrap();
    lab.event_loop.close();
    lab.event_loop.close();
    drop(release);
    let mut ended = lab.trace.take();
    ended.sort();
    let expected: Vec<String> = (1..=4).map(|part| format!("{part} cancelled:true")).collect();
    assert_eq!(ended, expected);
    assert_eq!(Rc::strong_count(&operation), 1);
}
