//! The bridges to the other styles: callbacks and futures.

use std::cell::Cell;
use std::rc::Rc;

use api_promises::{Fault, Promise, callbackify, promisify};
use futures::executor::LocalPool;

use crate::lab::{Failing, Lab};

#[test]
fn a_callback_that_panics_is_called_once() {
    let mut lab = Lab::new();
    let calls = Rc::new(Cell::new(0));
    let count = calls.clone();
    callbackify(Failing::resolve(&lab.handle, 1), move |_| {
        count.set(count.get() + 1);
        panic!("on purpose");
    });
    lab.settle();
    assert_eq!((calls.get(), lab.reports.take().len()), (1, 1));
}

#[test]
fn a_callback_that_is_dropped_uncalled_rejects() {
    let mut lab = Lab::new();
    let dropped = promisify::<u32, Fault, _>(&lab.handle, |resolver| {
        drop(resolver);
        || unreachable!("it is settled")
    });
    lab.note("dropped", dropped);
    assert!(lab.settle().starts_with("dropped:Err(Dropped("));
}

#[test]
fn a_future_runs_as_a_task_and_is_dropped_with_its_promise() {
    let mut lab = Lab::new();
    let mut pool = LocalPool::new();
    let spawner = pool.spawner();
    let spawned = Promise::spawn(&lab.handle, &spawner, async { Ok::<_, Fault>(7) }).unwrap();
    lab.note("spawned", spawned);
    pool.run_until_stalled();
    assert_eq!(lab.settle(), "spawned:Ok(7)");
    let held = Rc::new(());
    let kept = held.clone();
    let endless = async move {
        std::future::pending::<()>().await;
        drop(kept);
        Ok::<u32, Fault>(1)
    };
    let spawned = Promise::spawn(&lab.handle, &spawner, endless).unwrap();
    pool.run_until_stalled();
    drop(spawned);
    pool.run_until_stalled();
    assert_eq!(Rc::strong_count(&held), 1);
    assert!(lab.reports.take().is_empty());
}
