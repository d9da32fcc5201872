//! Connecting to a host by its name.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::protocol::Echo;
use api_callbacks::{ClientBuilder, ServerBuilder, Transport};
use loop_core::{AggregateError, EventLoop, is_cancelled};

use crate::transport::{Record, Recorder, run_for_a_while, run_until};

/// Connects to a port of `localhost`, and returns what the callback was given, with the record of the
/// protocol.
fn connected(
    event_loop: &mut EventLoop,
    client: &ClientBuilder,
    host: (&str, u16),
) -> (io::Result<Rc<dyn Transport>>, Rc<Record>) {
    let (handle, record) = (event_loop.handle(), Rc::new(Record::default()));
    let protocol = Recorder(record.clone());
    let made = event_loop.run_until_complete(|completer| {
        client.connect_to_host(&handle, host, protocol, |made| completer.complete(made));
    });
    (made.unwrap(), record)
}

fn errors(error: &io::Error) -> &[io::Error] {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    let all: &AggregateError<io::Error> = cause.expect("an error for each address");
    &all.errors
}

/// Returns a port at which nothing listens.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_name_is_looked_up_and_its_addresses_tried_until_one_takes_the_connection() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    // Only on IPv4, so that where the name has an IPv6 address too, that one is refused.
    let any = "127.0.0.1:0".parse().unwrap();
    let server = ServerBuilder::new().serve(&handle, any, |_| Echo).unwrap();
    let client = ClientBuilder::new().timeout(Duration::from_secs(60));
    let host = ("localhost", server.local_addr().port());
    let (made, record) = connected(&mut event_loop, &client, host);
    assert_eq!(made.unwrap().peer_addr().unwrap(), server.local_addr());
    record.transport().write(b"hello");
    run_until(&mut event_loop, || record.bytes.borrow().len() == 5);
    assert!(handle.snapshot().timed.is_empty());
}

#[test]
fn when_no_address_takes_it_every_failure_is_told_with_its_address() {
    let mut event_loop = EventLoop::new().unwrap();
    let port = closed_port();
    let (made, record) = connected(&mut event_loop, &ClientBuilder::new(), ("localhost", port));
    let error = made.map(drop).unwrap_err();
    assert!(!errors(&error).is_empty());
    assert_eq!(errors(&error).last().unwrap().kind(), error.kind());
    let refused = format!("127.0.0.1:{port}: ");
    assert!(error.to_string().contains(&refused), "{error}");
    assert!(record.calls.borrow().is_empty());
}

#[test]
fn the_attempts_of_one_address_that_cannot_begin_are_told_as_well() {
    let mut event_loop = EventLoop::new().unwrap();
    // Not an address of this machine: the socket cannot be bound.
    let client = ClientBuilder::new().local_address("192.0.2.1:0".parse().unwrap());
    let (made, _) = connected(&mut event_loop, &client, ("127.0.0.1", closed_port()));
    let error = made.map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    assert_eq!(errors(&error).len(), 1);
}

#[test]
fn a_name_that_is_none_is_an_error() {
    let mut event_loop = EventLoop::new().unwrap();
    let (made, record) = connected(&mut event_loop, &ClientBuilder::new(), ("not a name", 80));
    assert!(made.is_err() && record.calls.borrow().is_empty());
}

#[test]
fn it_is_cancelled_whether_it_looks_up_or_connects() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for connecting in [false, true] {
        let mut event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        let (ends, seen) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(0)));
        let (told, client) = (ends.clone(), ClientBuilder::new().timeout(Duration::from_secs(60)));
        let made = client.connect_to_host(&handle, ("127.0.0.1", port), Echo, move |made| {
            told.borrow_mut().push(made.map(drop).unwrap_err());
        });
        if connecting {
            let parked = seen.clone();
            run_until(&mut event_loop, || {
                parked.set(handle.snapshot().parked.len());
                parked.get() == 1
            });
        }
        assert!(made.cancel() && !made.cancel());
        assert!(handle.snapshot().parked.is_empty() && handle.snapshot().timed.is_empty());
        assert!(ends.borrow().is_empty());
        run_for_a_while(&mut event_loop);
        assert_eq!(ends.borrow().len(), 1);
        assert!(is_cancelled(&ends.borrow()[0]));
    }
}

#[test]
fn closing_the_loop_ends_it() {
    let mut event_loop = EventLoop::new().unwrap();
    let ends = Rc::new(RefCell::new(Vec::new()));
    let told = ends.clone();
    let handle = event_loop.handle();
    ClientBuilder::new().connect_to_host(&handle, ("127.0.0.1", 1), Echo, move |made| {
        told.borrow_mut().push(is_cancelled(&made.map(drop).unwrap_err()));
    });
    event_loop.close();
    assert_eq!(*ends.borrow(), [true]);
}
