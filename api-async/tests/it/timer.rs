//! Sleeping.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use api_async::{sleep, spawn};
use loop_core::{EventLoop, ManualClock};

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines() {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let woken = Rc::new(RefCell::new(Vec::new()));
    for millis in [3, 1, 2] {
        let woken = woken.clone();
        let slept = sleep(&event_loop.handle(), Duration::from_millis(millis));
        let sleeper = async move {
            slept.await;
            woken.borrow_mut().push(millis);
        };
        spawn(&event_loop.handle(), sleeper).detach();
    }
    event_loop.run_once().unwrap();
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
    let slept = spawn(&handle, sleep(&handle, Duration::from_secs(60)));
    event_loop.run_ready();
    assert_eq!(handle.snapshot().timed.len(), 1);
    assert!(slept.abort());
    assert!(handle.snapshot().timed.is_empty());
}

#[test]
fn closing_the_loop_ends_a_sleep() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    /// Says that the future was dropped.
    struct Dropped(Rc<Cell<bool>>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let ended = Rc::new(Cell::new(false));
    let guard = Dropped(ended.clone());
    let sleeper = {
        let handle = handle.clone();
        async move {
            sleep(&handle, Duration::from_secs(60)).await;
            drop(guard);
        }
    };
    spawn(&handle, sleeper).detach();
    event_loop.run_ready();
    event_loop.close();
    assert!(ended.get());
    assert!(handle.snapshot().timed.is_empty());
}
