//! Sleeping.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::{sleep, sleep_until};
use loop_core::{EventLoop, LoopHandle, ManualClock, is_cancelled};

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines() {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let woken = Rc::new(RefCell::new(Vec::new()));
    for millis in [3, 1, 2] {
        let woken = woken.clone();
        sleep(&event_loop.handle(), Duration::from_millis(millis), move |slept| {
            slept.unwrap();
            woken.borrow_mut().push(millis);
        });
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
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let ended = Rc::new(RefCell::new(Vec::new()));
    let seen = ended.clone();
    let sleeping = sleep(&handle, Duration::from_secs(60), move |slept| {
        seen.borrow_mut().push(is_cancelled(&slept.unwrap_err()));
    });
    assert!(sleeping.cancel());
    assert!(!sleeping.cancel(), "it is cancelled already");
    assert!(ended.borrow().is_empty(), "it calls back from the queue");
    assert!(handle.snapshot().timed.is_empty());
    event_loop.run_ready();
    assert_eq!(*ended.borrow(), [true]);
}

#[test]
fn closing_the_loop_ends_a_sleep() {
    let mut event_loop = EventLoop::new().unwrap();
    let ended = Rc::new(RefCell::new(Vec::new()));
    let seen = ended.clone();
    sleep(&event_loop.handle(), Duration::from_secs(60), move |slept| {
        seen.borrow_mut().push(is_cancelled(&slept.unwrap_err()));
    });
    event_loop.close();
    assert_eq!(*ended.borrow(), [true]);
}

#[test]
fn a_sleep_that_begins_while_closing_ends_too() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let ended = Rc::new(RefCell::new(Vec::new()));
    let seen = ended.clone();
    sleep(&event_loop.handle(), Duration::from_secs(60), move |slept| {
        assert!(is_cancelled(&slept.unwrap_err()));
        sleep(&handle, Duration::from_secs(60), move |slept| {
            seen.borrow_mut().push(is_cancelled(&slept.unwrap_err()));
        });
    });
    event_loop.close();
    assert_eq!(*ended.borrow(), [true]);
}

#[test]
fn a_sleep_on_a_closed_loop_drops_its_callback() {
    let mut event_loop = EventLoop::new().unwrap();
    event_loop.close();
    let held = Rc::new(());
    let kept = held.clone();
    let sleeping = sleep(&event_loop.handle(), Duration::from_secs(60), move |_| drop(kept));
    assert!(!sleeping.cancel());
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn sleeping_for_no_time_lets_others_run() {
    fn chain(handle: LoopHandle, order: Rc<RefCell<String>>, name: char, left: u32) {
        order.borrow_mut().push(name);
        if left > 1 {
            sleep(&handle.clone(), Duration::ZERO, move |slept| {
                slept.unwrap();
                chain(handle, order, name, left - 1);
            });
        }
    }
    let mut event_loop = EventLoop::with_clock(ManualClock::new()).unwrap();
    let order = Rc::new(RefCell::new(String::new()));
    for name in ['a', 'b'] {
        chain(event_loop.handle(), order.clone(), name, 3);
    }
    for _ in 0..3 {
        event_loop.handle().stop();
        event_loop.run_forever().unwrap();
    }
    assert_eq!(*order.borrow(), "ababab");
}

#[test]
fn sleeping_until_a_deadline_that_has_passed_is_sleeping_until_now() {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    clock.advance(Duration::from_millis(5));
    let woken = Rc::new(RefCell::new(Vec::new()));
    for millis in [7, 0, 3] {
        let woken = woken.clone();
        sleep_until(&event_loop.handle(), Duration::from_millis(millis), move |slept| {
            slept.unwrap();
            woken.borrow_mut().push(millis);
        });
    }
    event_loop.run_once().unwrap();
    assert_eq!(*woken.borrow(), [0, 3]);
    clock.advance(Duration::from_millis(2));
    event_loop.run_once().unwrap();
    assert_eq!(*woken.borrow(), [0, 3, 7]);
}
