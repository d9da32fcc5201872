//! Sleeping.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use api_promises::{Promise, sleep};
use loop_core::{EventLoop, LoopHandle, ManualClock, is_cancelled};

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

#[test]
fn a_sleep_that_begins_while_closing_ends_too() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let ended = Rc::new(RefCell::new(Vec::new()));
    let seen = ended.clone();
    let slept = sleep(&event_loop.handle(), Duration::from_secs(60));
    let again = slept.catch(move |error| {
        assert!(is_cancelled(&error));
        sleep(&handle, Duration::from_secs(60))
    });
    again.detach(move |error| seen.borrow_mut().push(is_cancelled(&error)));
    event_loop.close();
    assert_eq!(*ended.borrow(), [true]);
    assert_eq!(Rc::strong_count(&ended), 1);
}

#[test]
fn sleeping_for_no_time_lets_others_run() {
    type Order = Rc<RefCell<String>>;
    fn chain(handle: LoopHandle, order: Order, name: char, left: u32) -> Promise<(), io::Error> {
        order.borrow_mut().push(name);
        sleep(&handle.clone(), Duration::ZERO).then(move |()| match left {
            1 => Promise::resolve(&handle, ()),
            left => chain(handle, order, name, left - 1),
        })
    }
    let mut event_loop = EventLoop::with_clock(ManualClock::new()).unwrap();
    let order = Order::default();
    for name in ['a', 'b'] {
        let chain = chain(event_loop.handle(), order.clone(), name, 3);
        chain.detach(|error| panic!("{error}"));
    }
    for _ in 0..3 {
        event_loop.handle().stop();
        event_loop.run_forever().unwrap();
    }
    assert_eq!(*order.borrow(), "ababab");
}
