//! Sleeping.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use api_async::combine::timeout;
use api_async::{run_until_complete, sleep, sleep_until, spawn, spawn_infallible};
use loop_core::{EventLoop, LoopTime, ManualClock};

use crate::lab::{Lab, lab};

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
fn a_sleep_longer_than_the_timers_count_ends_on_a_clock_that_jumps() {
    let beyond = Duration::from_secs(600 * 366 * 86_400);
    for delay in [beyond, Duration::from_nanos(u64::MAX), Duration::MAX] {
        let Lab { mut event_loop, handle, .. } = lab();
        let slept = sleep(&handle, delay);
        let until = sleep_until(&handle, LoopTime::ORIGIN + delay);
        let pending = std::future::pending::<std::io::Result<()>>();
        let whole = async move {
            slept.await;
            until.await;
            timeout(&handle, delay, pending).await.unwrap_err().kind()
        };
        within_turns(&mut event_loop, 100, async move {
            assert_eq!(whole.await, std::io::ErrorKind::TimedOut);
        });
    }
}

/// Runs `future` to its end, which must come within so many turns.
fn within_turns(
    event_loop: &mut EventLoop,
    turns: u32,
    future: impl Future<Output = ()> + 'static,
) {
    let ended = Rc::new(Cell::new(false));
    let end = ended.clone();
    let whole = async move {
        future.await;
        end.set(true);
    };
    spawn(&event_loop.handle(), whole).detach();
    for _ in 0..turns {
        if ended.get() {
            return;
        }
        let snapshot = event_loop.handle().snapshot();
        let goes_on = !snapshot.ready.is_empty() || !snapshot.timed.is_empty();
        assert!(goes_on, "this poll would wait for ever");
        event_loop.run_once().unwrap();
    }
    panic!("it has not ended within {turns} turns");
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

#[test]
fn sleeping_for_no_time_lets_others_run() {
    let mut event_loop = EventLoop::with_clock(ManualClock::new()).unwrap();
    let handle = event_loop.handle();
    let order = Rc::new(RefCell::new(String::new()));
    for name in ['a', 'b'] {
        let (handle, order) = (handle.clone(), order.clone());
        let chain = async move {
            for _ in 0..3 {
                order.borrow_mut().push(name);
                sleep(&handle, Duration::ZERO).await;
            }
        };
        spawn(&event_loop.handle(), chain).detach();
    }
    for _ in 0..3 {
        handle.stop();
        event_loop.run_forever().unwrap();
    }
    assert_eq!(*order.borrow(), "ababab");
}

#[test]
fn sleeping_for_no_time_again_and_again_starves_no_timer() {
    const TURNS_MAX: u32 = 1_000;
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let (over, turns) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(0)));
    let (seen, counted, again) = (over.clone(), turns.clone(), handle.clone());
    spawn(&handle, async move {
        while !seen.get() && counted.get() < TURNS_MAX {
            sleep(&again, Duration::ZERO).await;
            counted.set(counted.get() + 1);
        }
    })
    .detach();
    let ends = over.clone();
    handle.call_later(Duration::ZERO, move || ends.set(true));
    for _ in 0..5 {
        handle.stop();
        event_loop.run_forever().unwrap();
    }
    assert!(over.get() && turns.get() < TURNS_MAX, "{}", turns.get());
}

/// As with callbacks and promises, what is behind it does not run; and a loop of it does not spin.
#[test]
fn a_sleep_on_a_closed_loop_never_ends_and_is_reported_once() {
    let (mut closed, mut open) = (EventLoop::new().unwrap(), EventLoop::new().unwrap());
    let (handle, rounds) = (closed.handle(), Rc::new(Cell::new(0)));
    let (reports, told) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (counted, seen) = (rounds.clone(), reports.clone());
    let (begun, gone) = (sleep(&handle, Duration::from_secs(60)), handle.clone());
    closed.close();
    handle.set_exception_handler(move |_, _| seen.set(seen.get() + 1));
    // The sleepers are tasks of a loop that is open still.
    let late = told.clone();
    let sleeper = spawn(&open.handle(), async move {
        begun.await;
        late.set(1);
    });
    let endless = spawn_infallible(&open.handle(), async move {
        loop {
            sleep(&gone, Duration::ZERO).await;
            counted.set(counted.get() + 1);
            assert!(counted.get() < 1_000, "it is always ready");
        }
    });
    for _ in 0..10 {
        open.run_ready();
    }
    assert!(!sleeper.is_finished() && !endless.is_finished());
    assert_eq!((told.get(), rounds.get(), reports.get()), (0, 0, 2));
    assert!(open.handle().snapshot().ready.is_empty(), "the loop can rest");
    let limited = timeout(&handle, Duration::from_secs(60), std::future::pending());
    let limited: Result<std::io::Result<()>, _> = run_until_complete(&mut open, limited);
    assert_eq!(limited.unwrap().unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    let (_, _) = (sleeper.abort(), endless.abort());
}

#[test]
fn a_sleep_until_a_deadline_ends_then_and_one_in_the_past_at_once() {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let handle = event_loop.handle();
    clock.advance(Duration::from_secs(5));
    run_until_complete(
        &mut event_loop,
        sleep_until(&handle, LoopTime::ORIGIN + Duration::from_secs(1)),
    )
    .unwrap();
    let ended = Rc::new(Cell::new(false));
    let (slept, seen) =
        (sleep_until(&handle, LoopTime::ORIGIN + Duration::from_secs(7)), ended.clone());
    spawn(&handle, async move {
        slept.await;
        seen.set(true);
    })
    .detach();
    for (seconds, over) in [(0, false), (1, false), (1, true)] {
        clock.advance(Duration::from_secs(seconds));
        event_loop.run_once().unwrap();
        assert_eq!(ended.get(), over);
    }
}
