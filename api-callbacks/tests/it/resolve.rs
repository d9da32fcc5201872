//! Names of hosts.

use std::cell::RefCell;
use std::rc::Rc;

use api_callbacks::resolve;
use loop_core::{EventLoop, is_cancelled};

#[test]
fn an_address_is_its_own_name() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let found = event_loop.run_until_complete(|completer| {
        resolve(&handle, "127.0.0.1", 80, |found| completer.complete(found));
    });
    assert_eq!(found.unwrap().unwrap(), ["127.0.0.1:80".parse().unwrap()]);
}

#[test]
fn a_name_that_is_none_is_an_error() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let found = event_loop.run_until_complete(|completer| {
        resolve(&handle, "not a name", 80, |found| completer.complete(found));
    });
    assert!(found.unwrap().is_err());
}

#[test]
fn a_cancelled_look_up_ends_once_as_cancelled() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let ends = Rc::new(RefCell::new(Vec::new()));
    let seen = ends.clone();
    let resolving = resolve(&handle, "127.0.0.1", 80, move |found| {
        seen.borrow_mut().push(is_cancelled(&found.unwrap_err()));
    });
    assert!(resolving.cancel() && !resolving.cancel());
    assert!(ends.borrow().is_empty());
    // The look-up itself goes on, and brings nothing.
    let waited = event_loop.run_until_complete(|completer| {
        resolve(&handle, "127.0.0.1", 80, |found| completer.complete(found.is_ok()));
    });
    assert!(waited.unwrap());
    assert_eq!(*ends.borrow(), [true]);
}

#[test]
fn closing_the_loop_ends_a_look_up() {
    let mut event_loop = EventLoop::new().unwrap();
    let ends = Rc::new(RefCell::new(Vec::new()));
    let seen = ends.clone();
    resolve(&event_loop.handle(), "127.0.0.1", 80, move |found| {
        seen.borrow_mut().push(is_cancelled(&found.unwrap_err()));
    });
    event_loop.close();
    assert_eq!(*ends.borrow(), [true]);
}
