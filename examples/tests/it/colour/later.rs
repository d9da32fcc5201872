//! C16, C19, C21: a callback that is given behind the call, deferrals in a chain, and a start that is
//! not deferred.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use examples::claims::{observed, part};
use loop_core::{EventLoop, LoopHandle, TurnRule};

use super::trace::{Trace, lab};

pub(super) const DEFERRALS: u64 = 100;

/// Asio's `deferred`: the call says what to do, and returns what begins it, once a callback is given.
fn deferred_sleep(
    handle: &LoopHandle,
    delay: Duration,
) -> impl FnOnce(Box<dyn FnOnce()>) -> api_callbacks::Operation {
    let handle = handle.clone();
    move |callback| api_callbacks::sleep(&handle, delay, move |_| callback())
}

pub(super) fn what_takes_its_callback_behind_the_call(event_loop: &mut EventLoop, trace: &Trace) {
    let handle = event_loop.handle();
    let called = deferred_sleep(&handle, Duration::from_millis(1));
    trace.note("called");
    event_loop.run_ready();
    trace.note("callback given");
    let seen = trace.clone();
    drop(called(Box::new(move || seen.note("called back"))));
    while !handle.snapshot().timed.is_empty() {
        event_loop.run_once().unwrap();
    }
    let order = trace.take();
    observed("C16", "order_of_a_deferred_call", order.join(", "));
    let after_the_call = order == ["called", "callback given", "called back"];
    assert!(!part("C16", "a callback must be given at the call", !after_the_call), "{order:?}");
}

#[test]
fn a_future_that_has_a_runner_does_not_stay_pending() {
    let (mut event_loop, handle) = lab();
    let slept = async move { api_async::sleep(&handle, Duration::from_millis(1)).await };
    assert!(api_async::run_until_complete(&mut event_loop, slept).is_ok());
}

/// The planted fault: what is made has been polled, so that it has begun.
#[test]
fn a_future_that_has_been_polled_has_begun() {
    let (_event_loop, handle) = lab();
    let mut future = pin!(api_async::sleep(&handle, Duration::from_millis(1)));
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(handle.snapshot().timed.len(), 1);
}

/// Counts the polls of a chain of a hundred deferrals, each of which queues the next.
pub(super) fn polls_of_deferrals(rule: TurnRule) -> u64 {
    fn defer(handle: &LoopHandle, left: u64, ended: Rc<Cell<bool>>) {
        let next = handle.clone();
        handle.call_soon(move || match left {
            0 => ended.set(true),
            _ => defer(&next, left - 1, ended),
        });
    }
    let (mut event_loop, handle) = lab();
    handle.set_turn_rule(rule);
    let ended = Rc::new(Cell::new(false));
    defer(&handle, DEFERRALS - 1, ended.clone());
    while !ended.get() {
        event_loop.run_once().unwrap();
    }
    handle.counts().polls
}

#[test]
fn where_each_hop_waits_for_a_turn_a_deferral_takes_a_poll() {
    assert_eq!(polls_of_deferrals(TurnRule::Snapshot), DEFERRALS);
}

/// Spawns as CPython's eager task factory and JavaScript's async functions do: what comes before the
/// first wait runs inside the call.
fn spawn_eagerly(handle: &LoopHandle, future: impl Future<Output = ()> + 'static) {
    let mut future = Box::pin(future);
    if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
        api_async::spawn(handle, future).detach();
    }
}

/// Returns what comes first, the effect or the return, where the start is eager.
fn eager_order(event_loop: &mut EventLoop, trace: &Trace, waits: bool) -> Vec<&'static str> {
    let handle = event_loop.handle();
    let (inside, timers) = (trace.clone(), handle.clone());
    spawn_eagerly(&handle, async move {
        if waits {
            api_async::sleep(&timers, Duration::ZERO).await;
        }
        inside.note("effect");
    });
    trace.note("returned");
    while event_loop.run_ready() > 0 {}
    while !handle.snapshot().timed.is_empty() {
        event_loop.run_once().unwrap();
    }
    trace.take()
}

#[test]
fn the_effect_of_an_eager_start_that_waits_for_nothing_comes_before_the_return() {
    let (mut event_loop, _) = lab();
    let order = eager_order(&mut event_loop, &Trace::default(), false);
    assert_eq!(order, ["effect", "returned"]);
}

/// With an eager start an effect comes after the return only if something waits before it.
pub(super) fn eager_starts(event_loop: &mut EventLoop, trace: &Trace) {
    let [behind, before] = [true, false].map(|waits| eager_order(event_loop, trace, waits));
    observed("C21", "order_eager_behind_a_wait", behind.join(", "));
    observed("C21", "order_eager_before_a_wait", before.join(", "));
    let late = "eager: an effect behind a wait comes after the return";
    assert!(part("C21", late, behind == ["returned", "effect"]), "{behind:?}");
    let late = "eager: an effect before the first wait comes after the return";
    assert!(!part("C21", late, before == ["returned", "effect"]), "{before:?}");
}
