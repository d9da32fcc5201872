//! Sockets: who may wait, how often they are closed, how much is done in one poll.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use api_async::{
    Async, Runner, TcpListener, TcpStream, offload, run_until_complete, sleep, spawn,
    spawn_infallible,
};
use futures::future::{Either, join, select};
use futures::io::AsyncWrite;
use futures::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, FutureExt, StreamExt};
use loop_core::{EventLoop, LoopHandle};

use crate::lab::yield_now;

/// Both ends of a connection: one on the loop, one that blocks.
fn pair() -> (EventLoop, LoopHandle, TcpStream, std::net::TcpStream) {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (connects, address) = (handle.clone(), listener.local_addr().unwrap());
    let connected = async move { TcpStream::connect(&connects, address).await };
    let stream = run_until_complete(&mut event_loop, connected).unwrap().unwrap();
    (event_loop, handle, stream, listener.accept().unwrap().0)
}

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

/// A connection of which both ends are on the loop.
async fn connected(handle: &LoopHandle) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(handle, "127.0.0.1:0".parse().unwrap()).unwrap();
    let connects = TcpStream::connect(handle, listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    (connects, accepted)
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
        // Who was dropped has given its place up, and the next may wait.
        assert!(ours.read_with(|mut io| io.read(&mut [0; 1])).now_or_never().is_none());
        theirs.write_all(b"y").unwrap();
        ours.read_with(|mut io| io.read(&mut [0; 1])).await.unwrap()
    });
    assert_eq!(outer.unwrap(), 1);
    assert!(handle.snapshot().parked.is_empty());
}

#[test]
fn two_descriptors_that_are_always_ready_let_others_run() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let timers = handle.clone();
    let ready = |handle: &LoopHandle| {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.write_all(b"x").unwrap();
        (Async::new(handle, ours).unwrap(), theirs)
    };
    let rounds = Rc::new(Cell::new(0_u32));
    let counted = rounds.clone();
    let task = spawn_infallible(&handle, async move {
        let ((one, _one), (other, _other)) = (ready(&timers), ready(&timers));
        sleep(&timers, Duration::from_millis(1)).await;
        // The byte is looked at, and stays.
        let looks = |stream: &Async<UnixStream>| {
            let stream = stream.get_ref().try_clone().unwrap();
            move |_: &UnixStream| stream.take_error().map(drop)
        };
        let (first, second) = (looks(&one), looks(&other));
        loop {
            counted.set(counted.get() + 1);
            assert!(counted.get() < 1_000_000, "it never yields");
            let (a, b) = (pin_read(&one, &first), pin_read(&other, &second));
            select(a, b).await;
        }
    });
    let (mut most, mut before) = (0, 0);
    for _ in 0..10 {
        handle.call_later(Duration::from_millis(1), || ());
        event_loop.run_once().unwrap();
        most = most.max(rounds.get() - before);
        before = rounds.get();
    }
    // A turn runs 256 callbacks at most, and each poll 128 operations.
    assert!(before > 128 && most <= 128 * 257, "{most} in a turn");
    assert!(!task.is_finished());
    task.abort();
}

/// Reads as `look` does, in a box, as `select` wants it.
fn pin_read<'a>(
    stream: &'a Async<UnixStream>,
    look: &'a dyn Fn(&UnixStream) -> io::Result<()>,
) -> Pin<Box<dyn Future<Output = io::Result<()>> + 'a>> {
    Box::pin(stream.read_with(look))
}

#[test]
fn streams_that_are_read_byte_by_byte_give_way_together() {
    let (mut event_loop, handle, one, mut peer) = pair();
    peer.write_all(&[1; 60_000]).unwrap();
    let read = Rc::new(Cell::new(0_u32));
    let counted = read.clone();
    let timers = handle.clone();
    let task = spawn_infallible(&handle, async move {
        let (mut other, mut writes) = connected(&timers).await;
        writes.write_all(&[2; 60_000]).await.unwrap();
        let mut one = one;
        sleep(&timers, Duration::from_millis(5)).await;
        counted.set(0);
        let mut first = [0; 1];
        let mut second = [0; 1];
        loop {
            select(one.read_exact(&mut first), other.read_exact(&mut second)).await;
            counted.set(counted.get() + 1);
        }
    });
    let (mut most, mut before) = (0, 0);
    for _ in 0..40 {
        handle.call_later(Duration::from_millis(1), || ());
        event_loop.run_once().unwrap();
        most = most.max(read.get().saturating_sub(before));
        before = read.get();
    }
    // A turn runs 256 callbacks at most, and each poll 128 operations.
    assert!(before > 0 && most <= 128 * 257, "{most} in a turn");
    task.abort();
}

#[test]
fn a_sleep_on_a_closed_loop_lets_the_other_loop_run() {
    let mut closed = EventLoop::new().unwrap();
    let gone = closed.handle();
    closed.close();
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let rounds = Rc::new(Cell::new(0_u32));
    let counted = rounds.clone();
    let task = spawn_infallible(&handle, async move {
        loop {
            sleep(&gone, Duration::from_secs(1)).await;
            counted.set(counted.get() + 1);
            assert!(counted.get() < 1_000_000, "it never yields");
        }
    });
    event_loop.run_once().unwrap();
    event_loop.run_once().unwrap();
    assert!(!task.is_finished() && rounds.get() > 0);
    task.abort();
}

/// What is safe to cancel, and how; `read_line` is not among it, see `ReadHalf`.
#[test]
fn lines_and_kept_buffers_lose_nothing_when_they_are_cancelled() {
    let (mut event_loop, handle, stream, mut peer) = pair();
    run_until_complete(&mut event_loop, async move {
        let (mut reader, _writer) = stream.into_split();
        let mut kept = Vec::new();
        peer.write_all(b"half a ").unwrap();
        sleep(&handle, Duration::from_millis(2)).await;
        assert!(reader.read_until(b'\n', &mut kept).now_or_never().is_none());
        peer.write_all(b"line\nand another ").unwrap();
        reader.read_until(b'\n', &mut kept).await.unwrap();
        assert_eq!(kept, b"half a line\n");
        let mut lines = reader.lines();
        assert!(lines.next().now_or_never().is_none());
        peer.write_all(b"one\n").unwrap();
        assert_eq!(lines.next().await.unwrap().unwrap(), "and another one");
    })
    .unwrap();
}

#[test]
fn an_executor_that_refuses_says_why() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let error = run_until_complete(&mut event_loop, async move {
        let ended = |resume: api_async::Resume<()>| {
            handle.shutdown_default_executor(Duration::from_secs(1), |_| resume.with(()));
        };
        api_async::suspend(ended).await.unwrap();
        let resolved = api_async::resolve(&handle, "localhost", 80).await.unwrap_err();
        assert!(resolved.to_string().contains("shut down"), "{resolved}");
        offload(&handle, || ()).await.unwrap_err()
    });
    let error = error.unwrap();
    assert!(error.to_string().contains("the executor is shut down"), "{error}");
}

#[test]
fn a_run_within_a_run_is_refused_and_says_what_to_do() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let reports = Rc::new(Cell::new(0));
    let seen = reports.clone();
    handle.set_exception_handler(move |_, context| {
        seen.set(seen.get() + 1);
        assert!(context.message.contains("await the future"), "{context}");
    });
    let nested = spawn(&handle, async {
        let mut inner = EventLoop::new().unwrap();
        // Whatever is awaited on the inner loop may need the outer one, which stands.
        run_until_complete(&mut inner, async {}).unwrap();
    });
    let joined = run_until_complete(&mut event_loop, nested).unwrap();
    assert!(joined.unwrap_err().to_string().contains("await the future"));
    assert_eq!(reports.get(), 1);
    let runner = Runner { interrupts: false, ..Runner::default() };
    let again = runner.clone();
    let failed = runner.run(async move |_| again.run(async |_| ()).unwrap_err().to_string());
    assert!(failed.unwrap().contains("await the future"));
    run_until_complete(&mut event_loop, async {}).unwrap();
}
