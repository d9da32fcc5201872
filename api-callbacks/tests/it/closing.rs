//! Streams that the program cancels or closes: what is pending, and what begins later.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream as Peer};
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::{TcpStream, bytes};
use loop_core::transfer::transferred;
use loop_core::{Chunk, EventLoop};
use socket2::SockRef;

use crate::tcp::silent;

/// What operations came to, in the order of their callbacks.
#[derive(Clone, Default)]
struct Ends(Rc<RefCell<Vec<String>>>);

impl Ends {
    fn end<T>(&self, name: &str, result: io::Result<T>) {
        let end = match result {
            Ok(_) => "ok".to_owned(),
            Err(error) if loop_core::is_cancelled(&error) => "cancelled".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        };
        self.0.borrow_mut().push(format!("{name}: {end}"));
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

/// More than the system's buffers hold.
fn much() -> Chunk {
    Chunk::from(vec![7; 16 << 20])
}

fn begin_read(stream: &TcpStream, ends: &Ends) {
    let ends = ends.clone();
    stream.read_chunk(move |_, read| ends.end("read", read));
}

fn begin_write(stream: &TcpStream, ends: &Ends) {
    let ends = ends.clone();
    stream.write_chunk(much(), move |_, written| ends.end("write", written));
}

/// Begins every operation that a stream has.
fn begin_all(stream: &TcpStream, ends: &Ends) {
    begin_read(stream, ends);
    begin_write(stream, ends);
    let of_shutdown = ends.clone();
    stream.shutdown(Shutdown::Write, move |_, shut_down| of_shutdown.end("shutdown", shut_down));
}

/// Reads what a peer is sent until the end, which has to come.
fn end_of(mut peer: Peer) -> io::Result<usize> {
    peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    peer.read_to_end(&mut Vec::new())
}

#[test]
fn what_is_pending_ends_as_cancelled_once_and_from_the_queue_however_it_is_ended() {
    type End = fn(&TcpStream);
    let ends_by: [End; 2] = [|stream| assert!(stream.cancel()), TcpStream::close];
    type Begin = fn(&TcpStream, &Ends);
    let cases: [(Begin, &[&str]); 3] = [
        (begin_read, &["read: cancelled"]),
        (begin_write, &["write: cancelled"]),
        (
            |stream, ends| {
                begin_read(stream, ends);
                begin_write(stream, ends);
            },
            &["read: cancelled", "write: cancelled"],
        ),
    ];
    for end in ends_by {
        for (begin, expected) in cases {
            let mut event_loop = EventLoop::new().unwrap();
            let (stream, _peer) = silent(&mut event_loop);
            let ends = Ends::default();
            begin(&stream, &ends);
            event_loop.run_ready();
            end(&stream);
            assert!(event_loop.handle().snapshot().parked.is_empty());
            assert!(ends.take().is_empty(), "it calls back before it returned");
            event_loop.run_ready();
            assert_eq!(ends.take(), expected);
            assert!(!stream.cancel());
            event_loop.run_ready();
            assert!(ends.take().is_empty());
        }
    }
}

#[test]
fn what_begins_after_a_cancel_goes_on_and_after_a_close_is_refused() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, mut peer) = silent(&mut event_loop);
    let ends = Ends::default();
    begin_read(&stream, &ends);
    assert!(stream.cancel());
    event_loop.run_ready();
    begin_read(&stream, &ends);
    peer.write_all(b"x").unwrap();
    while ends.0.borrow().len() < 2 {
        event_loop.run_once().unwrap();
    }
    assert_eq!(ends.take(), ["read: cancelled", "read: ok"]);

    stream.close();
    for _ in 0..2 {
        begin_all(&stream, &ends);
        let of_buffer = ends.clone();
        bytes::read(&stream, [0; 9], move |_, read, buffer| {
            assert_eq!(buffer.len(), 9);
            of_buffer.end("buffer", read);
        });
        assert!(ends.take().is_empty(), "it calls back before it returned");
        event_loop.run_ready();
        let refused =
            ["read", "write", "shutdown", "buffer"].map(|it| format!("{it}: NotConnected"));
        assert_eq!(ends.take(), refused);
    }
}

#[test]
fn a_result_that_is_on_its_way_comes_whether_its_stream_is_cancelled_or_closed() {
    for closes in [false, true] {
        let mut event_loop = EventLoop::new().unwrap();
        let (stream, mut peer) = silent(&mut event_loop);
        let ends = Ends::default();
        let seen = ends.clone();
        stream.write_chunk(Chunk::from(b"hello".to_vec()), move |_, end| seen.end("write", end));
        if closes {
            stream.close()
        } else {
            assert!(!stream.cancel())
        }
        event_loop.run_ready();
        assert_eq!(ends.take(), ["write: ok"]);
        peer.read_exact(&mut [0; 5]).unwrap();
    }
}

#[test]
fn a_cancelled_write_tells_what_was_sent_before() {
    let ends: [fn(&TcpStream); 2] = [|stream| assert!(stream.cancel()), TcpStream::close];
    for end in ends {
        let mut event_loop = EventLoop::new().unwrap();
        let (stream, _peer) = silent(&mut event_loop);
        let sent = Rc::new(Cell::new(0));
        let seen = sent.clone();
        stream.write_chunk(much(), move |_, written| {
            seen.set(transferred(&written.unwrap_err()));
        });
        end(&stream);
        event_loop.run_ready();
        assert!(sent.get() > 0 && sent.get() < much().len());
    }
}

#[test]
fn a_stream_is_closed_from_inside_a_callback_of_its_own() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, mut peer) = silent(&mut event_loop);
    let ends = Ends::default();
    begin_write(&stream, &ends);
    let seen = ends.clone();
    stream.read_chunk(move |stream, read| {
        seen.end("first", read);
        stream.close();
        stream.close();
        begin_read(&stream, &seen);
    });
    drop(stream);
    peer.write_all(b"x").unwrap();
    while ends.0.borrow().len() < 3 {
        event_loop.run_once().unwrap();
    }
    assert_eq!(ends.take(), ["first: ok", "write: cancelled", "read: NotConnected"]);
    event_loop.run_ready();
    end_of(peer).unwrap();
}

#[test]
fn the_peer_hears_of_a_close_although_the_stream_is_named_still() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, peer) = silent(&mut event_loop);
    begin_read(&stream, &Ends::default());
    let kept = stream.clone();
    stream.close();
    event_loop.run_ready();
    assert_eq!(end_of(peer).unwrap(), 0);
    assert!(kept.local_addr().is_ok());
}

/// A close without an end before it: what `SO_LINGER` asks for is done.
#[test]
fn a_close_behind_which_nothing_names_the_stream_closes_the_socket() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, peer) = silent(&mut event_loop);
    begin_read(&stream, &Ends::default());
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    stream.close();
    drop(stream);
    event_loop.run_ready();
    assert_eq!(end_of(peer).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn an_operation_of_before_reaches_nothing_behind_a_close() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, _peer) = silent(&mut event_loop);
    let ends = Ends::default();
    let seen = ends.clone();
    let reading = stream.read_chunk(move |_, read| seen.end("read", read));
    stream.close();
    assert_eq!((reading.cancel(), reading.transferred()), (false, None));
    event_loop.run_ready();
    assert_eq!((reading.cancel(), ends.take().len()), (false, 1));
}

#[test]
fn on_a_closed_loop_nothing_is_pending_and_a_close_is_quiet() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, _peer) = silent(&mut event_loop);
    let reports = Rc::new(Cell::new(0));
    let told = reports.clone();
    event_loop.handle().set_exception_handler(move |_, _| told.set(told.get() + 1));
    let ends = Ends::default();
    begin_read(&stream, &ends);
    event_loop.close();
    assert_eq!(ends.take(), ["read: cancelled"]);
    assert!(!stream.cancel());
    stream.close();
    stream.close();
    drop(stream);
    assert_eq!(reports.get(), 0);
}

#[test]
fn a_stream_that_its_loop_closes_may_be_closed_in_the_callback_that_hears_of_it() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, peer) = silent(&mut event_loop);
    let ends = Ends::default();
    begin_write(&stream, &ends);
    let seen = ends.clone();
    stream.read_chunk(move |stream, read| {
        stream.close();
        seen.end("first", read);
    });
    drop(stream);
    event_loop.close();
    assert_eq!(ends.take(), ["first: cancelled", "write: cancelled"]);
    end_of(peer).unwrap();
}
