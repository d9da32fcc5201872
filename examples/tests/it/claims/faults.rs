//! C17: a thousand operations fail, and no code looks. How many are reported?

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use examples::claims::{observed, part};
use loop_core::{EventLoop, LoopHandle};

use super::lab;

const FAULTS: usize = 1_000;

fn fault() -> io::Error {
    io::Error::other("injected")
}

/// Begins the operations, ends them, and counts what the loop's exception handler is told.
fn reported(begin: impl Fn(&LoopHandle)) -> usize {
    let (mut event_loop, handle) = lab();
    let heard = Rc::new(Cell::new(0));
    let count = heard.clone();
    handle.set_exception_handler(move |_, _| count.set(count.get() + 1));
    (0..FAULTS).for_each(|_| begin(&handle));
    while event_loop.run_ready() > 0 {}
    heard.get()
}

/// Each fault in a scope of its own; counts those that the caller of a scope is given.
fn given_by_scopes() -> usize {
    let given = |event_loop: &mut EventLoop| {
        let handle = event_loop.handle();
        let scoped = async move {
            api_async::scope(&handle, |scope| async move {
                scope.spawn(async { Err::<(), _>(fault()) });
                Ok::<_, io::Error>(())
            })
            .await
        };
        api_async::run_until_complete(event_loop, scoped).unwrap().is_err()
    };
    let (mut event_loop, _) = lab();
    (0..FAULTS).filter(|_| given(&mut event_loop)).count()
}

/// A callback that ignores its error hides it. What a style owns can be reported when it is dropped:
/// this promise and this task are, where others' are not. A scope gives it to its caller.
#[test]
fn c17_of_a_thousand_faults_so_many_surface_in_each_style() {
    let callbacks = reported(|handle| {
        let told = |outcome: io::Result<()>| drop(outcome);
        handle.call_soon(move || told(Err(fault())));
    });
    let promises = reported(|handle| drop(api_promises::Promise::<(), _>::reject(handle, fault())));
    let detached =
        reported(|handle| api_async::spawn(handle, async { Err::<(), _>(fault()) }).detach());
    let scope = given_by_scopes();
    observed("C17", "faults", FAULTS);
    let seen = [("callbacks", callbacks), ("promises", promises), ("detached", detached)];
    for (style, surfaced) in seen {
        observed("C17", &format!("surfaced_{style}"), surfaced);
        part("C17", &format!("{style}: an error that nobody observes vanishes"), surfaced == 0);
    }
    observed("C17", "surfaced_scope", scope);
    part("C17", "a scope gives every error to its caller", scope == FAULTS);
    assert_eq!([callbacks, promises, detached, scope], [0, FAULTS, FAULTS, FAULTS]);
}
