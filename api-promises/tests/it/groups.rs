//! Promises with one owner: how many there are, what their failures come to, and how they end.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use allocation_counter::measure;
use api_promises::{Fault, Promise, PromiseGroup, sleep};
use loop_core::LoopHandle;

use crate::lab::{Alive, Failing, Lab};

fn after(handle: &LoopHandle, seconds: u64) -> Promise<(), io::Error> {
    sleep(handle, Duration::from_secs(seconds))
}

#[test]
fn a_group_counts_what_has_not_ended_and_tells_when_it_is_empty() {
    let mut lab = Lab::new();
    let group = PromiseGroup::<Fault>::new(&lab.handle);
    lab.note("at once", group.on_empty());
    assert_eq!(lab.settle(), "at once:Ok(())");
    let (resolvers, promises): (Vec<_>, Vec<_>) =
        (0..3).map(|_| Failing::<u32>::with_resolvers(&lab.handle)).map(|(p, r)| (r, p)).unzip();
    promises.into_iter().for_each(|promise| group.add(promise));
    lab.note("empty", group.on_empty());
    lab.note("and to another", group.on_empty());
    drop(group.on_empty());
    for (left, resolver) in [2, 1, 0].into_iter().zip(resolvers) {
        assert_eq!(lab.settle(), "");
        resolver.resolve(7);
        lab.event_loop.run_ready();
        assert_eq!((group.len(), group.is_empty()), (left, left == 0));
    }
    assert_eq!(lab.settle(), "empty:Ok(()) and to another:Ok(())");
}

#[test]
fn a_failure_goes_to_the_handler_and_leaves_the_others_alone() {
    let mut lab = Lab::new();
    let failures = Rc::new(RefCell::new(Vec::new()));
    let told = failures.clone();
    let group = PromiseGroup::with_handler(&lab.handle, move |error: io::Error| {
        told.borrow_mut().push(error.to_string());
    });
    group.add(Promise::<(), _>::reject(&lab.handle, io::Error::other("the first")));
    group.add(after(&lab.handle, 1).map(|()| -> u32 { panic!("the second") }));
    group.add(after(&lab.handle, 2));
    let empty = group.on_empty().run_until_complete(&mut lab.event_loop);
    empty.unwrap().unwrap();
    assert_eq!(lab.handle.time().since_origin(), Duration::from_secs(2));
    assert_eq!(failures.take(), ["the first", "the handler panicked: the second"]);
    assert_eq!(lab.reported().len(), 1, "the panic alone");
}

#[test]
fn a_failure_without_a_handler_is_reported_once_with_the_place_where_it_was_added() {
    let mut lab = Lab::new();
    let group = PromiseGroup::<io::Error>::new(&lab.handle);
    group.add(Promise::<(), _>::reject(&lab.handle, ErrorKind::BrokenPipe.into()));
    group.add(Promise::resolve(&lab.handle, ()).map(|()| -> u32 { panic!("on purpose") }));
    lab.settle();
    let reports = lab.reported();
    assert_eq!(reports.len(), 2, "{reports:?}");
    let failure = reports.iter().find(|report| report.contains("BrokenPipe")).unwrap();
    assert!(failure.contains("groups.rs"), "{failure}");
    assert!(group.is_empty());
}

#[test]
fn a_handler_may_add_to_its_group_and_may_panic() {
    let mut lab = Lab::new();
    let group: Rc<RefCell<Option<PromiseGroup<Fault>>>> = Rc::default();
    let (again, handle) = (group.clone(), lab.handle.clone());
    group.replace(Some(PromiseGroup::with_handler(&lab.handle, move |fault| match fault {
        Fault::Cycle => again.borrow().as_ref().unwrap().add(Failing::resolve(&handle, ())),
        _ => panic!("the handler of a group"),
    })));
    let failing = lab.handle.clone();
    let add = |fault| group.borrow().as_ref().unwrap().add(Failing::<()>::reject(&failing, fault));
    add(Fault::Cycle);
    let on_empty = group.borrow().as_ref().unwrap().on_empty();
    lab.note("empty", on_empty);
    assert_eq!(lab.settle(), "empty:Ok(())", "behind what the handler has added");
    add(Fault::Cancelled);
    let on_empty = group.borrow().as_ref().unwrap().on_empty();
    lab.note("empty", on_empty);
    assert_eq!(lab.settle(), "empty:Ok(())");
    assert_eq!(lab.reported().len(), 1);
    let group = group.take();
    drop(group);
}

#[test]
fn a_group_that_is_dropped_or_aborted_cancels_what_is_pending() {
    for aborted in [true, false] {
        let (mut lab, alive) = (Lab::new(), Alive::default());
        let group = PromiseGroup::<io::Error>::new(&lab.handle);
        for _ in 0..3 {
            let held = alive.value();
            group.add(after(&lab.handle, 60).map(move |()| drop(held)));
        }
        let ended = Rc::new(RefCell::new(0));
        let told = ended.clone();
        group.on_empty().map(move |()| *told.borrow_mut() += 1).detach(|_| ());
        group.add(Promise::<(), _>::reject(&lab.handle, ErrorKind::NotFound.into()));
        if aborted {
            assert_eq!((group.abort_all(), group.len()), (4, 0));
            assert_eq!(group.abort_all(), 0);
        } else {
            drop(group);
        }
        assert_eq!((alive.count(), lab.handle.snapshot().timed.len()), (0, 0));
        lab.settle();
        assert_eq!(*ended.borrow(), 1);
        assert_eq!(lab.reported().len(), 1, "the rejection that was on its way");
    }
}

#[test]
fn a_promise_may_abort_its_own_group() {
    let mut lab = Lab::new();
    let group = Rc::new(PromiseGroup::<Fault>::new(&lab.handle));
    let (owner, handle) = (group.clone(), lab.handle.clone());
    let aborts = Failing::resolve(&lab.handle, ()).then(move |()| {
        assert_eq!(owner.abort_all(), 2);
        Failing::<()>::resolve(&handle, ())
    });
    group.add(aborts);
    let (pending, _resolver) = Failing::<()>::with_resolvers(&lab.handle);
    group.add(pending);
    lab.settle();
    assert!(group.is_empty() && lab.reported().is_empty());
    assert_eq!(Rc::strong_count(&group), 1);
}

#[test]
fn what_comes_and_goes_in_a_group_allocates_no_more_than_on_its_own() {
    let mut lab = Lab::new();
    let group = PromiseGroup::<Fault>::new(&lab.handle);
    let rounds = |lab: &mut Lab, count: usize| {
        for _ in 0..count {
            group.add(Failing::resolve(&lab.handle, ()));
            lab.event_loop.run_ready();
        }
    };
    rounds(&mut lab, 10);
    for count in [100, 1_000] {
        let cost = measure(|| rounds(&mut lab, count));
        assert!(cost.count_total <= count as u64, "{} in {count} rounds", cost.count_total);
        assert_eq!(cost.bytes_current, 0);
    }
    assert!(group.is_empty());
}

#[test]
fn a_loop_that_is_closed_ends_the_promises_of_a_group() {
    let (mut lab, alive) = (Lab::new(), Alive::default());
    let group = PromiseGroup::<io::Error>::with_handler(&lab.handle, |_| ());
    let (held, kept) = (alive.value(), alive.value());
    group.add(after(&lab.handle, 60).finally(move || drop(held)));
    group.add(Promise::<(), _>::never(&lab.handle).map(move |()| drop(kept)));
    lab.event_loop.close();
    assert_eq!(alive.count(), 0);
    drop(group);
}
