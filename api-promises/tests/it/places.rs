//! A panic of a handler is reported at the line of the program that gave the handler.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use api_promises::{Fault, Promise, PromiseGroup, callbackify, sleep};
use loop_core::{EventLoop, LoopHandle};

/// A handler that panics, and the line that gave it.
type Begin = fn(&LoopHandle) -> u32;

/// Gives a handler that panics to a promise that is settled already.
const SETTLED: [Begin; 6] = [
    |handle| {
        fulfilled(handle).map(|_| -> u32 { panic!("on purpose") }).detach(drop);
        line!() - 1
    },
    |handle| {
        let then = |_| -> Result<u32, Fault> { panic!("on purpose") };
        fulfilled(handle).then(then).detach(drop);
        line!() - 1
    },
    |handle| {
        let rejected = Promise::<u32, Fault>::reject(handle, Fault::Cancelled);
        rejected.catch(|_| -> Result<u32, Fault> { panic!("on purpose") }).detach(drop);
        line!() - 1
    },
    |handle| {
        fulfilled(handle).finally(|| -> () { panic!("on purpose") }).detach(drop);
        line!() - 1
    },
    |handle| {
        callbackify(fulfilled(handle), |_| panic!("on purpose"));
        line!() - 1
    },
    |handle| {
        let shared = fulfilled(handle).share();
        shared.then(|_| -> Result<u32, Fault> { panic!("on purpose") }).detach(drop);
        line!() - 1
    },
];

fn fulfilled(handle: &LoopHandle) -> Promise<u32, Fault> {
    Promise::resolve(handle, 1)
}

/// Makes a loop that keeps the lines that reports name, which have to be of this file.
fn lab() -> (EventLoop, LoopHandle, Rc<RefCell<Vec<u32>>>) {
    let event_loop = EventLoop::new().unwrap();
    let (handle, lines) = (event_loop.handle(), Rc::<RefCell<Vec<u32>>>::default());
    let kept = lines.clone();
    handle.set_exception_handler(move |_, context| {
        let text = context.to_string();
        assert!(text.contains("panicked: on purpose"), "{text}");
        let place = context.scheduled_at.expect("a report names a place");
        assert!(place.file().ends_with("places.rs"), "{text}");
        kept.borrow_mut().push(place.line());
    });
    (event_loop, handle, lines)
}

#[test]
fn of_handlers_of_a_promise_that_is_settled() {
    for (number, begin) in SETTLED.into_iter().enumerate() {
        let (mut event_loop, handle, lines) = lab();
        let line = begin(&handle);
        while event_loop.run_ready() > 0 {}
        assert_eq!(lines.take(), [line], "number {number}");
    }
}

#[test]
fn of_what_a_run_waits_for() {
    let (mut event_loop, handle, lines) = lab();
    let slept = sleep(&handle, Duration::from_millis(1));
    let run = slept.map(|()| panic!("on purpose"));
    let line = line!() - 1;
    assert!(run.run_until_complete(&mut event_loop).unwrap().is_err());
    assert_eq!(lines.take(), [line]);
}

#[test]
fn of_a_function_that_makes_a_promise_and_of_a_group_s_handler() {
    let (mut event_loop, handle, lines) = lab();
    Promise::<u32, Fault>::try_from_fn(&handle, || -> Result<u32, Fault> { panic!("on purpose") })
        .detach(drop);
    let of_function = line!() - 2;
    let group = PromiseGroup::<Fault>::with_handler(&handle, |_| panic!("on purpose"));
    let of_group = line!() - 1;
    group.add(Promise::<(), Fault>::reject(&handle, Fault::Cancelled));
    let of_part = line!() - 1;
    while event_loop.run_ready() > 0 {}
    let told = lines.take();
    assert_eq!(told[0], of_function);
    assert!(told[1] == of_group || told[1] == of_part, "{told:?}");
}
