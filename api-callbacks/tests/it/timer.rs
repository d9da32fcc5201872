//! Sleeping.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::{Timer, sleep, sleep_until};
use loop_core::{EventLoop, LoopHandle, LoopTime, ManualClock, is_cancelled};

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
        sleep_until(
            &event_loop.handle(),
            LoopTime::ORIGIN + Duration::from_millis(millis),
            move |slept| {
                slept.unwrap();
                woken.borrow_mut().push(millis);
            },
        );
    }
    event_loop.run_once().unwrap();
    assert_eq!(*woken.borrow(), [0, 3]);
    clock.advance(Duration::from_millis(2));
    event_loop.run_once().unwrap();
    assert_eq!(*woken.borrow(), [0, 3, 7]);
}

/// A timer whose loop has a clock of its own, and how often it has called.
fn counting(again: Option<u64>) -> (EventLoop, ManualClock, Timer, Rc<Cell<u32>>) {
    let clock = ManualClock::new();
    let event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let calls = Rc::new(Cell::new(0));
    let counted = calls.clone();
    let timer = Timer::new(&event_loop.handle(), move || {
        counted.set(counted.get() + 1);
        again.map(Duration::from_millis)
    });
    (event_loop, clock, timer, calls)
}

#[test]
fn a_deadline_that_is_put_off_comes_when_the_last_delay_has_passed_and_once() {
    let (mut event_loop, clock, timer, calls) = counting(None);
    let handle = event_loop.handle();
    for millis in 1..=1_000 {
        timer.again(Duration::from_millis(10));
        assert_eq!(handle.snapshot().timed.len(), 1, "a timer for all of it");
        handle.call_soon(|| ());
        event_loop.run_once().unwrap();
        assert_eq!(calls.get(), 0, "{millis}");
        clock.advance(Duration::from_millis(1));
    }
    clock.advance(Duration::from_millis(8));
    let turn = |event_loop: &mut EventLoop| {
        event_loop.handle().call_soon(|| ());
        event_loop.run_once().unwrap();
    };
    turn(&mut event_loop);
    assert_eq!((calls.get(), timer.is_armed()), (0, true));
    clock.advance(Duration::from_millis(1));
    turn(&mut event_loop);
    assert_eq!((calls.get(), timer.is_armed(), timer.stop()), (1, false, false));
    assert!(handle.snapshot().timed.is_empty());
}

#[test]
fn to_put_a_deadline_off_leaves_the_timers_of_the_loop_as_they_are() {
    let (event_loop, clock, timer, _) = counting(None);
    for millis in 10..20 {
        timer.again(Duration::from_millis(millis));
        clock.advance(Duration::from_nanos(1));
    }
    let timed = event_loop.handle().snapshot().timed;
    assert_eq!(timed[0].deadline.since_origin(), Duration::from_millis(10));
}

#[test]
fn a_deadline_that_is_brought_forward_comes_earlier() {
    let (mut event_loop, clock, timer, calls) = counting(None);
    timer.again(Duration::from_secs(60));
    timer.again(Duration::from_millis(1));
    assert_eq!(event_loop.handle().snapshot().timed.len(), 1);
    clock.advance(Duration::from_millis(1));
    event_loop.run_once().unwrap();
    assert_eq!(calls.get(), 1);
}

#[test]
fn a_timer_repeats_as_its_function_says_until_it_is_stopped_or_dropped() {
    for drops in [false, true] {
        let (mut event_loop, clock, timer, calls) = counting(Some(5));
        timer.again(Duration::from_millis(5));
        for _ in 0..3 {
            clock.advance(Duration::from_millis(5));
            event_loop.run_once().unwrap();
        }
        assert_eq!(calls.get(), 3);
        if drops {
            drop(timer)
        } else {
            assert!(timer.stop() && !timer.stop())
        }
        assert!(event_loop.handle().snapshot().timed.is_empty());
    }
}

#[test]
fn a_timer_that_its_own_function_drops_is_not_armed_again() {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let place = Rc::new(Cell::new(None::<Timer>));
    let own = place.clone();
    let timer = Timer::new(&event_loop.handle(), move || {
        drop(own.take());
        Some(Duration::from_millis(1))
    });
    timer.again(Duration::ZERO);
    place.set(Some(timer));
    event_loop.run_once().unwrap();
    assert!(event_loop.handle().snapshot().timed.is_empty());
    assert_eq!(Rc::strong_count(&place), 1, "the function is dropped");
}

#[test]
fn a_loop_that_closes_does_not_call_a_timer() {
    let (mut event_loop, _clock, timer, calls) = counting(Some(1));
    timer.again(Duration::ZERO);
    event_loop.close();
    timer.again(Duration::ZERO);
    assert_eq!((calls.get(), timer.stop()), (0, true));
}

#[test]
fn a_timer_that_its_own_function_puts_off_and_drops_is_not_armed_again() {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let (timer, calls) = (Rc::new(RefCell::new(None::<Timer>)), Rc::new(Cell::new(0)));
    let (own, counted) = (timer.clone(), calls.clone());
    let made = Timer::new(&event_loop.handle(), move || {
        counted.set(counted.get() + 1);
        let timer = own.take()?;
        timer.again(Duration::from_millis(1));
        drop(timer);
        Some(Duration::from_millis(1))
    });
    made.again(Duration::from_millis(1));
    timer.replace(Some(made));
    for _ in 0..3 {
        clock.advance(Duration::from_millis(1));
        event_loop.handle().call_soon(|| ());
        event_loop.run_once().unwrap();
    }
    assert_eq!(calls.get(), 1);
    assert!(event_loop.handle().snapshot().timed.is_empty());
}
