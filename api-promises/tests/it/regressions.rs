//! Faults that were found once: what is reported, and what an earlier run leaves behind.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use api_promises::{Promise, sleep};
use loop_core::{EventLoop, LoopHandle, RunError, TurnRule, is_cancelled};

/// Makes a loop whose reports are kept.
fn lab() -> (EventLoop, LoopHandle, Rc<RefCell<Vec<String>>>) {
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let reports = Rc::new(RefCell::new(Vec::new()));
    let seen = reports.clone();
    handle.set_exception_handler(move |_, context| {
        seen.borrow_mut().push(context.to_string());
    });
    (event_loop, handle, reports)
}

#[test]
fn a_late_completer_does_not_stop_the_next_run() {
    let (mut event_loop, handle, _) = lab();
    handle.set_turn_rule(TurnRule::Snapshot);
    let turns = |handle: &LoopHandle, turns: u32| {
        let handle = handle.clone();
        (1..turns).fold(sleep(&handle, Duration::ZERO), |slept, _| {
            let handle = handle.clone();
            slept.then(move |()| sleep(&handle, Duration::ZERO))
        })
    };
    let first = turns(&handle, 3);
    handle.stop();
    assert!(matches!(first.run_until_complete(&mut event_loop), Err(RunError::Stopped)));
    let second = turns(&handle, 9).map(|()| 2).run_until_complete(&mut event_loop);
    assert_eq!(second.unwrap().unwrap(), 2);
}

#[test]
fn a_panic_is_not_reported_again_when_its_promise_is_dropped() {
    let (mut event_loop, handle, reports) = lab();
    let resolved = Promise::<(), io::Error>::resolve(&handle, ());
    let failed: Promise<(), _> = resolved.map(|()| panic!("on purpose"));
    while event_loop.run_ready() > 0 {}
    assert_eq!(reports.borrow().len(), 1);
    drop(failed);
    assert_eq!(reports.borrow().len(), 1, "{reports:?}");
}

#[test]
fn a_rejection_that_is_dropped_while_it_is_awaited_is_reported_with_its_place() {
    let (_event_loop, handle, reports) = lab();
    let (mut promise, resolver) = Promise::<(), io::Error>::with_resolvers(&handle);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut promise).poll(&mut cx).is_pending());
    resolver.reject(ErrorKind::BrokenPipe.into());
    drop(promise);
    assert_eq!(reports.borrow().len(), 1, "{reports:?}");
    assert!(reports.borrow()[0].contains("regressions.rs"), "{reports:?}");
}

#[test]
fn what_is_settled_after_its_loop_was_closed_is_released() {
    let (mut event_loop, handle, _) = lab();
    let held = Rc::new(());
    let hold = || {
        let held = held.clone();
        move |()| drop(held)
    };
    let (promise, resolver) = Promise::<(), io::Error>::with_resolvers(&handle);
    promise.map(hold()).map(hold()).map(hold()).detach(|_| unreachable!());
    event_loop.close();
    resolver.resolve(());
    assert_eq!(Rc::strong_count(&held), 1);
    let resolved = Promise::<(), io::Error>::resolve(&handle, ());
    let late = resolved.map(hold()).map(hold());
    let awaited = std::pin::pin!(late);
    let outcome = awaited.poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(Rc::strong_count(&held), 1);
    assert!(matches!(outcome, std::task::Poll::Ready(Err(error)) if is_cancelled(&error)));
}

#[test]
fn a_sleep_on_a_closed_loop_ends_at_once_and_is_released() {
    let (mut event_loop, handle, _) = lab();
    event_loop.close();
    let held = Rc::new(());
    let kept = held.clone();
    sleep(&handle, Duration::ZERO).detach(move |_| drop(kept));
    assert_eq!(Rc::strong_count(&held), 1);
    let mut late = sleep(&handle, Duration::ZERO);
    let outcome = Pin::new(&mut late).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(outcome, std::task::Poll::Ready(Err(error)) if is_cancelled(&error)));
}

#[test]
fn a_reason_that_waits_for_its_clean_up_is_reported_when_that_is_dropped() {
    let (mut event_loop, handle, reports) = lab();
    let slow = handle.clone();
    let failed = Promise::<(), io::Error>::reject(&handle, io::Error::other("first"));
    let cleaned = failed.finally(move || sleep(&slow, Duration::from_secs(60)));
    while event_loop.run_ready() > 0 {}
    assert!(reports.borrow().is_empty());
    drop(cleaned);
    assert_eq!(reports.borrow().len(), 1, "{reports:?}");
    assert!(reports.borrow()[0].contains("first"), "{reports:?}");
    assert_eq!(handle.snapshot().timed.len(), 1, "the clean-up goes on");
}

#[test]
fn a_panic_is_not_reported_again_by_the_links_that_it_passes() {
    let (mut event_loop, handle, reports) = lab();
    let resolved = Promise::<(), io::Error>::resolve(&handle, ());
    let failed: Promise<(), _> = resolved.map(|()| panic!("on purpose"));
    let passed = failed.map(|()| 1).then(io::Result::Ok).map_err(io::Error::other);
    while event_loop.run_ready() > 0 {}
    drop(passed.finally(|| Ok(())));
    while event_loop.run_ready() > 0 {}
    assert_eq!(reports.borrow().len(), 1, "{reports:?}");
}

#[test]
fn a_read_begins_while_the_outcome_of_the_one_before_is_not_consumed() {
    let (mut event_loop, handle, _) = lab();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = api_promises::TcpStream::connect(&handle, listener.local_addr().unwrap());
    let stream = stream.run_until_complete(&mut event_loop).unwrap().unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    let first = stream.read_chunk();
    std::io::Write::write_all(&mut peer, b"one").unwrap();
    while handle.counts().reads == 0 {
        event_loop.run_once().unwrap();
    }
    let second = stream.read_chunk();
    std::io::Write::write_all(&mut peer, b"two").unwrap();
    let second = second.run_until_complete(&mut event_loop).unwrap().unwrap().unwrap();
    let first = first.run_until_complete(&mut event_loop).unwrap().unwrap().unwrap();
    assert_eq!((&*first, &*second), (&b"one"[..], &b"two"[..]));
}

/// Inside a reaction of its own loop nothing would ever settle it: both loops would stand.
#[test]
fn a_promise_of_another_loop_is_not_waited_for() {
    let (mut event_loop, handle, _) = lab();
    let outer = handle.clone();
    let refused = Promise::<_, io::Error>::resolve(&handle, ()).map(move |()| {
        let mut inner = EventLoop::new().unwrap();
        sleep(&outer, Duration::from_millis(1)).run_until_complete(&mut inner)
    });
    let refused = refused.run_until_complete(&mut event_loop).unwrap().unwrap();
    assert!(matches!(refused, Err(RunError::Abandoned)));
}
