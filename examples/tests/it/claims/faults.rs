//! C17: a thousand operations fail, and no code looks. How many are reported?

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use api_callbacks::combine::{self, Completion};
use api_promises::Promise;
use examples::claims::{observed, part};
use loop_core::{EventLoop, LoopHandle, LoopTime};

use super::lab;

const FAULTS: usize = 1_000;

/// How it comes that no code looks.
const HANDLERS: [(&str, Begin); 8] = [
    ("callbacks_empty", |handle| {
        let told = |outcome: io::Result<()>| drop(outcome);
        drop(handle.call_soon(move || told(Err(fault()))));
    }),
    // A handler cannot be left out here, and what was to call it can be dropped.
    ("callbacks_dropped", |handle| {
        let fails = |completion: Completion<(), io::Error>| {
            drop((completion, fault()));
            api_callbacks::sleep_until(handle, LoopTime::ORIGIN, |_| ())
        };
        drop(combine::all(handle, [fails], |_| ()));
    }),
    ("promises_absent", |handle| drop(rejected(handle))),
    ("promises_empty", |handle| rejected(handle).detach(drop)),
    ("promises_dropped", |handle| drop(rejected(handle).map(|()| ()))),
    ("async_absent", |handle| api_async::spawn(handle, async { Err::<(), _>(fault()) }).detach()),
    ("async_empty", |handle| {
        let failing = api_async::spawn(handle, async { Err::<(), _>(fault()) });
        api_async::spawn(handle, async { drop(failing.await) }).detach();
    }),
    ("async_dropped", |handle| {
        let failing = api_async::spawn(handle, async { Err::<(), _>(fault()) });
        // A turn later it has failed, and nothing has joined it.
        drop(handle.call_soon(move || drop(failing)));
    }),
];

/// Begins an operation that fails.
type Begin = fn(&LoopHandle);

fn fault() -> io::Error {
    io::Error::other("injected")
}

fn rejected(handle: &LoopHandle) -> Promise<(), io::Error> {
    Promise::reject(handle, fault())
}

/// Whether the loop tells of what it finds; the planted fault is a loop that does not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Loop {
    Reports,
    IsMute,
}

/// Begins the operations, ends them, and counts what the loop's exception handler is told.
fn reported(begin: Begin, reports: Loop) -> usize {
    let (mut event_loop, handle) = lab();
    let heard = Rc::new(Cell::new(0));
    let count = heard.clone();
    handle.set_exception_handler(move |_, _| {
        count.set(count.get() + usize::from(reports == Loop::Reports));
    });
    (0..FAULTS).for_each(|_| begin(&handle));
    while event_loop.run_ready() > 0 {}
    drop(event_loop);
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

/// A handler that is empty hides its error, in every style. One that is absent, or dropped, is found
/// where its style owns what has failed. A scope gives it to its caller.
#[test]
fn c17_of_a_thousand_faults_so_many_surface_with_each_handler_that_is_none() {
    observed("C17", "faults", FAULTS);
    let mut surfaced = Vec::new();
    for (handler, begin) in HANDLERS {
        let seen = reported(begin, Loop::Reports);
        observed("C17", &format!("surfaced_{handler}"), seen);
        let (style, handler) = handler.split_once('_').unwrap();
        part("C17", &format!("{style}, {handler} handler: the error vanishes"), seen == 0);
        surfaced.push(seen);
    }
    let scope = given_by_scopes();
    observed("C17", "surfaced_scope", scope);
    part("C17", "a scope gives every error to its caller", scope == FAULTS);
    assert_eq!(surfaced, [0, FAULTS, FAULTS, 0, FAULTS, FAULTS, 0, FAULTS]);
    assert_eq!(scope, FAULTS);
}

#[test]
fn where_the_loop_is_mute_every_error_that_no_code_observes_vanishes() {
    for (handler, begin) in HANDLERS {
        assert_eq!(reported(begin, Loop::IsMute), 0, "{handler}");
    }
}
