//! TCP, over the loopback interface.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::combine::{Completion, timeout};
use api_callbacks::{TcpListener, TcpStream, echo};
use loop_core::{BYTES_PER_TURN, Chunk, EventLoop, LoopHandle, is_cancelled};

/// Makes a loop with an echo server on it.
fn echoing() -> (EventLoop, LoopHandle, SocketAddr) {
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    echo::serve(listener, |error| assert!(is_cancelled(&error), "{error}"));
    (event_loop, handle, address)
}

/// Connects, and returns the stream.
fn connect(event_loop: &mut EventLoop, address: SocketAddr) -> TcpStream {
    let handle = event_loop.handle();
    let connected = event_loop.run_until_complete(|completer| {
        TcpStream::connect(&handle, address, |stream| completer.complete(stream));
    });
    connected.unwrap().unwrap()
}

/// Connects to a peer that neither reads nor writes, and returns both ends.
pub(crate) fn silent(event_loop: &mut EventLoop) -> (TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = connect(event_loop, listener.local_addr().unwrap());
    (stream, listener.accept().unwrap().0)
}

#[test]
fn a_connection_echoes_and_ends_when_the_client_ends() {
    let (mut event_loop, _handle, address) = echoing();
    let stream = connect(&mut event_loop, address);
    assert_eq!(stream.peer_addr().unwrap(), address);
    let replies = event_loop.run_until_complete(|completer| {
        stream.write_chunk(Chunk::from(b"hello".to_vec()), |stream, written| {
            written.unwrap();
            stream.read_chunk(|stream, first| {
                stream.shutdown(Shutdown::Write, |stream, shut_down| {
                    shut_down.unwrap();
                    stream.read_chunk(|_, second| completer.complete((first, second)));
                });
            });
        });
    });
    let (first, second) = replies.unwrap();
    assert_eq!(first.unwrap().as_deref(), Some(&b"hello"[..]));
    assert!(second.unwrap().is_none());
}

#[test]
fn connecting_to_a_closed_port_is_refused() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let connected = event_loop.run_until_complete(|completer| {
        TcpStream::connect(&handle, address, |stream| completer.complete(stream));
    });
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
        stream.read_chunk(move |_, read| {
            ends.borrow_mut().push((name, read.map(|_| ()).map_err(|error| error.kind())));
            if ends.borrow().len() == 2 {
                handle.stop();
            }
        });
    }
    stream.write_chunk(Chunk::from(b"hello".to_vec()), |_, written| written.unwrap());
    event_loop.run_forever().unwrap();
    let refused = Err(ErrorKind::ResourceBusy);
    assert_eq!(ends.take(), [("second", refused), ("first", Ok(()))]);
}

#[test]
fn who_is_told_of_a_timeout_can_read_again_at_once() {
    let (mut event_loop, handle, address) = echoing();
    let stream = Rc::new(connect(&mut event_loop, address));
    let again = Rc::new(Cell::new(None));
    let read = stream.clone();
    let start = move |callback: Completion<Option<Chunk>, io::Error>| {
        read.read_chunk(move |_, read| callback(read))
    };
    let (seen, stop) = (again.clone(), handle.clone());
    timeout(&handle, Duration::from_millis(1), start, move |read| {
        assert_eq!(read.unwrap_err().kind(), ErrorKind::TimedOut);
        stream.write_chunk(Chunk::from(b"hello".to_vec()), |_, written| written.unwrap());
        stream.read_chunk(move |_, read| {
            seen.set(Some(read.map(|chunk| chunk.map(|chunk| chunk.len()))));
            stop.stop();
        });
    });
    event_loop.run_forever().unwrap();
    assert_eq!(again.take().unwrap().unwrap(), Some(5));
}

#[test]
fn nothing_calls_back_before_its_operation_returned() {
    let (mut event_loop, handle, address) = echoing();
    let stream = connect(&mut event_loop, address);
    let calls = Rc::new(RefCell::new(0));
    let count = || {
        let calls = calls.clone();
        move || *calls.borrow_mut() += 1
    };
    let (written, second, shut_down, refused) = (count(), count(), count(), count());
    stream.write_chunk(Chunk::from(b"hello".to_vec()), move |_, _| written());
    stream.write_chunk(Chunk::from(b"hello".to_vec()), move |_, _| second());
    stream.shutdown(Shutdown::Write, move |_, _| shut_down());
    TcpStream::connect(&handle, "0.0.0.0:0".parse().unwrap(), move |_| refused());
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
    let ends = Rc::new(RefCell::new(Vec::new()));
    let seen = ends.clone();
    let reading = stream.read_chunk(move |_, read| {
        seen.borrow_mut().push(is_cancelled(&read.unwrap_err()));
    });
    assert_eq!(handle.snapshot().parked.len(), parked + 1);
    assert!(reading.cancel());
    assert_eq!(handle.snapshot().parked.len(), parked);
    event_loop.run_ready();
    assert_eq!(*ends.borrow(), [true]);
    assert!(!reading.cancel());
    // An old handle does not cancel a new read.
    stream.read_chunk(|_, _| unreachable!("nothing comes"));
    assert!(!reading.cancel());
    std::mem::forget(stream);
}

#[test]
fn closing_the_loop_ends_what_is_pending() {
    let (mut event_loop, handle, address) = echoing();
    let stream = connect(&mut event_loop, address);
    let ends = Rc::new(RefCell::new(Vec::new()));
    let seen = ends.clone();
    stream.read_chunk(move |_, read| seen.borrow_mut().push(is_cancelled(&read.unwrap_err())));
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
    stream.write_chunk(Chunk::from(vec![1; 64 * BYTES_PER_TURN]), move |_, written| {
        seen.borrow_mut().push(is_cancelled(&written.unwrap_err()));
    });
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
    stream.shutdown(Shutdown::Write, move |_, shut_down| {
        shut_down.unwrap();
        seen.set(seen.get() + 1);
    });
    event_loop.close();
    assert_eq!(ended.get(), 1);
}

#[test]
fn a_read_on_a_closed_loop_drops_its_callback() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, _peer) = silent(&mut event_loop);
    event_loop.close();
    let held = Rc::new(());
    let kept = (held.clone(), stream.clone());
    let reading = stream.read_chunk(move |_, _| drop(kept));
    assert!(!reading.cancel());
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn an_operation_that_is_kept_does_not_keep_its_connection_open() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, mut peer) = silent(&mut event_loop);
    std::io::Write::write_all(&mut peer, b"x").unwrap();
    let ended = Rc::new(Cell::new(false));
    let seen = ended.clone();
    let reading = stream.read_chunk(move |stream, read| {
        read.unwrap();
        seen.set(true);
        drop(stream);
    });
    drop(stream);
    while !ended.get() {
        event_loop.run_once().unwrap();
    }
    peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    assert!(!reading.cancel());
}
