//! What a close leaves of promises that never settle: nothing.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use api_promises::combine::{all, all_settled, any, each, map_limit, race, retry, timeout};
use api_promises::{CancellationToken, Fault, Promise};
use loop_core::{Backoff, LoopHandle};

use crate::lab::{Alive, Counted, Lab};

type Group = Box<
    dyn Fn(&LoopHandle, Box<dyn Fn() -> Promise<Counted, io::Error>>) -> Promise<(), io::Error>,
>;

fn groups() -> Vec<Group> {
    fn unit<T: 'static>(promise: Promise<T, io::Error>) -> Promise<(), io::Error> {
        promise.map(|_| ())
    }
    let minute = Duration::from_secs(60);
    vec![
        Box::new(|handle, part| unit(race(handle, [part(), part()]))),
        Box::new(|handle, part| unit(all(handle, [part(), part()]))),
        Box::new(|handle, part| {
            unit(any(handle, [part(), part()]).map_err(|_| Fault::Cycle.into()))
        }),
        Box::new(|handle, part| unit(all_settled(handle, [part(), part()]))),
        Box::new(|handle, part| unit(map_limit(handle, 0..5, 2, move |_| part()))),
        Box::new(|handle, part| unit(each(handle, 0..5, move |_| part()))),
        Box::new(|handle, part| unit(retry(handle, Backoff::default(), part))),
        Box::new(move |handle, part| unit(timeout(handle, minute, part()))),
        Box::new(|_, part| unit(CancellationToken::new().guard(part()))),
        Box::new(|_, part| unit(CancellationToken::new().guard(part().finally(|| Ok(()))))),
    ]
}

#[test]
fn closing_releases_groups_of_promises_that_never_settle() {
    for group in groups() {
        for dropped in ["before", "after"] {
            let (mut lab, alive) = (Lab::new(), Alive::default());
            let resolvers = Rc::new(RefCell::new(Vec::new()));
            let (handle, kept, value) = (lab.handle.clone(), resolvers.clone(), alive.clone());
            let never = group(&lab.handle, {
                let (handle, alive) = (handle.clone(), alive.clone());
                Box::new(move || {
                    let held = alive.value();
                    Promise::<(), _>::never(&handle).map(move |()| held)
                })
            });
            let pending = group(
                &lab.handle,
                Box::new(move || {
                    let (promise, resolver) = Promise::<(), _>::with_resolvers(&handle);
                    kept.borrow_mut().push(resolver);
                    let held = value.value();
                    promise.map(move |()| held)
                }),
            );
            for whole in [never, pending] {
                let (done, failed) = (alive.value(), alive.value());
                whole.map(move |()| drop(done)).detach(move |_| drop(failed));
            }
            lab.settle();
            if dropped == "before" {
                lab.event_loop.close();
                drop(lab);
            } else {
                lab.event_loop.close();
            }
            resolvers.take();
            assert_eq!(alive.count(), 0, "{dropped}");
        }
    }
}
