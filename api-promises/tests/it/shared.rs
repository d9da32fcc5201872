//! Promises for many consumers, tokens, and what is reported of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use api_promises::combine::{any, race};
use api_promises::{CancellationToken, Fault, Promise, Shared, promisify};

use crate::lab::{Failing, Lab};

#[test]
fn early_and_late_branches_have_the_outcome_in_the_order_of_their_coming() {
    let mut lab = Lab::new();
    let (promise, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
    let shared = promise.share();
    lab.note("a", shared.promise());
    lab.note("b", shared.then(|value| Ok(value + 1)));
    resolver.resolve(1);
    lab.note("c", shared.clone().promise());
    assert_eq!(lab.settle(), "a:Ok(1) c:Ok(1) b:Ok(2)");
    assert!(shared.is_settled());
    lab.note("late", shared.promise());
    assert_eq!(lab.settle(), "late:Ok(1)");
}

#[test]
fn a_million_shared_promises_settle_and_are_dropped_without_recursion() {
    const PROMISES: usize = 1_000_000;
    let mut lab = Lab::new();
    let chain =
        |promise: Failing<u32>| (0..PROMISES).fold(promise, |promise, _| promise.share().promise());
    let (promise, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
    lab.note("settled", chain(promise));
    resolver.resolve(3);
    assert_eq!(lab.settle(), "settled:Ok(3)");
    let (promise, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
    drop(chain(promise));
    resolver.resolve(3);
}

#[test]
fn a_tree_of_shared_promises_settles_branch_by_branch() {
    let mut lab = Lab::new();
    let (promise, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
    let trunk = promise.share();
    let twig = trunk.promise().share();
    lab.note("b", trunk.promise());
    lab.note("a", twig.promise());
    lab.note("c", trunk.promise());
    resolver.resolve(1);
    assert_eq!(lab.settle(), "a:Ok(1) b:Ok(1) c:Ok(1)");
}

#[test]
fn the_last_user_who_goes_cancels_what_comes_before() {
    let lab = Lab::new();
    let slept = || {
        let slept: Failing<()> = promisify(&lab.handle, |resolver| {
            let timer = lab.handle.call_later(Duration::from_secs(9), || resolver.resolve(()));
            move || assert!(timer.cancel())
        });
        slept.share()
    };
    let timers = || lab.handle.snapshot().timed.len();
    let shared = slept();
    let branch = shared.then(|()| Ok(1));
    drop(shared);
    assert_eq!(timers(), 1, "a branch is pending");
    drop(branch);
    assert_eq!(timers(), 0);
    let shared = slept();
    drop((shared.promise(), shared.promise()));
    let other = shared.clone();
    drop(shared);
    assert_eq!(timers(), 1, "a clone is there");
    drop(other);
    assert_eq!(timers(), 0);
}

#[test]
fn a_rejection_that_no_branch_took_is_reported_once() {
    let mut lab = Lab::new();
    let (promise, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
    let shared = promise.share();
    drop(shared.clone());
    resolver.reject(Fault::Cycle);
    drop(shared);
    assert_eq!(lab.reports.take().len(), 1);
    let shared = Failing::<u32>::reject(&lab.handle, Fault::Cycle).share();
    lab.note("handled", shared.promise());
    drop(shared);
    assert_eq!(lab.settle(), "handled:Err(Cycle)");
    let shared = Failing::<u32>::reject(&lab.handle, Fault::Cycle).share();
    drop((shared.promise(), shared.promise()));
    drop(shared);
    assert_eq!(lab.reports.take().len(), 2, "each branch that is dropped unhandled");
}

#[test]
fn each_branch_that_is_dropped_unhandled_reports_whenever_it_was_made() {
    let mut lab = Lab::new();
    let (promise, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
    let shared = promise.share();
    let early = (shared.promise(), shared.promise());
    resolver.reject(Fault::Cycle);
    lab.settle();
    let late = shared.promise();
    drop((early, late, shared));
    assert_eq!(lab.reports.take().len(), 3);
}

#[test]
fn the_losers_of_a_race_are_unregistered() {
    let mut lab = Lab::new();
    let (promise, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
    let (endless, held) = (promise.share(), Rc::new(()));
    for round in 0..1_000 {
        let held = held.clone();
        let slow = endless.then(move |value| {
            drop(held);
            Ok(value)
        });
        let first = Promise::resolve(&lab.handle, round);
        let whole = if round % 2 == 0 {
            race(&lab.handle, [slow, first])
        } else {
            any(&lab.handle, [slow, first]).map_err(|_| Fault::Cycle)
        };
        lab.note("", whole);
        lab.settle();
    }
    assert_eq!(Rc::strong_count(&held), 1);
    drop(resolver);
}

#[test]
fn a_shared_promise_that_follows_itself_is_rejected() {
    let mut lab = Lab::new();
    let own: Rc<RefCell<Option<Shared<u32, Fault>>>> = Rc::default();
    let itself = own.clone();
    let promise = Failing::resolve(&lab.handle, 1);
    let shared = promise.then(move |_| itself.take().unwrap().promise()).share();
    own.replace(Some(shared.clone()));
    lab.note("handler", shared.promise());
    let (promise, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
    let shared = promise.share();
    lab.note("resolver", shared.promise());
    resolver.follow(shared.clone());
    let (promise, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
    resolver.follow(promise);
    let ends = lab.settle();
    assert!(ends.contains("handler:Err(Cycle)") && ends.contains("resolver:Err(Cycle)"), "{ends}");
    assert_eq!(lab.reports.take().len(), 1, "nothing else could hear of the last");
}

#[test]
fn a_promise_that_follows_another_is_locked_in_and_cancels_it() {
    let mut lab = Lab::new();
    let (inner, settles) = Failing::<u32>::with_resolvers(&lab.handle);
    let (outer, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
    resolver.follow(inner);
    lab.note("outer", outer);
    assert_eq!(lab.settle(), "");
    settles.resolve(5);
    assert_eq!(lab.settle(), "outer:Ok(5)");
    let cancelled = Rc::new(Cell::new(false));
    let told = cancelled.clone();
    let inner: Failing<u32> = promisify(&lab.handle, |resolver| {
        move || {
            told.set(true);
            drop(resolver);
        }
    });
    let (outer, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
    resolver.follow(inner);
    drop(outer.map(|_| ()));
    assert!(cancelled.get());
    assert!(lab.reports.take().is_empty());
}

#[test]
fn a_token_cancels_what_it_guards_down_to_the_timer() {
    let mut lab = Lab::new();
    let token = CancellationToken::new();
    let sleeps = |seconds| {
        let slept = api_promises::sleep(&lab.handle, Duration::from_secs(seconds));
        slept.map(|()| 1).map_err(|_| Fault::Cycle)
    };
    let (guarded, free) = (token.guard(sleeps(60)), sleeps(70));
    drop(token.guard(sleeps(80)));
    assert_eq!(lab.handle.snapshot().timed.len(), 2);
    lab.note("guarded", guarded);
    token.clone().cancel();
    assert_eq!(lab.settle(), "guarded:Err(Cancelled)");
    assert_eq!(lab.handle.snapshot().timed.len(), 1);
    lab.note("late", token.guard(Failing::<u32>::never(&lab.handle)));
    assert_eq!(lab.settle(), "late:Err(Cancelled)");
    drop(free);
    assert!(lab.reports.take().is_empty());
}

#[test]
fn catch_panics_makes_a_panic_a_plain_rejection() {
    let mut lab = Lab::new();
    let handle = lab.handle.clone();
    let panics = || Failing::resolve(&handle, 1).map(|_| -> u32 { panic!("on purpose") });
    lab.note("caught", panics().catch_panics());
    drop(panics().catch_panics().map(|value| value));
    assert_eq!(lab.settle(), r#"caught:Err(Panicked("on purpose"))"#);
    assert!(lab.reports.take().is_empty(), "what is dropped before it runs has not panicked");
    let kept = panics().catch_panics();
    let lab_reports = lab.reports.clone();
    while lab.event_loop.run_ready() > 0 {}
    drop(kept);
    assert_eq!(lab_reports.take().len(), 1, "no code handled it");
}

#[test]
fn in_debug_mode_reports_have_the_links_and_a_drop_is_no_news() {
    let mut lab = Lab::new();
    lab.handle.set_debug(true);
    let passed = Failing::<u32>::reject(&lab.handle, Fault::Cycle).map(|value| value + 1);
    let passed = passed.then(Ok);
    lab.settle();
    drop(passed);
    let report = lab.reports.take().concat();
    assert_eq!(report.matches("passed").count(), 2, "{report}");
    assert!(report.contains("shared.rs"), "{report}");
    let resolvers = RefCell::new(Vec::new());
    let pending = || {
        let (promise, resolver) = Failing::<u32>::with_resolvers(&lab.handle);
        resolvers.borrow_mut().push(resolver);
        promise
    };
    let token = CancellationToken::new();
    drop(Failing::<u32>::never(&lab.handle));
    drop(race(&lab.handle, [pending(), pending().map(|value| value)]));
    let owned = pending();
    drop(pending().then(move |_| owned));
    token.guard(pending()).catch(|_| Ok::<_, Fault>(0)).detach(|_| ());
    token.cancel();
    while lab.event_loop.run_ready() > 0 {}
    assert!(lab.reports.take().is_empty(), "dropping is how one cancels");
}
