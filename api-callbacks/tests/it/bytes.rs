//! Transfers between a connection and a buffer of the caller's.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;

use api_callbacks::{TcpListener, TcpStream, bytes};
use loop_core::transfer::transferred;
use loop_core::{ConnectOptions, EventLoop, ListenOptions, is_cancelled};

use crate::tcp::silent;

/// Runs the loop until `done` says so.
pub(crate) fn run_until(event_loop: &mut EventLoop, done: impl Fn() -> bool) {
    while !done() {
        event_loop.run_once().unwrap();
    }
}

#[test]
fn a_buffer_comes_back_with_its_count() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, mut peer) = silent(&mut event_loop);
    peer.write_all(b"hello").unwrap();
    let read = event_loop.run_until_complete(|completer| {
        bytes::read(&stream, vec![0; 16], |_, read, buffer| completer.complete((read, buffer)));
    });
    let (count, buffer) = read.unwrap();
    assert_eq!(count.unwrap(), 5);
    assert_eq!(&buffer[..5], b"hello");
    assert_eq!(buffer.len(), 16);
    drop(peer);
    let read = event_loop.run_until_complete(|completer| {
        bytes::read(&stream, [0; 4], |_, read, _| completer.complete(read));
    });
    assert_eq!(read.unwrap().unwrap(), 0);
}

#[test]
fn what_came_before_the_end_is_counted_and_handed_back() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, mut peer) = silent(&mut event_loop);
    peer.write_all(b"abc").unwrap();
    drop(peer);
    let read = event_loop.run_until_complete(|completer| {
        bytes::read_exact(&stream, [0; 8], |_, read, buffer| completer.complete((read, buffer)));
    });
    let (read, buffer) = read.unwrap();
    let error = read.unwrap_err();
    assert_eq!((error.kind(), transferred(&error)), (ErrorKind::UnexpectedEof, 3));
    assert_eq!(&buffer[..3], b"abc");
}

#[test]
fn lines_are_read_one_after_the_other() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, mut peer) = silent(&mut event_loop);
    peer.write_all(b"one\ntwo\nrest").unwrap();
    let mut buffer = Vec::new();
    for line in ["one\n", "two\n"] {
        let read = event_loop.run_until_complete(|completer| {
            let rest = std::mem::take(&mut buffer);
            bytes::read_until(&stream, b'\n', rest, |_, read, buffer| {
                completer.complete((read, buffer));
            });
        });
        let (count, read) = read.unwrap();
        buffer = read;
        let rest = buffer.split_off(count.unwrap());
        assert_eq!(std::mem::replace(&mut buffer, rest), line.as_bytes());
    }
    assert_eq!(buffer, b"rest");
}

#[test]
fn buffers_are_written_in_order() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, mut peer) = silent(&mut event_loop);
    let written = event_loop.run_until_complete(|completer| {
        bytes::write_all(&stream, "one ", |stream, written, buffer| {
            assert_eq!((written.unwrap(), buffer), (4, "one "));
            let parts = vec!["two ", "", "three"];
            bytes::write_all_vectored(&stream, parts, |_, written, buffers| {
                assert_eq!(buffers, ["two ", "", "three"]);
                completer.complete(written);
            });
        });
    });
    assert_eq!(written.unwrap().unwrap(), 9);
    let mut seen = [0; 13];
    peer.read_exact(&mut seen).unwrap();
    assert_eq!(&seen, b"one two three");
}

#[test]
fn a_cancelled_read_says_what_it_had_read_and_gives_it_back() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let (stream, mut peer) = silent(&mut event_loop);
    let end = Rc::new(RefCell::new(None));
    let seen = end.clone();
    let reading = bytes::read_exact(&stream, vec![0; 8], move |_, read, buffer| {
        assert!(seen.borrow_mut().replace((read, buffer)).is_none(), "it is called once");
    });
    assert_eq!(reading.transferred(), Some(0));
    peer.write_all(b"abc").unwrap();
    run_until(&mut event_loop, || reading.transferred() == Some(3));
    assert!(reading.cancel() && !reading.cancel());
    assert_eq!(reading.transferred(), Some(3), "until the callback is called");
    assert!(end.borrow().is_none() && handle.snapshot().parked.is_empty());
    event_loop.run_ready();
    let (read, buffer) = end.take().unwrap();
    let error = read.unwrap_err();
    assert!(is_cancelled(&error));
    assert_eq!((transferred(&error), &buffer[..3]), (3, &b"abc"[..]));
    assert_eq!(reading.transferred(), None);
}

#[test]
fn a_cancelled_write_says_what_it_had_written() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, mut peer) = silent(&mut event_loop);
    let end = Rc::new(Cell::new(None));
    let seen = end.clone();
    let length = 16 * 1024 * 1024;
    let writing = bytes::write_all(&stream, vec![7; length], move |_, written, buffer| {
        seen.set(Some((written, buffer)));
    });
    // Whatever the sockets hold is a part of it.
    for _ in 0..200 {
        event_loop.handle().call_soon(|| ());
        event_loop.run_once().unwrap();
    }
    let before = writing.transferred().unwrap();
    assert!(before > 0 && before < length);
    assert!(writing.cancel());
    event_loop.run_ready();
    let (written, buffer) = end.take().unwrap();
    let error = written.unwrap_err();
    assert!(is_cancelled(&error));
    assert_eq!((transferred(&error), buffer.len()), (before, length));
    drop(stream);
    let mut received = Vec::new();
    peer.read_to_end(&mut received).unwrap();
    assert_eq!(received.len(), before, "what was told is what the peer has");
}

#[test]
fn a_second_write_is_refused_with_its_buffer() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, _peer) = silent(&mut event_loop);
    bytes::write_all(&stream, vec![7; 16 * 1024 * 1024], |_, written, _| {
        assert!(is_cancelled(&written.unwrap_err()), "the loop is closed meanwhile");
    });
    let refused = event_loop.run_until_complete(|completer| {
        bytes::write_all(&stream, "second", |_, written, buffer| {
            completer.complete((written.map_err(|error| error.kind()), buffer));
        });
    });
    assert_eq!(refused.unwrap(), (Err(ErrorKind::ResourceBusy), "second"));
}

#[test]
fn options_reach_the_sockets() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let any = "127.0.0.1:0".parse().unwrap();
    let options = ListenOptions { reuse_port: true, ..ListenOptions::default() };
    let listener = TcpListener::bind_with(&handle, any, &options).unwrap();
    let address = listener.local_addr().unwrap();
    TcpListener::bind_with(&handle, address, &options).expect("the port is shared");
    let local = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = ConnectOptions { local_address: Some(local), nodelay: true };
    let connected = event_loop.run_until_complete(|completer| {
        TcpStream::connect_with(&handle, address, &options, |stream| completer.complete(stream));
    });
    assert_eq!(connected.unwrap().unwrap().local_addr().unwrap(), local);
}

#[test]
fn an_operation_on_a_closed_loop_is_reported_with_its_place() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, _peer) = silent(&mut event_loop);
    let handle = event_loop.handle();
    event_loop.close();
    let reports = Rc::new(RefCell::new(Vec::new()));
    let seen = reports.clone();
    // A closed loop has let go of its handler; this one is asked from here on.
    handle.set_exception_handler(move |_, context| seen.borrow_mut().push(context.to_string()));
    let read = |_: TcpStream, _: io::Result<usize>, _: [u8; 1]| unreachable!("nothing begins");
    let line = line!() + 1;
    let reading = bytes::read(&stream, [0], read);
    assert!(!reading.cancel());
    let place = format!("created at {}:{line}:", file!());
    assert_eq!(reports.borrow().len(), 1);
    assert!(reports.borrow()[0].starts_with("a callback was dropped uncalled"));
    assert!(reports.borrow()[0].contains(&place), "{reports:?} has no {place}");
}
