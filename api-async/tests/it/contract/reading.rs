//! Reading: into no room, beyond the end, after a failure.

use std::io::{ErrorKind, IoSliceMut, Write};
use std::pin::Pin;
use std::time::Duration;

use api_async::{TcpStream, run_until_complete, sleep};
use futures::AsyncWriteExt;
use futures::io::{AsyncBufRead, AsyncRead};
use futures::stream::Stream;
use loop_core::EventLoop;

use super::{descriptor, finish, once, read};
use crate::lab::{connected, pair};

#[test]
fn reading_into_no_room_waits_for_nothing_on_sockets_and_on_any_descriptor() {
    fn asserts(reader: &mut (impl AsyncRead + Unpin)) {
        let nothing = once(|cx| Pin::new(&mut *reader).poll_read(cx, &mut []));
        assert_eq!(nothing.expect("it waits").unwrap(), 0);
        let mut rooms = [IoSliceMut::new(&mut []), IoSliceMut::new(&mut [])];
        let nothing = once(|cx| Pin::new(&mut *reader).poll_read_vectored(cx, &mut rooms));
        assert_eq!(nothing.expect("it waits").unwrap(), 0);
    }
    let (_event_loop, handle, mut stream, _peer) = pair();
    asserts(&mut stream);
    let (mut reader, _writer) = stream.into_split();
    asserts(&mut reader);
    let (mut ours, _theirs) = descriptor(&handle);
    asserts(&mut ours);
}

#[test]
fn the_end_is_read_again_and_again() {
    let (mut event_loop, handle, mut stream, mut peer) = pair();
    peer.write_all(b"all").unwrap();
    drop(peer);
    assert_eq!(read(&mut event_loop, &mut stream), b"all");
    let (mut ours, mut theirs) = descriptor(&handle);
    theirs.write_all(b"all").unwrap();
    drop(theirs);
    assert_eq!(read(&mut event_loop, &mut ours), b"all");
    for _ in 0..3 {
        assert_eq!(read(&mut event_loop, &mut stream), b"");
        assert_eq!(read(&mut event_loop, &mut ours), b"");
    }
    let (mut reader, _writer) = stream.into_split();
    for _ in 0..3 {
        let bytes = finish(&mut event_loop, |cx| {
            Pin::new(&mut reader).poll_fill_buf(cx).map(|bytes| bytes.unwrap().to_vec())
        });
        assert_eq!(bytes, b"");
        assert!(finish(&mut event_loop, |cx| Pin::new(&mut reader).poll_next(cx)).is_none());
    }
}

/// A connection whose peer resets it: unread bytes make the close a reset.
fn resetting() -> (EventLoop, TcpStream) {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let stream = run_until_complete(&mut event_loop, async move {
        let (stream, other) = connected(&handle).await;
        (&stream).write_all(b"unread").await.unwrap();
        sleep(&handle, Duration::from_millis(2)).await;
        drop(other);
        stream
    });
    (event_loop, stream.unwrap())
}

#[test]
fn a_reset_is_told_once_and_is_the_end_from_then_on() {
    let (mut event_loop, mut stream) = resetting();
    let told = finish(&mut event_loop, |cx| Pin::new(&mut stream).poll_read(cx, &mut [0; 8]));
    assert_eq!(told.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(read(&mut event_loop, &mut stream), b"");

    let (mut event_loop, stream) = resetting();
    let (mut reader, _writer) = stream.into_split();
    let told = finish(&mut event_loop, |cx| Pin::new(&mut reader).poll_next(cx));
    assert_eq!(told.unwrap().unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(finish(&mut event_loop, |cx| Pin::new(&mut reader).poll_next(cx)).is_none());
}
