//! Sleeping.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use api_promises::sleep;
use loop_core::{EventLoop, ManualClock, is_cancelled};

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines() {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let woken = Rc::new(RefCell::new(Vec::new()));
    for millis in [3, 1, 2] {
        let woken = woken.clone();
        let slept = sleep(&event_loop.handle(), Duration::from_millis(millis));
        slept.map(move |()| woken.borrow_mut().push(millis)).detach(|error| panic!("{error}"));
    }
    clock.advance(Duration::from_millis(2));
    event_loop.run_once().unwrap();
    assert_eq!(*woken.borrow(), [1, 2]);
    clock.advance(Duration::from_millis(1));
    event_loop.run_once().unwrap();
    assert_eq!(*woken.borrow(), [1, 2, 3]);
}

#[test]
fn a_cancelled_sleep_leaves_no_timer() {
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let slept = sleep(&handle, Duration::from_secs(60)).map(|()| unreachable!());
    assert_eq!(handle.snapshot().timed.len(), 1);
    drop::<api_promises::Promise<(), _>>(slept);
    assert!(handle.snapshot().timed.is_empty());
}

#[test]
fn closing_the_loop_ends_a_sleep() {
    let mut event_loop = EventLoop::new().unwrap();
    let ended = Rc::new(RefCell::new(Vec::new()));
    let seen = ended.clone();
    let slept = sleep(&event_loop.handle(), Duration::from_secs(60));
    slept.detach(move |error| seen.borrow_mut().push(is_cancelled(&error)));
    event_loop.close();
    assert_eq!(*ended.borrow(), [true]);
}
