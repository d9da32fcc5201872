//! Faults that were found once: what is reported, and what an earlier run leaves behind.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use api_promises::{Promise, sleep};
use loop_core::{EventLoop, LoopHandle, RunError, TurnRule};

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
