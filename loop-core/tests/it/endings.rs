//! Destructors that panic at sockets, on a closed loop and while it closes.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Wake;
use std::time::Duration;

use loop_core::{Abort, Direction, LoopTime};
use signal_hook::consts::SIGUSR1;

use crate::destructors::{Armed, Bomb, armed, lab};
use crate::lab::{Note, alone, connection, readable};

#[test]
fn what_is_displaced_at_a_socket_may_panic_in_its_drop() {
    let mut lab = lab();
    let (source, mut peer) = connection(&lab);
    std::io::Write::write_all(&mut peer, b"x").unwrap();
    while source.io().peek(&mut [0]).is_err() {}
    lab.turn();
    lab.trace.take();
    source.park_job_for_news(Direction::Read, Rc::new(Armed(Bomb("displaced"))), 0);
    // The socket is ready: what is parked now is to run in the next turn.
    source.park_job(Direction::Read, Rc::new(Note(lab.trace.clone())), 7);
    lab.turn();
    assert_eq!(lab.trace.take(), ["reported: a callback panicked: displaced", "7", "|"]);
    source.park_job_for_news(Direction::Read, Rc::new(Armed(Bomb("unparked"))), 0);
    assert!(source.unpark(Direction::Read));
    source.park_job_for_news(Direction::Read, Rc::new(Armed(Bomb("read"))), 0);
    source.park_job_for_news(Direction::Write, Rc::new(Armed(Bomb("written"))), 0);
    drop(source);
    let reported = ["unparked", "read", "written"];
    let reported = reported.map(|name| format!("reported: a callback panicked: {name}"));
    assert_eq!(lab.trace.take(), reported);
}

#[test]
fn a_waker_may_panic_and_panic_in_its_drop() {
    alone("endings::a_waker_panics_twice");
}

#[test]
#[ignore = "a process of its own for another test: it aborted"]
fn a_waker_panics_twice() {
    struct Waker(#[expect(dead_code)] Bomb);
    impl Wake for Waker {
        fn wake(self: Arc<Self>) {
            self.wake_by_ref();
            // The socket keeps it for the next time.
            mem::forget(self);
        }
        fn wake_by_ref(self: &Arc<Self>) {
            panic!("the waker");
        }
    }
    let mut lab = lab();
    let (source, mut peer) = connection(&lab);
    source.park_task(Direction::Read, &Arc::new(Waker(Bomb("its drop"))).into(), || None);
    lab.trace.take();
    std::io::Write::write_all(&mut peer, b"x").unwrap();
    while source.io().peek(&mut [0]).is_err() {}
    lab.turn();
    assert_eq!(lab.trace.take(), ["reported: a callback panicked: the waker", "|"]);
    drop(source);
    assert_eq!(lab.trace.take(), ["reported: a callback panicked: its drop"]);
}

#[test]
fn a_closed_loop_refuses_a_callback_that_panics_in_its_drop() {
    alone("endings::refused_by_a_closed_loop");
}

#[test]
#[ignore = "a process of its own for another test: it aborted"]
fn refused_by_a_closed_loop() {
    let mut lab = lab();
    lab.event_loop.close();
    let handle = &lab.handle;
    let refused = |call: &dyn Fn()| {
        let payload = catch_unwind(AssertUnwindSafe(call)).unwrap_err();
        assert!(loop_core::panic_message(&*payload).ends_with("the event loop is closed"));
    };
    refused(&|| drop(handle.call_soon(armed("soon"))));
    refused(&|| drop(handle.call_later(Duration::ZERO, armed("later"))));
    refused(&|| {
        let bomb = Bomb("shutdown");
        handle.shutdown_default_executor(Duration::ZERO, move |_| bomb.touch());
    });
    handle.queue(Rc::new(Armed(Bomb("queue"))), 0);
    handle.queue_at(LoopTime::ORIGIN, Rc::new(Armed(Bomb("queue_at"))), 0);
    handle.on_ready({
        let bomb = Bomb("on_ready");
        move || bomb.touch()
    });
    handle.on_close(armed("on_close"));
    let (reader, _peer) = readable(1);
    assert!(handle.add_reader(&reader, armed("reader")).is_err());
}

#[test]
fn closing_goes_through_whatever_panics_in_its_drop() {
    let mut lab = lab();
    let (reader, _peer) = readable(1);
    let (source, _other) = connection(&lab);
    lab.handle.on_close(|| panic_any(Bomb("a closer")));
    lab.handle.call_soon(armed("soon"));
    lab.handle.call_later(Duration::from_secs(1), armed("later"));
    lab.handle.queue_at(LoopTime::MAX, Rc::new(Armed(Bomb("job"))), 0);
    lab.handle.add_reader(&reader, armed("reader")).unwrap();
    lab.handle.add_signal_handler(SIGUSR1, armed("signal")).unwrap();
    source.park_job(Direction::Read, Rc::new(Armed(Bomb("parked"))), 0);
    lab.handle.run_in_executor(|| (), |_| panic_any(Bomb("completion"))).unwrap();
    let (remote, alive) = (lab.handle.remote(), Arc::new(()));
    let counted = alive.clone();
    let submit = move || remote.call_soon_threadsafe(move |_| drop(counted)).map_err(drop);
    std::thread::spawn(submit).join().unwrap().unwrap();
    lab.event_loop.close();
    let trace = lab.trace.take();
    for name in ["a closer", "soon", "later", "job", "reader", "signal", "parked", "completion"] {
        assert!(trace.iter().any(|line| line.ends_with(name)), "{name}: {trace:#?}");
    }
    assert_eq!(Arc::strong_count(&alive), 1);
    assert!(lab.handle.is_closed());
}

#[test]
fn a_destructor_that_aborts_leaves_the_run() {
    struct Aborts;
    impl Drop for Aborts {
        fn drop(&mut self) {
            resume_unwind(Box::new(Abort));
        }
    }
    let mut lab = lab();
    let aborts = Aborts;
    let later = lab.handle.call_later(Duration::from_secs(1), move || {
        let _it = &aborts;
    });
    lab.handle.call_soon(move || assert!(later.cancel()));
    lab.soon("rest");
    assert!(catch_unwind(AssertUnwindSafe(|| lab.event_loop.run_once())).is_err());
    lab.turn();
    assert_eq!(lab.trace.take(), ["rest", "|"]);
}

/// Panics when it wakes, and when it is dropped.
struct Alarm(#[expect(dead_code)] Bomb);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        GOES_WITH_ITS_WAKER.take();
        panic!("the alarm");
    }
}

thread_local! {
    /// A socket that is dropped while its waker runs.
    static GOES_WITH_ITS_WAKER: std::cell::RefCell<Option<Rc<dyn std::any::Any>>> =
        const { std::cell::RefCell::new(None) };
}

#[test]
fn the_waker_of_a_timer_may_panic_and_panic_in_its_drop() {
    alone("endings::a_timers_waker_panics_twice");
}

#[test]
#[ignore = "a process of its own for another test: it aborted"]
fn a_timers_waker_panics_twice() {
    let mut lab = lab();
    lab.handle.wake_at(LoopTime::ORIGIN, Arc::new(Alarm(Bomb("its drop"))).into());
    lab.handle.wake_at(LoopTime::MAX, Arc::new(Alarm(Bomb("at the close"))).into());
    lab.soon("alive");
    lab.turn();
    let reported = "reported: a callback panicked: ";
    let expected = [format!("{reported}its drop"), format!("{reported}the alarm")];
    assert_eq!(lab.trace.take(), ["alive", &expected[0], &expected[1], "|"]);
    lab.event_loop.close();
    let expected = [format!("{reported}at the close"), format!("{reported}the alarm")];
    assert_eq!(lab.trace.take(), expected);
}

#[test]
fn a_socket_may_go_while_its_waker_runs() {
    alone("endings::a_socket_goes_with_its_waker");
}

#[test]
#[ignore = "a process of its own for another test: it aborted"]
fn a_socket_goes_with_its_waker() {
    for deferred in [true, false] {
        let mut lab = lab();
        let (source, mut peer) = connection(&lab);
        let waker = Arc::new(Alarm(Bomb("its drop"))).into();
        if deferred {
            std::io::Write::write_all(&mut peer, b"x").unwrap();
            while source.io().peek(&mut [0]).is_err() {}
            lab.turn();
            source.park_task(Direction::Read, &waker, || None);
        } else {
            source.park_task(Direction::Read, &waker, || None);
            std::io::Write::write_all(&mut peer, b"x").unwrap();
            while source.io().peek(&mut [0]).is_err() {}
        }
        drop(waker);
        lab.trace.take();
        GOES_WITH_ITS_WAKER.replace(Some(source));
        lab.soon("alive");
        lab.turn();
        let mut trace = lab.trace.take();
        trace.sort();
        let reported = "reported: a callback panicked: ";
        let expected = [format!("{reported}its drop"), format!("{reported}the alarm")];
        assert_eq!(trace, ["alive", &expected[0], &expected[1], "|"], "deferred: {deferred}");
    }
}

#[test]
fn a_hook_that_replaces_itself_and_aborts_may_panic_in_its_drop() {
    alone("endings::a_hook_aborts_and_is_dropped");
}

#[test]
#[ignore = "a process of its own for another test: it aborted"]
fn a_hook_aborts_and_is_dropped() {
    let mut lab = lab();
    let (handle, bomb) = (lab.handle.clone(), Bomb("its drop"));
    lab.handle.on_ready(move || {
        bomb.touch();
        handle.on_ready(|| ());
        resume_unwind(Box::new(Abort));
    });
    let left = catch_unwind(AssertUnwindSafe(|| lab.soon("queued")));
    assert!(left.unwrap_err().is::<Abort>());
    lab.turn();
    assert_eq!(lab.trace.take(), ["reported: a callback panicked: its drop", "queued", "|"]);
}

#[test]
fn what_a_closing_loop_refuses_may_panic_in_its_drop() {
    let mut lab = lab();
    lab.event_loop.close();
    assert!(lab.handle.add_signal_handler(SIGUSR1, armed("signal")).is_err());
    // What is refused comes back, and panics where its owner drops it.
    let bomb = Bomb("completion");
    let refused = lab.handle.run_in_executor(|| (), move |_| bomb.touch()).unwrap_err();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(refused))).is_err());
}
