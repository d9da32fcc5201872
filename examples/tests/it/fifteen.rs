//! The two of the fifteen behaviours that need futures; the others are tested in `loop-core`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use api_async::spawn;
use futures::channel::oneshot;
use futures::future::{FutureExt, Shared};
use loop_core::{EventLoop, TurnRule};

/// Number 13: given a future with the waiters d1 and d2, when it is set and d3 comes after, then
/// nothing runs at once, and d1, d2, d3 run in this order.
#[test]
fn setting_a_result_runs_nothing_at_once_and_all_waiters_in_order() {
    for rule in [TurnRule::Snapshot, TurnRule::default()] {
        let mut event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        handle.set_turn_rule(rule);
        let (result, future) = oneshot::channel();
        let future = future.map(Result::unwrap).shared();
        let trace = Rc::new(RefCell::new(Vec::new()));
        let wait = |name: &'static str, future: &Shared<_>| {
            let (trace, future) = (trace.clone(), future.clone());
            spawn(&handle, async move {
                let value: u32 = future.await;
                trace.borrow_mut().push((name, value));
            })
            .detach();
        };
        wait("d1", &future);
        wait("d2", &future);
        event_loop.run_ready();
        result.send(7).unwrap();
        assert!(trace.borrow().is_empty(), "nothing at once");
        wait("d3", &future);
        while event_loop.run_ready() > 0 {}
        assert_eq!(*trace.borrow(), [("d1", 7), ("d2", 7), ("d3", 7)], "{rule:?}");
    }
}

/// Number 15: given a waiter, when its future is resolved and the waiter is cancelled in the same
/// turn, then the waiter ends as cancelled and the value is dropped, visibly.
#[test]
fn a_waiter_cancelled_in_the_turn_of_the_result_drops_the_value() {
    struct Value(Rc<Cell<bool>>);
    impl Drop for Value {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let (result, future) = oneshot::channel();
    let reached = Rc::new(Cell::new(false));
    let seen = reached.clone();
    let waiter = spawn(&handle, async move {
        let _value = future.await.unwrap();
        seen.set(true);
    });
    event_loop.run_ready();
    let dropped = Rc::new(Cell::new(false));
    assert!(result.send(Value(dropped.clone())).is_ok());
    assert!(!dropped.get());
    assert!(waiter.abort());
    assert!(dropped.get(), "the value went with the future that was to receive it");
    while event_loop.run_ready() > 0 {}
    assert!(!reached.get());
}
