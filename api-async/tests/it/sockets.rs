//! Sockets: which task may wait, how often they are closed, how many buffers one call writes.

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use api_async::{Async, TcpListener, TcpStream, run_until_complete, sleep, spawn};
use futures::future::{Either, join, select};
use futures::io::AsyncWrite;
use futures::{AsyncReadExt, AsyncWriteExt, FutureExt};
use loop_core::EventLoop;

use crate::lab::{connected, pair, yield_now};

#[test]
fn closing_twice_and_after_a_reset_is_no_failure() {
    let (mut event_loop, handle, stream, _peer) = pair();
    run_until_complete(&mut event_loop, async move {
        let mut stream = stream;
        stream.close().await.unwrap();
        stream.close().await.unwrap();
        let (mut reset, other) = connected(&handle).await;
        // Unread bytes make the close a reset.
        reset.write_all(b"unread").await.unwrap();
        sleep(&handle, Duration::from_millis(2)).await;
        drop(other);
        let error = reset.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        reset.close().await.unwrap();
        reset.close().await.unwrap();
        let (reader, mut writer) = reset.into_split();
        AsyncWriteExt::close(&mut writer).await.unwrap();
        futures::SinkExt::<loop_core::Chunk>::close(&mut writer).await.unwrap();
        assert!(reader.stream().shutdown(Shutdown::Write).await.is_err(), "the bare call tells");
    })
    .unwrap();
}

/// The system says `NotConnected` to the second one.
#[test]
fn closing_again_when_the_peer_has_closed_too_is_no_failure() {
    let (mut event_loop, _handle, stream, peer) = pair();
    run_until_complete(&mut event_loop, async move {
        let mut stream = stream;
        stream.close().await.unwrap();
        drop(peer);
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        stream.close().await.unwrap();
    })
    .unwrap();
}

/// Writes three buffers at once through the trait.
async fn write_three(writer: &mut (impl AsyncWrite + Unpin)) -> usize {
    let parts = [&b"one "[..], b"two ", b"three"].map(IoSlice::new);
    poll_fn(|cx| Pin::new(&mut *writer).poll_write_vectored(cx, &parts)).await.unwrap()
}

#[test]
fn a_vectored_write_is_one_system_call() {
    let (mut event_loop, handle, stream, mut peer) = pair();
    let before = handle.counts().writes;
    let counts = handle.clone();
    run_until_complete(&mut event_loop, async move {
        let mut stream = stream;
        assert_eq!(write_three(&mut stream).await, 13);
        assert_eq!(write_three(&mut &stream).await, 13);
        let (_reader, mut writer) = stream.into_split();
        assert_eq!(write_three(&mut writer).await, 13);
    })
    .unwrap();
    assert_eq!(counts.counts().writes - before, 3);
    let mut received = String::new();
    peer.read_to_string(&mut received).unwrap();
    assert_eq!(received, "one two three".repeat(3));
}

#[test]
fn more_buffers_than_a_system_call_takes_are_written_by_several() {
    let (mut event_loop, _handle, stream, mut peer) = pair();
    run_until_complete(&mut event_loop, async move {
        let mut stream = stream;
        let (bytes, mut left) = ([7; 3_000], 3_000);
        while left > 0 {
            let parts: Vec<_> = bytes[..left].chunks(1).map(IoSlice::new).collect();
            left -=
                poll_fn(|cx| Pin::new(&mut stream).poll_write_vectored(cx, &parts)).await.unwrap();
        }
    })
    .unwrap();
    let mut received = Vec::new();
    peer.read_to_end(&mut received).unwrap();
    assert_eq!(received, [7; 3_000]);
}

#[test]
fn any_descriptor_reads_and_writes_several_buffers_at_once() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    run_until_complete(&mut event_loop, async move {
        let mut ours = Async::new(&handle, ours).unwrap();
        assert_eq!(write_three(&mut ours).await, 13);
        let mut echo = [0; 13];
        theirs.read_exact(&mut echo).unwrap();
        theirs.write_all(&echo).unwrap();
        let (mut a, mut b) = ([0; 4], [0; 9]);
        let mut parts = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
        assert_eq!(ours.read_vectored(&mut parts).await.unwrap(), 13);
        assert_eq!((&a, &b), (b"one ", b"two three"));
    })
    .unwrap();
}

/// The other wings answer the same.
#[test]
fn a_second_task_that_waits_in_one_direction_is_told_that_it_is_taken() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let timers = handle.clone();
    let outer = run_until_complete(&mut event_loop, async move {
        let busy = |error: io::Error| assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        let listener = Rc::new(TcpListener::bind(&timers, "127.0.0.1:0".parse().unwrap()).unwrap());
        let first = listener.clone();
        let accepts = spawn(&timers, async move { first.accept().await.map(drop) });
        yield_now().await;
        busy(listener.accept().await.unwrap_err());
        let address = listener.local_addr().unwrap();
        let stream = TcpStream::connect(&timers, address).await.unwrap();
        accepts.await.unwrap().unwrap();

        // Two in one task as well; the first has not lost its place.
        let two = join(stream.read_chunk(), stream.read_chunk());
        let timed = select(Box::pin(two), sleep(&timers, Duration::from_millis(5))).await;
        let Either::Left(((one, other), _)) = timed else { panic!("the first waits for ever") };
        assert!(one.unwrap().is_none(), "the end: the accepted connection was dropped");
        busy(other.unwrap_err());

        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let ours = Rc::new(Async::new(&timers, ours).unwrap());
        let first = ours.clone();
        let reads =
            spawn(&timers, async move { first.read_with(|mut io| io.read(&mut [0; 1])).await });
        yield_now().await;
        busy(ours.read_with(|mut io| io.read(&mut [0; 1])).await.unwrap_err());
        theirs.write_all(b"x").unwrap();
        assert_eq!(reads.await.unwrap().unwrap(), 1);
        // The dropped future has given its place up, and the next may wait.
        assert!(ours.read_with(|mut io| io.read(&mut [0; 1])).now_or_never().is_none());
        theirs.write_all(b"y").unwrap();
        ours.read_with(|mut io| io.read(&mut [0; 1])).await.unwrap()
    });
    assert_eq!(outer.unwrap(), 1);
    assert!(handle.snapshot().parked.is_empty());
}
