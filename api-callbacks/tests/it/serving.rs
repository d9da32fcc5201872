//! Servers and clients: limits, failures, a graceful stop.

use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::protocol::Echo;
use api_callbacks::{ClientBuilder, Server, ServerBuilder};
use loop_core::{EventLoop, LoopHandle};

use crate::transport::{Record, Recorder, run_for_a_while, run_until};

pub(crate) fn any() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn echoing(builder: ServerBuilder) -> (EventLoop, LoopHandle, Server) {
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let server = builder.serve(&handle, any(), |_| Echo).unwrap();
    (event_loop, handle, server)
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.local_addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// Stops a server, and returns what it had to abort, once it has told.
fn stop(server: Server, limit: Duration) -> Rc<RefCell<Option<Vec<SocketAddr>>>> {
    let told = Rc::new(RefCell::new(None));
    let seen = told.clone();
    server.stop(limit, move |left| assert!(seen.replace(Some(left)).is_none()));
    assert!(told.borrow().is_none(), "nothing calls back before the call returned");
    told
}

#[test]
fn a_full_server_lets_the_next_wait_until_one_has_gone() {
    let (mut event_loop, _handle, server) = echoing(ServerBuilder::new().connections_max(2));
    let mut streams: Vec<TcpStream> = (0..3).map(|_| connect(&server)).collect();
    streams.iter_mut().for_each(|stream| stream.write_all(b"x").unwrap());
    run_until(&mut event_loop, || server.connections().len() == 2);
    run_for_a_while(&mut event_loop);
    assert_eq!(server.connections().len(), 2);
    let peers: Vec<_> = server.connections().iter().map(|c| c.peer_addr().unwrap()).collect();
    let locals: Vec<_> = streams.iter().map(|stream| stream.local_addr().unwrap()).collect();
    assert_eq!(peers, locals[..2]);
    drop(streams.remove(0));
    let third = streams.pop().unwrap();
    third.set_nonblocking(true).unwrap();
    let answered = || (&third).read(&mut [0]).is_ok();
    run_until(&mut event_loop, answered);
    assert_eq!(server.connections().len(), 2);
}

#[test]
fn a_stopped_server_lets_connections_end_and_accepts_no_more() {
    let (mut event_loop, handle, server) = echoing(ServerBuilder::new());
    let mut stream = connect(&server);
    run_until(&mut event_loop, || server.connections().len() == 1);
    let address = server.local_addr();
    let told = stop(server, Duration::from_secs(60));
    run_for_a_while(&mut event_loop);
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    stream.write_all(b"still").unwrap();
    let echoed = std::thread::spawn(move || stream.read_exact(&mut [0; 5]));
    run_until(&mut event_loop, || echoed.is_finished());
    echoed.join().unwrap().unwrap();
    run_until(&mut event_loop, || told.borrow().is_some());
    assert_eq!(told.take(), Some(vec![]));
    let left = handle.snapshot();
    assert!(left.timed.is_empty() && left.parked.is_empty(), "left behind: {left}");
}

#[test]
fn a_stop_names_those_whom_it_aborts() {
    let (mut event_loop, handle, server) = echoing(ServerBuilder::new());
    let (mut stays, goes) = (connect(&server), connect(&server));
    run_until(&mut event_loop, || server.connections().len() == 2);
    let told = stop(server, Duration::from_millis(30));
    drop(goes);
    run_until(&mut event_loop, || told.borrow().is_some());
    assert_eq!(told.take(), Some(vec![stays.local_addr().unwrap()]));
    assert_eq!(stays.read(&mut [0]).unwrap_or(0), 0);
    assert!(handle.snapshot().parked.is_empty());
}

#[test]
fn a_server_without_connections_stops_at_once() {
    let (mut event_loop, _handle, server) = echoing(ServerBuilder::new());
    let told = stop(server, Duration::from_secs(60));
    event_loop.run_ready();
    assert_eq!(told.take(), Some(vec![]));
}

#[test]
fn closing_the_loop_ends_a_stop() {
    let (mut event_loop, _handle, server) = echoing(ServerBuilder::new());
    let _stream = connect(&server);
    run_until(&mut event_loop, || server.connections().len() == 1);
    let told = stop(server, Duration::from_secs(60));
    event_loop.close();
    assert_eq!(told.take(), Some(vec![]));
}

#[test]
fn a_factory_that_panics_costs_one_connection() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    handle.set_exception_handler(|_, _| ());
    let first = Cell::new(true);
    let server = ServerBuilder::new().serve(&handle, any(), move |_| {
        assert!(!first.replace(false), "the first fails");
        Echo
    });
    let server = server.unwrap();
    let mut failed = connect(&server);
    let _served = connect(&server);
    run_until(&mut event_loop, || server.connections().len() == 1);
    assert_eq!(failed.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn servers_share_a_port_when_both_ask_for_it() {
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let shared = || ServerBuilder::new().reuse_port(true).backlog(8).nodelay(false);
    let server = shared().serve(&handle, any(), |_| Echo).unwrap();
    shared().serve(&handle, server.local_addr(), |_| Echo).unwrap();
    let alone = ServerBuilder::new().reuse_address(true);
    let refused = alone.serve(&handle, server.local_addr(), |_| Echo);
    assert_eq!(refused.map(drop).unwrap_err().kind(), ErrorKind::AddrInUse);
}

#[test]
fn a_client_has_the_address_that_it_asked_for() {
    let (mut event_loop, handle, server) = echoing(ServerBuilder::new());
    let local = std::net::TcpListener::bind(any()).unwrap().local_addr().unwrap();
    let record = Rc::new(Record::default());
    let protocol = Recorder(record.clone());
    let connected = event_loop.run_until_complete(|completer| {
        let client = ClientBuilder::new().local_address(local).nodelay(false);
        client.connect(&handle, server.local_addr(), protocol, |made| {
            completer.complete(made.and_then(|transport| transport.local_addr()));
        });
    });
    assert_eq!(connected.unwrap().unwrap(), local);
    record.transport().write(b"hello");
    run_until(&mut event_loop, || record.bytes.borrow().len() == 5);
}

#[test]
fn a_cancelled_connect_tells_the_callback_and_not_the_protocol() {
    let (mut event_loop, handle, server) = echoing(ServerBuilder::new());
    let record = Rc::new(Record::default());
    let told = Rc::new(Cell::new(0));
    let seen = told.clone();
    let client = ClientBuilder::new().timeout(Duration::from_secs(60));
    let connecting = client.connect(&handle, server.local_addr(), Recorder(record.clone()), {
        move |made| {
            assert!(loop_core::is_cancelled(&made.map(drop).unwrap_err()));
            seen.set(seen.get() + 1);
        }
    });
    assert!(connecting.cancel());
    run_for_a_while(&mut event_loop);
    assert_eq!(told.get(), 1);
    assert!(record.calls.borrow().is_empty() && handle.snapshot().timed.is_empty());
}
