//! Functions of users' that panic: those of combinators and bridges.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use api_promises::combine::{all, any, each, map_limit, race, retry};
use api_promises::{CancellationToken, Fault, Promise, callbackify, promisify, sleep};
use futures::executor::LocalPool;
use loop_core::Backoff;

use crate::lab::{Alive, Failing, Lab, Spiteful};

#[test]
fn functions_that_combinators_call_at_once_reject_and_do_not_unwind() {
    let mut lab = Lab::new();
    let handle = lab.handle.clone();
    let items = || (0..3).map(|item| if item == 1 { panic!("items") } else { item });
    let parts = || items().map(|item| Failing::resolve(&handle, item));
    let panicked = r#"Err(Panicked("items"))"#;
    lab.note("all", all(&handle, parts()));
    lab.note("race", race(&handle, parts()));
    lab.note("each", each(&handle, items().skip(1), Ok::<_, Fault>));
    lab.note("map_limit", map_limit(&handle, items(), 2, Ok::<_, Fault>));
    lab.note("any", any(&handle, parts()).map_err(|failed| failed.errors[0].clone()));
    let tried = Failing::<u32>::try_from_fn(&handle, || -> Result<u32, Fault> { panic!("items") });
    lab.note("try", tried);
    let ends = lab.settle();
    assert_eq!(ends.matches(panicked).count(), 6, "{ends}");
    assert_eq!(lab.reported().len(), 6);
}

#[test]
fn a_function_that_panics_ends_a_map_and_is_not_called_again() {
    for limit in [1, 2, 9] {
        let mut lab = Lab::new();
        let (calls, alive) = (Rc::new(Cell::new(0)), Alive::default());
        let (count, handle, held) = (calls.clone(), lab.handle.clone(), alive.clone());
        let whole = map_limit(&lab.handle, 0..9, limit, move |item| {
            count.set(count.get() + 1);
            assert!(item != 1, "on purpose");
            let value = held.value();
            sleep(&handle, Duration::from_secs(item)).map(move |()| value).map_err(|_| Fault::Cycle)
        });
        let ended = whole.map(|values| values.len()).run_until_complete(&mut lab.event_loop);
        assert_eq!(ended.unwrap(), Err(Fault::Panicked("on purpose".into())));
        assert_eq!((calls.get(), lab.reported().len(), alive.count()), (2, 1, 0));
    }
}

#[test]
fn retry_repeats_neither_panics_nor_cancellations() {
    type Try = Box<dyn Fn(&loop_core::LoopHandle) -> Promise<u32, io::Error>>;
    let tries: Vec<(Try, usize)> = vec![
        (Box::new(|_| panic!("on purpose")), 1),
        (Box::new(|handle| Promise::resolve(handle, 1).map(|_| panic!("on purpose"))), 1),
        (
            Box::new(|handle| {
                map_limit(handle, [1], 1, |_| -> io::Result<u32> { panic!("on purpose") })
                    .map(|_| 1)
            }),
            1,
        ),
        (
            Box::new(|handle| {
                let token = CancellationToken::new();
                let guarded = token.guard(Promise::never(handle));
                token.cancel();
                guarded
            }),
            0,
        ),
        (Box::new(|handle| Promise::reject(handle, loop_core::Cancelled.into())), 0),
    ];
    for (number, (attempt, reports)) in tries.into_iter().enumerate() {
        let mut lab = Lab::new();
        let (calls, handle) = (Rc::new(Cell::new(0)), lab.handle.clone());
        let count = calls.clone();
        let tried = retry(&lab.handle, Backoff::default(), move || {
            count.set(count.get() + 1);
            attempt(&handle)
        });
        let tried = tried.run_until_complete(&mut lab.event_loop).unwrap();
        assert!(tried.is_err_and(|error| error.kind() == ErrorKind::Other));
        assert_eq!((calls.get(), lab.reported().len()), (1, reports), "try {number}");
    }
}

#[test]
fn a_callee_that_panics_is_told_to_the_promise_and_reported_once() {
    let mut lab = Lab::new();
    let handle = lab.handle.clone();
    lab.note(
        "later",
        promisify(&handle, |resolver| {
            handle.call_soon(move || {
                let _kept = &resolver;
                panic!("later");
            });
            || ()
        }) as Failing<u32>,
    );
    lab.note("at once", promisify(&handle, |_| -> fn() { panic!("at once") }) as Failing<u32>);
    let (owner, resolver) = Failing::<u32>::with_resolvers(&handle);
    lab.note(
        "handler",
        Failing::resolve(&handle, 1)
            .map(move |_| -> u32 {
                let _kept = &resolver;
                panic!("handler")
            })
            .catch(|_| Ok::<_, Fault>(0)),
    );
    lab.note("owned", owner);
    let mut pool = LocalPool::new();
    let future = async { panic!("future") };
    let spawned: Failing<u32> = Promise::spawn(&handle, &pool.spawner(), future).unwrap();
    lab.note("spawned", spawned);
    pool.run_until_stalled();
    let ends = lab.settle();
    for told in [
        r#"later:Err(Panicked("later"))"#,
        r#"at once:Err(Panicked("at once"))"#,
        r#"owned:Err(Panicked("handler"))"#,
        r#"spawned:Err(Panicked("future"))"#,
    ] {
        assert!(ends.contains(told), "{told} in {ends}");
    }
    assert_eq!(lab.reported().len(), 4);
}

#[test]
fn a_resolver_that_a_caught_panic_drops_rejects_all_the_same() {
    let mut lab = Lab::new();
    let (promise, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
    lab.note("orphan", promise);
    let caught = catch_unwind(AssertUnwindSafe(move || {
        let _kept = &resolver;
        panic!("caught elsewhere");
    }));
    assert!(caught.is_err());
    assert!(lab.settle().starts_with("orphan:Err(Panicked("));
    assert!(lab.reported().is_empty());
}

#[test]
fn what_cancels_an_operation_may_panic() {
    let (mut lab, alive) = (Lab::new(), Alive::default());
    let held = alive.value();
    let operation = promisify(&lab.handle, |resolver| {
        move || {
            drop(resolver);
            panic!("on purpose");
        }
    }) as Failing<u32>;
    drop(operation.map(move |_| drop(held)));
    assert_eq!((alive.count(), lab.reported().len()), (0, 1));
    callbackify(Failing::resolve(&lab.handle, Spiteful), |_| ());
    lab.settle();
    assert_eq!(lab.reported().len(), 1);
}
