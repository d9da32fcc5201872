//! TCP, over the loopback interface.

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;

use api_promises::{TcpListener, TcpStream, echo};
use loop_core::{BYTES_PER_TURN, Chunk, EventLoop, LoopHandle, is_cancelled};

/// Makes a loop with an echo server on it.
fn echoing() -> (EventLoop, LoopHandle, SocketAddr) {
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    echo::serve(listener).detach(|error| assert!(is_cancelled(&error), "{error}"));
    (event_loop, handle, address)
}

/// Connects, and returns the stream.
fn connect(event_loop: &mut EventLoop, address: SocketAddr) -> TcpStream {
    let connected = TcpStream::connect(&event_loop.handle(), address);
    connected.run_until_complete(event_loop).unwrap().unwrap()
}

/// Connects to a peer that neither reads nor writes, and returns both ends.
fn silent(event_loop: &mut EventLoop) -> (TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = connect(event_loop, listener.local_addr().unwrap());
    (stream, listener.accept().unwrap().0)
}

#[test]
fn a_connection_echoes_and_ends_when_the_client_ends() {
    let (mut event_loop, _handle, address) = echoing();
    let stream = connect(&mut event_loop, address);
    assert_eq!(stream.peer_addr().unwrap(), address);
    let written = stream.write_chunk(Chunk::from(b"hello".to_vec()));
    let replies = written.then(move |()| {
        stream.read_chunk().then(move |first| {
            let shut_down = stream.shutdown(Shutdown::Write);
            let second = shut_down.then(move |()| stream.read_chunk());
            second.map(|second| (first, second))
        })
    });
    let (first, second) = replies.run_until_complete(&mut event_loop).unwrap().unwrap();
    assert_eq!(first.as_deref(), Some(&b"hello"[..]));
    assert!(second.is_none());
}

#[test]
fn connecting_to_a_closed_port_is_refused() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let connected = TcpStream::connect(&handle, address).run_until_complete(&mut event_loop);
    assert_eq!(connected.unwrap().unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn binding_a_taken_port_is_an_error() {
    let (_event_loop, handle, address) = echoing();
    let again = TcpListener::bind(&handle, address);
    assert_eq!(again.unwrap_err().kind(), ErrorKind::AddrInUse);
}

#[test]
fn a_second_read_is_refused_and_the_first_goes_on() {
    let (mut event_loop, handle, address) = echoing();
    let stream = connect(&mut event_loop, address);
    let ends = Rc::new(RefCell::new(Vec::new()));
    for name in ["first", "second"] {
        let (ends, handle) = (ends.clone(), handle.clone());
        let ended = move |outcome| {
            ends.borrow_mut().push((name, outcome));
            if ends.borrow().len() == 2 {
                handle.stop();
            }
        };
        let failed = ended.clone();
        let read = stream.read_chunk().map(move |_| ended(Ok(())));
        read.detach(move |error| failed(Err(error.kind())));
    }
    stream.write_chunk(Chunk::from(b"hello".to_vec())).detach(|error| panic!("{error}"));
    event_loop.run_forever().unwrap();
    let refused = Err(ErrorKind::ResourceBusy);
    assert_eq!(ends.take(), [("second", refused), ("first", Ok(()))]);
}

#[test]
fn nothing_calls_back_before_its_operation_returned() {
    let (mut event_loop, handle, address) = echoing();
    let stream = connect(&mut event_loop, address);
    let calls = Rc::new(RefCell::new(0));
    let count = |promise: api_promises::Promise<(), std::io::Error>| {
        let (value, reason) = (calls.clone(), calls.clone());
        let counted = promise.map(move |()| *value.borrow_mut() += 1);
        counted.detach(move |_| *reason.borrow_mut() += 1);
    };
    count(stream.write_chunk(Chunk::from(b"hello".to_vec())));
    count(stream.write_chunk(Chunk::from(b"hello".to_vec())));
    count(stream.shutdown(Shutdown::Write));
    count(TcpStream::connect(&handle, "0.0.0.0:0".parse().unwrap()).map(drop));
    assert_eq!(*calls.borrow(), 0);
    while *calls.borrow() < 4 {
        event_loop.run_once().unwrap();
    }
}

#[test]
fn a_cancelled_read_leaves_nothing_parked() {
    let (mut event_loop, handle, address) = echoing();
    let stream = connect(&mut event_loop, address);
    // The server accepts and parks its own read before this one is counted.
    while handle.counts().accepts == 0 || !handle.snapshot().ready.is_empty() {
        event_loop.run_once().unwrap();
    }
    let parked = handle.snapshot().parked.len();
    let reading = stream.read_chunk().map(|_| unreachable!("it is cancelled"));
    assert_eq!(handle.snapshot().parked.len(), parked + 1);
    drop::<api_promises::Promise<(), _>>(reading);
    assert_eq!(handle.snapshot().parked.len(), parked);
    // The stream reads on.
    drop(stream.read_chunk());
    assert_eq!(handle.snapshot().parked.len(), parked);
}

#[test]
fn closing_the_loop_ends_what_is_pending() {
    let (mut event_loop, handle, address) = echoing();
    let stream = connect(&mut event_loop, address);
    let ends = Rc::new(RefCell::new(Vec::new()));
    let seen = ends.clone();
    stream.read_chunk().detach(move |error| seen.borrow_mut().push(is_cancelled(&error)));
    event_loop.close();
    assert_eq!(*ends.borrow(), [true]);
    assert!(handle.snapshot().parked.is_empty());
}

#[test]
fn closing_ends_what_has_used_up_its_share() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, _peer) = silent(&mut event_loop);
    let ends = Rc::new(RefCell::new(Vec::new()));
    let seen = ends.clone();
    let written = stream.write_chunk(Chunk::from(vec![1; 64 * BYTES_PER_TURN]));
    written.detach(move |error| seen.borrow_mut().push(is_cancelled(&error)));
    event_loop.close();
    assert_eq!(*ends.borrow(), [true]);
    assert_eq!(Rc::strong_count(&ends), 1);
}

#[test]
fn closing_brings_the_end_of_what_has_ended() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, _peer) = silent(&mut event_loop);
    let ended = Rc::new(Cell::new(0));
    let seen = ended.clone();
    let shut_down = stream.shutdown(Shutdown::Write).map(move |()| seen.set(seen.get() + 1));
    shut_down.detach(|error| panic!("{error}"));
    event_loop.close();
    assert_eq!(ended.get(), 1);
}
