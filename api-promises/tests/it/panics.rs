//! Users' code that panics where it should not: in destructors, clones and functions.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::rc::Rc;
use std::task::{Context, Waker};

use api_promises::combine::{all, any, race};
use api_promises::{CancellationToken, Fault, Promise};

use crate::lab::{Alive, Failing, Lab, Spiteful};

#[test]
fn a_branch_that_a_sibling_drops_is_counted_once() {
    for end in ["close", "resolve", "resolve after close"] {
        let mut lab = Lab::new();
        let (promise, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
        let shared = promise.share();
        let later: Rc<RefCell<Option<Failing<u32>>>> = Rc::default();
        let taken = later.clone();
        let first = shared.promise().map(move |value| {
            drop(taken.take());
            value
        });
        later.replace(Some(shared.then(|_| -> Result<u32, Fault> { unreachable!("dropped") })));
        let own = shared.clone();
        let second = shared.promise().map(move |value| {
            drop(own);
            value
        });
        drop(shared);
        lab.note("first", first);
        lab.note("second", second);
        if end != "resolve" {
            lab.event_loop.close();
        }
        if end != "close" {
            resolver.resolve(1);
            let ends = lab.settle();
            assert_eq!(ends, if end == "resolve" { "first:Ok(1) second:Ok(1)" } else { "" });
        }
        assert!(lab.reported().is_empty());
    }
}

#[test]
fn handlers_that_own_other_branches_are_released_by_the_close() {
    let (mut lab, alive) = (Lab::new(), Alive::default());
    let (promise, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
    let shared = promise.share();
    let held = alive.value();
    let b = shared.promise().map(move |_| drop(held));
    let a = shared.promise().map(move |value| {
        drop(b);
        value
    });
    a.detach(|_| ());
    drop(shared);
    lab.event_loop.close();
    resolver.resolve(1);
    assert_eq!(alive.count(), 0);
}

/// A value whose second clone panics.
#[derive(Debug)]
struct Fragile(Rc<Cell<u32>>);

impl Clone for Fragile {
    fn clone(&self) -> Fragile {
        self.0.set(self.0.get() + 1);
        assert!(self.0.get() != 2, "a clone on purpose");
        Fragile(self.0.clone())
    }
}

#[test]
fn a_clone_that_panics_rejects_its_branch_and_the_others_have_theirs() {
    let mut lab = Lab::new();
    let (promise, resolver) = Failing::<Fragile>::with_resolvers(&lab.handle);
    let shared = promise.share();
    for name in ["a", "b", "c"] {
        lab.note(name, shared.promise().map(|_| ()));
    }
    resolver.resolve(Fragile(Rc::default()));
    let ends = lab.settle();
    assert_eq!(ends, r#"a:Ok(()) b:Err(Panicked("a clone on purpose")) c:Ok(())"#);
    assert_eq!(lab.reported().len(), 1);
    let shared = Failing::resolve(&lab.handle, Fragile(Rc::new(Cell::new(1)))).share();
    lab.note("late", shared.promise().map(|_| ()));
    assert_eq!(lab.settle(), r#"late:Err(Panicked("a clone on purpose"))"#);
    assert_eq!(lab.reported().len(), 1);
}

#[test]
fn a_destructor_that_panics_is_reported_once_and_nothing_stays() {
    type End = Box<dyn Fn(&mut Lab, Failing<()>)>;
    let ends: Vec<End> = vec![
        Box::new(|_, promise| drop(promise)),
        Box::new(|lab, promise| {
            promise.detach(|_| ());
            lab.event_loop.close();
            // The close has dropped the exception handler; the default one writes to stderr.
            lab.reports.borrow_mut().push(String::new());
        }),
        Box::new(|lab, promise| drop(race(&lab.handle, [promise, Promise::never(&lab.handle)]))),
        Box::new(|lab, promise| drop(all(&lab.handle, [promise]))),
        Box::new(|lab, promise| {
            let whole = race(&lab.handle, [promise, Promise::resolve(&lab.handle, ())]);
            lab.note("whole", whole);
            assert_eq!(lab.settle(), "whole:Ok(())");
        }),
        Box::new(|_, promise| drop(promise.share())),
        Box::new(|lab, promise| {
            let token = CancellationToken::new();
            lab.note("guarded", token.guard(promise));
            token.cancel();
            assert_eq!(lab.settle(), "guarded:Err(Cancelled)");
        }),
    ];
    for (number, end) in ends.iter().enumerate() {
        let (mut lab, alive) = (Lab::new(), Alive::default());
        let (promise, resolver) = Failing::<()>::with_resolvers(&lab.handle);
        let (below, spite, above) = (alive.value(), Spiteful, alive.value());
        let chain = promise.map(move |()| drop(below)).map(move |()| drop(spite));
        end(&mut lab, chain.map(move |()| drop(above)));
        drop(resolver);
        assert_eq!((alive.count(), lab.reported().len()), (0, 1), "end {number}");
    }
}

#[test]
fn values_and_reasons_that_panic_when_they_are_dropped_are_reported_once() {
    let mut lab = Lab::new();
    drop(Failing::resolve(&lab.handle, Spiteful));
    assert_eq!(lab.reported().len(), 1);
    let (promise, resolver) = Failing::with_resolvers(&lab.handle);
    drop(promise);
    resolver.resolve(Spiteful);
    assert_eq!(lab.reported().len(), 1);
    lab.note(
        "kept",
        all(
            &lab.handle,
            [Failing::resolve(&lab.handle, Spiteful), Failing::reject(&lab.handle, Fault::Cycle)],
        ),
    );
    assert_eq!(lab.settle(), "kept:Err(Cycle)");
    assert_eq!(lab.reported().len(), 1);
    let (first, second) = (Failing::resolve(&lab.handle, Spiteful), Promise::never(&lab.handle));
    let whole = all(&lab.handle, [first, second]);
    lab.settle();
    drop(whole);
    assert_eq!(lab.reported().len(), 1);
    let shared = Failing::resolve(&lab.handle, Rc::new(Spiteful)).share();
    drop(shared);
    assert_eq!(lab.reported().len(), 1);
}

#[test]
fn a_payload_that_panics_is_contained() {
    let mut lab = Lab::new();
    lab.note("map", Failing::resolve(&lab.handle, 1).map(|_| -> u32 { panic_any(Spiteful) }));
    assert_eq!(lab.settle(), r#"map:Err(Panicked("a panic without a message"))"#);
    assert_eq!(lab.reported().len(), 1);
}

#[test]
fn any_of_nothing_but_panics_that_were_reported_is_not_reported_again() {
    let mut lab = Lab::new();
    let fails = |lab: &Lab, message: &'static str| {
        Failing::<u32>::resolve(&lab.handle, 1).map(move |_| panic_any(message))
    };
    let parts = [fails(&lab, "one"), fails(&lab, "two")];
    let whole = any(&lab.handle, parts);
    lab.settle();
    assert_eq!(lab.reported().len(), 2);
    drop(whole);
    assert_eq!(lab.reported(), [""; 0]);
    let parts = [fails(&lab, "one"), Failing::reject(&lab.handle, Fault::Cycle)];
    let whole = any(&lab.handle, parts);
    lab.settle();
    assert_eq!(lab.reported().len(), 1);
    drop(whole);
    assert_eq!(lab.reported().len(), 1, "no code has heard of the other rejection");
}

/// A value each clone of which panics when it is dropped.
#[derive(Clone)]
struct Cross;

impl Drop for Cross {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic_any("cross");
        }
    }
}

/// A shared promise settles its branches one after the other, and the first may give up the next.
#[test]
fn an_outcome_for_a_consumer_that_a_sibling_gave_up_is_dropped_with_care() {
    let mut lab = Lab::new();
    let shared = || {
        let (promise, resolver) = Failing::<Cross>::with_resolvers(&lab.handle);
        (promise.share(), resolver)
    };
    let (first, settles_group) = shared();
    let whole = any(&lab.handle, [first.promise(), first.promise()]);
    let (second, settles_awaited) = shared();
    let owner = second.promise();
    let mut awaited = Box::pin(second.promise());
    assert!(awaited.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let owner = owner.then(move |value| {
        drop(awaited);
        Ok(value)
    });
    lab.event_loop.close();
    for resolver in [settles_group, settles_awaited] {
        let settled = catch_unwind(AssertUnwindSafe(|| resolver.resolve(Cross)));
        assert!(settled.is_ok(), "a destructor has unwound into the caller");
    }
    drop((whole, owner, first, second));
}
