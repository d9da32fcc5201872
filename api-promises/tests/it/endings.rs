//! What is left when promises end: nothing, however they end, and however deep they are nested.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use allocation_counter::measure;
use api_promises::combine::{all, all_settled, any, race};
use api_promises::{CancellationToken, Fault, Promise, Resolver, Shared, callbackify, promisify};
use loop_core::LoopHandle;

use crate::lab::{Alive, Failing, Lab};

type Step = Box<dyn Fn(&LoopHandle, Failing<u32>) -> Failing<u32>>;

/// How deep a structure is that has only to be dropped.
const DEEPEST: usize = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };

/// What nests one promise in another.
fn nestings() -> Vec<(&'static str, Step)> {
    let token = CancellationToken::new();
    vec![
        ("race", Box::new(|handle, part| race(handle, [part, Promise::never(handle)]))),
        ("all", Box::new(|handle, part| all(handle, [part]).map(|values| values[0]))),
        ("any", Box::new(|handle, part| any(handle, [part]).map_err(|_| Fault::Cycle))),
        (
            "settled",
            Box::new(|handle, part| {
                all_settled(handle, [part]).then(|outcomes| outcomes.into_iter().next().unwrap())
            }),
        ),
        ("guard", Box::new(move |_, part| token.guard(part))),
        ("shared", Box::new(|_, part| part.share().promise())),
        (
            "finally",
            Box::new(|handle, part| {
                let handle = handle.clone();
                part.finally(move || Promise::resolve(&handle, ()))
            }),
        ),
        (
            "owned",
            Box::new(|handle, part| {
                // A handler that owns the promise that it will return.
                let (promise, resolver) = Failing::<()>::with_resolvers(handle);
                resolver.resolve(());
                promise.then(move |()| part)
            }),
        ),
        (
            "value",
            Box::new(|handle, part| {
                promisify(handle, move |resolver: Resolver<u32, Fault>| {
                    callbackify(part, move |outcome| resolver.settle(outcome));
                    || ()
                })
            }),
        ),
    ]
}

/// Nests on a stack of 256 KiB.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap();
}

#[test]
fn nested_promises_settle_are_dropped_and_are_closed_without_recursion() {
    const DEEP: usize = DEEPEST / 10;
    on_a_small_stack(|| {
        for (name, nest) in nestings() {
            let mut lab = Lab::new();
            let nested = |lab: &Lab| {
                let (promise, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
                let promise = (0..DEEP).fold(promise, |promise, _| nest(&lab.handle, promise));
                (promise, resolver)
            };
            let (promise, resolver) = nested(&lab);
            lab.note(name, promise);
            resolver.resolve(7);
            assert_eq!(lab.settle(), format!("{name}:Ok(7)"));
            let (promise, resolver) = nested(&lab);
            drop(promise);
            resolver.resolve(7);
            lab.settle();
            let (promise, resolver) = nested(&lab);
            lab.note(name, promise);
            lab.event_loop.close();
            resolver.resolve(7);
        }
    });
}

#[test]
fn a_million_races_and_guards_are_dropped_on_a_small_stack() {
    on_a_small_stack(|| {
        let lab = Lab::new();
        let token = CancellationToken::new();
        let (promise, _resolver) = Failing::<u32>::with_resolvers(&lab.handle);
        drop((0..DEEPEST).fold(promise, |promise, _| race(&lab.handle, [promise])));
        let (promise, _resolver) = Failing::<u32>::with_resolvers(&lab.handle);
        let guarded = (0..DEEPEST).fold(promise, |promise, _| token.guard(promise));
        drop(guarded);
    });
}

/// A list whose links are promises that have their values.
struct List(#[expect(dead_code, reason = "it is owned")] Option<Promise<Box<List>, Fault>>);

#[test]
fn values_that_own_promises_are_dropped_without_recursion() {
    on_a_small_stack(|| {
        let lab = Lab::new();
        let list = |lab: &Lab| {
            (0..DEEPEST).fold(List(None), |list, _| {
                List(Some(Promise::resolve(&lab.handle, Box::new(list))))
            })
        };
        drop(list(&lab));
        let owner = list(&lab);
        let (promise, _resolver) = Failing::<()>::with_resolvers(&lab.handle);
        drop(promise.map(move |()| drop(owner)));
    });
}

#[test]
fn resolvers_that_handlers_own_are_dropped_on_a_closed_loop_without_recursion() {
    on_a_small_stack(|| {
        let mut lab = Lab::new();
        let (first, mut resolver) = Failing::<()>::with_resolvers(&lab.handle);
        drop(first);
        for _ in 0..DEEPEST {
            let (promise, next) = Failing::<()>::with_resolvers(&lab.handle);
            promise.map(move |()| drop(resolver)).detach(|_| ());
            resolver = next;
        }
        lab.event_loop.close();
        drop(resolver);
    });
}

/// A loop whose rounds each race a signal.
fn rounds(handle: LoopHandle, left: u32, stop: Stop) -> Failing<u32> {
    if left == 0 {
        return Promise::resolve(&handle, 0);
    }
    let (next, again) = (handle.clone(), stop.clone());
    let work = Failing::resolve(&handle, ()).then(move |()| rounds(next, left - 1, again));
    match stop {
        Stop::Token(token) => token.guard(work),
        Stop::Shared(stop) => race(&handle, [stop.promise(), work]),
    }
}

#[derive(Clone)]
enum Stop {
    Token(CancellationToken),
    Shared(Shared<u32, Fault>),
}

#[test]
fn a_loop_whose_rounds_each_race_a_signal_runs_in_constant_memory() {
    let mut lab = Lab::new();
    let (promise, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
    let stop = promise.share();
    for stop in [Stop::Token(CancellationToken::new()), Stop::Shared(stop.clone())] {
        for left in [10, 10_000] {
            lab.note("ended", rounds(lab.handle.clone(), left, stop.clone()));
            let cost = measure(|| assert_eq!(lab.settle(), "ended:Ok(0)"));
            assert!(cost.bytes_max < 16 << 10, "{} bytes in {left} rounds", cost.bytes_max);
        }
        let endless = rounds(lab.handle.clone(), u32::MAX, stop.clone());
        lab.note("stopped", endless);
        for _ in 0..100 {
            lab.event_loop.run_ready();
        }
        match &stop {
            Stop::Token(token) => token.cancel(),
            Stop::Shared(_) => break,
        }
        assert_eq!(lab.settle(), "stopped:Err(Cancelled)");
    }
    resolver.resolve(5);
    assert_eq!(lab.settle(), "stopped:Ok(5)");
}

#[test]
fn what_waits_for_a_token_alone_is_released_once_the_token_is_gone() {
    let (mut lab, alive) = (Lab::new(), Alive::default());
    let token = CancellationToken::new();
    let held = alive.value();
    token.cancelled::<Fault>(&lab.handle).detach(move |_| drop(held));
    let held = alive.value();
    token.guard(Failing::<()>::never(&lab.handle)).detach(move |_| drop(held));
    let (promise, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
    lab.note("guarded", token.guard(promise));
    let awaited = token.cancelled::<Fault>(&lab.handle);
    drop(token.clone());
    assert_eq!((lab.settle().as_str(), alive.count()), ("", 2));
    drop(token);
    assert_eq!(alive.count(), 0);
    resolver.resolve(3);
    assert_eq!(lab.settle(), "guarded:Ok(3)");
    assert!(pin!(awaited).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(lab.reported().is_empty());
}

/// The handler of the first branch owns a later one, and is dropped with it on a closed loop.
#[test]
fn a_later_branch_that_a_handler_owns_leaves_its_shared_promise_once() {
    for detached in [true, false] {
        for closes_first in [true, false] {
            for end in ["resolve", "reject", "drop"] {
                let (mut lab, alive) = (Lab::new(), Alive::default());
                let (promise, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
                let (shared, later) = (promise.share(), Rc::new(RefCell::new(None)));
                let (owner, value) = (later.clone(), alive.value());
                let first = shared.promise().map(move |_| drop(owner));
                later.replace(Some(shared.promise().map(move |_| drop(value))));
                drop(later);
                if closes_first {
                    lab.event_loop.close();
                }
                let mut kept = Some(first);
                if detached {
                    kept.take().unwrap().detach(|_| ());
                }
                lab.event_loop.close();
                match end {
                    "resolve" => resolver.resolve(1),
                    "reject" => resolver.reject(Fault::Cycle),
                    _ => drop(resolver),
                }
                drop((kept, shared));
                assert_eq!(alive.count(), 0, "{end}");
            }
        }
    }
}
