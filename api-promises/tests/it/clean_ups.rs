//! What `finally` promises: the clean-up runs once, whatever comes of the chain.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use api_promises::combine::{all, any, race, timeout};
use api_promises::{CancellationToken, Fault, Promise, PromiseGroup, Resolver, sleep};
use loop_core::LoopHandle;

use crate::lab::{Alive, Failing, Lab};

type Noted = Rc<RefCell<Vec<&'static str>>>;

/// Makes a clean-up that notes that it runs.
fn noting(noted: &Noted, name: &'static str) -> impl FnOnce() + use<> {
    let noted = noted.clone();
    move || noted.borrow_mut().push(name)
}

/// Makes a clean-up that takes a second.
fn slow(
    handle: &LoopHandle,
    noted: &Noted,
    name: &'static str,
) -> impl FnOnce() -> Failing<()> + use<> {
    let (handle, ended, begins) = (handle.clone(), noted.clone(), noting(noted, name));
    move || {
        begins();
        let second = sleep(&handle, Duration::from_secs(1)).map_err(|_| Fault::Cycle);
        second.map(move |()| ended.borrow_mut().push("its end"))
    }
}

fn second(lab: &Lab) -> Failing<()> {
    sleep(&lab.handle, Duration::from_secs(1)).map_err(|_| Fault::Cycle)
}

/// Runs until nothing is queued or timed.
fn run_dry(lab: &mut Lab) {
    loop {
        while lab.event_loop.run_ready() > 0 {}
        if lab.handle.snapshot().timed.is_empty() {
            return;
        }
        lab.event_loop.run_once().unwrap();
    }
}

#[test]
fn a_clean_up_of_a_chain_that_is_dropped_runs_once_from_the_queue() {
    type End = Box<dyn Fn(&Lab, Failing<()>)>;
    let ends: Vec<(&str, End)> = vec![
        ("drop", Box::new(|_, chain| drop(chain))),
        ("race", Box::new(|lab, chain| drop(race(&lab.handle, [chain])))),
        ("all", Box::new(|lab, chain| drop(all(&lab.handle, [chain])))),
        ("any", Box::new(|lab, chain| drop(any(&lab.handle, [chain])))),
        ("share", Box::new(|_, chain| drop(chain.share()))),
        ("branch", Box::new(|_, chain| drop(chain.share().promise().map(|()| 1)))),
        ("group", Box::new(|lab, chain| PromiseGroup::new(&lab.handle).add(chain))),
        (
            "adopted",
            Box::new(|lab, chain| drop(Failing::resolve(&lab.handle, ()).then(|()| chain))),
        ),
        ("link", Box::new(|_, chain| drop(chain.map(|()| 1).then(Ok)))),
        (
            "token",
            Box::new(|_, chain| {
                let token = CancellationToken::new();
                chain.guard(&token).detach(|_| ());
                token.cancel();
            }),
        ),
    ];
    for (name, end) in ends {
        let (mut lab, noted) = (Lab::new(), Noted::default());
        end(&lab, second(&lab).finally(noting(&noted, "cleaned")));
        assert!(noted.borrow().is_empty(), "{name}: nothing runs inside a drop");
        lab.settle();
        run_dry(&mut lab);
        assert_eq!(noted.take(), ["cleaned"], "{name}");
        assert!(lab.reported().is_empty() && Rc::strong_count(&noted) == 1, "{name}");
    }
}

#[test]
fn a_clean_up_runs_inside_of_a_timeout_and_one_behind_it_is_waited_for() {
    let (mut lab, noted) = (Lab::new(), Noted::default());
    let handle = lab.handle.clone();
    let long = sleep(&handle, Duration::from_secs(60)).map_err(io::Error::other);
    let inside = {
        let (handle, noted) = (handle.clone(), noted.clone());
        move || {
            noted.borrow_mut().push("inside");
            sleep(&handle, Duration::from_secs(5))
                .map(move |()| noted.borrow_mut().push("rolled back"))
        }
    };
    let late = timeout(&handle, Duration::from_secs(1), long.finally(inside));
    let seen = noted.clone();
    let late =
        late.finally(noting(&noted, "behind")).inspect(move |_| seen.borrow_mut().push("told"));
    let error = late.run_until_complete(&mut lab.event_loop).unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(
        handle.time().since_origin(),
        Duration::from_secs(1),
        "the result does not wait for what is inside"
    );
    run_dry(&mut lab);
    assert_eq!(noted.take(), ["inside", "behind", "told", "rolled back"]);
    assert!(lab.reported().is_empty());
}

#[test]
fn clean_ups_of_one_chain_run_one_after_the_other_the_inner_first() {
    let (mut lab, noted) = (Lab::new(), Noted::default());
    let inner = second(&lab).finally(slow(&lab.handle, &noted, "inner"));
    drop(inner.map(|()| ()).finally(noting(&noted, "outer")).finally(noting(&noted, "outmost")));
    run_dry(&mut lab);
    assert_eq!(noted.take(), ["inner", "its end", "outer", "outmost"]);
    // A whole is between these: both begin, in the same order.
    let inner = second(&lab).finally(slow(&lab.handle, &noted, "inner"));
    drop(race(&lab.handle, [inner]).finally(noting(&noted, "outer")));
    run_dry(&mut lab);
    assert_eq!(noted.take(), ["inner", "outer", "its end"]);
}

#[test]
fn a_clean_up_that_has_begun_is_not_cancelled_by_the_drop() {
    let (mut lab, noted) = (Lab::new(), Noted::default());
    let cleaned = Failing::resolve(&lab.handle, 7).finally(slow(&lab.handle, &noted, "begins"));
    lab.settle();
    drop(cleaned.map(|_| -> u32 { unreachable!("it was dropped") }));
    run_dry(&mut lab);
    assert_eq!(noted.take(), ["begins", "its end"]);
    assert!(lab.reported().is_empty());
}

#[test]
fn a_failure_of_a_clean_up_that_nothing_waits_for_is_reported_once() {
    type CleanUp = fn(&LoopHandle) -> Failing<()>;
    let clean_ups: [CleanUp; 3] = [
        |handle| Promise::reject(handle, Fault::Cycle),
        |_| panic!("on purpose"),
        |handle| Promise::resolve(handle, ()).map(|()| panic!("on purpose")),
    ];
    for clean_up in clean_ups {
        for begins in [true, false] {
            let mut lab = Lab::new();
            let (promise, resolver) = Failing::<()>::with_resolvers(&lab.handle);
            let handle = lab.handle.clone();
            let chain = promise.finally(move || {
                sleep(&handle, Duration::from_secs(1))
                    .map_err(|_| Fault::Cancelled)
                    .then(move |()| clean_up(&handle))
            });
            if begins {
                resolver.resolve(());
                lab.settle();
            }
            drop(chain);
            run_dry(&mut lab);
            assert_eq!(lab.reported().len(), 1, "begins: {begins}");
        }
    }
}

#[test]
fn a_chain_to_which_no_outcome_will_come_is_cleaned_up() {
    let (mut lab, noted) = (Lab::new(), Noted::default());
    let never = Failing::<()>::never(&lab.handle).finally(noting(&noted, "never"));
    let nothing = race(&lab.handle, Vec::<Failing<()>>::new()).finally(noting(&noted, "nothing"));
    let kept = (never.map(|()| ()), nothing);
    lab.settle();
    assert_eq!(noted.take(), ["never", "nothing"]);
    drop(kept);
    lab.settle();
    assert!(noted.borrow().is_empty(), "once");
}

#[test]
fn a_clean_up_that_never_ends_keeps_nothing_and_holds_up_no_other() {
    let (mut lab, alive, noted) = (Lab::new(), Alive::default(), Noted::default());
    for dropped in [true, false] {
        let handle = lab.handle.clone();
        let (promise, resolver) = Failing::<()>::with_resolvers(&handle);
        let held = alive.value();
        let endless = promise.finally(move || Promise::<(), Fault>::never(&handle));
        let chain = endless.finally(noting(&noted, "the next")).map(move |()| drop(held));
        match dropped {
            true => drop(chain),
            false => {
                chain.detach(|_| ());
                resolver.resolve(());
            }
        }
        lab.settle();
        assert_eq!((alive.count(), noted.take()), (0, vec!["the next"]), "dropped: {dropped}");
    }
}

#[test]
fn a_closed_loop_cleans_nothing_up_and_keeps_nothing() {
    let (mut lab, alive) = (Lab::new(), Alive::default());
    let resolvers: Rc<RefCell<Vec<Resolver<(), Fault>>>> = Rc::default();
    let ran = Rc::new(Cell::new(0));
    let chain = |lab: &Lab| {
        let (promise, resolver) = Failing::<()>::with_resolvers(&lab.handle);
        resolvers.borrow_mut().push(resolver);
        let (held, ran) = (alive.value(), ran.clone());
        promise.finally(move || {
            drop(held);
            ran.set(ran.get() + 1);
        })
    };
    let (kept, queued) = (chain(&lab), chain(&lab));
    chain(&lab).detach(|_| ());
    drop(queued);
    lab.event_loop.close();
    drop(kept);
    assert_eq!(ran.get(), 1, "what was queued is ended by the close");
    resolvers.take();
    assert_eq!((alive.count(), ran.get()), (0, 1));
}

#[test]
fn a_million_clean_ups_run_without_recursion() {
    const DEEP: usize = if cfg!(debug_assertions) { 50_000 } else { 1_000_000 };
    let work = || {
        let (mut lab, count) = (Lab::new(), Rc::new(Cell::new(0)));
        let (promise, _resolver) = Failing::<()>::with_resolvers(&lab.handle);
        let chain = (0..DEEP).fold(promise, |promise, _| {
            let count = count.clone();
            promise.finally(move || count.set(count.get() + 1))
        });
        drop(chain);
        lab.settle();
        assert_eq!(count.get(), DEEP);
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap();
}

#[test]
fn a_clean_up_may_return_nothing_a_result_or_a_promise() {
    let mut lab = Lab::new();
    let handle = lab.handle.clone();
    let chain = Failing::resolve(&lab.handle, 1)
        .finally(|| ())
        .finally(|| Ok(2))
        .finally(move || Failing::resolve(&handle, "three"));
    lab.note("passed", chain);
    lab.note("failed", Failing::resolve(&lab.handle, 1).finally(|| Err::<(), _>(Fault::Cycle)));
    assert_eq!(lab.settle(), "failed:Err(Cycle) passed:Ok(1)");
}

#[test]
fn clean_ups_of_wholes_inside_one_another_begin_with_the_inner_however_deep_they_are() {
    let (mut lab, noted) = (Lab::new(), Noted::default());
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let whole = names.into_iter().fold(second(&lab), |inner, name| {
        race(&lab.handle, [inner.finally(noting(&noted, name)), Promise::never(&lab.handle)])
    });
    drop(whole.map(|()| 1).finally(noting(&noted, "outer")));
    run_dry(&mut lab);
    assert_eq!(noted.take().concat(), "abcdefghouter");
}
