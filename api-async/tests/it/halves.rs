//! Split halves, streams and sinks of chunks, any descriptor; and that cancelling loses nothing.

use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::task::Poll;
use std::time::Duration;

use api_async::{Async, ReadHalf, TcpListener, TcpStream, run_until_complete, sleep, spawn};
use futures::future::{Either, select};
use futures::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, FutureExt, SinkExt, StreamExt};
use loop_core::{Chunk, EventLoop};

use crate::lab::pair;

/// Polls a future once, and drops it.
async fn cancel<F: Future>(future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    poll_fn(|cx| {
        Poll::Ready(match future.as_mut().poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

#[test]
fn the_halves_work_in_two_tasks_and_can_be_put_together_again() {
    let (mut event_loop, handle, stream, mut peer) = pair();
    let echo = std::thread::spawn(move || {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        peer.write_all(&all).unwrap();
    });
    let received = run_until_complete(&mut event_loop, async move {
        let (mut reader, mut writer) = stream.into_split();
        let writes = spawn(&handle, async move {
            writer.write_all(&vec![5; 1_000_000]).await?;
            SinkExt::<Chunk>::close(&mut writer).await?;
            io::Result::Ok(())
        });
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.unwrap();
        writes.await.unwrap().unwrap();
        received.len()
    });
    assert_eq!(received.unwrap(), 1_000_000);
    echo.join().unwrap();
}

#[test]
fn halves_of_two_connections_are_handed_back() {
    let (mut event_loop, handle, one, mut peer) = pair();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    run_until_complete(&mut event_loop, async move {
        let other = TcpStream::connect(&handle, address).await.unwrap();
        let ((mut reader, writer), (other_reader, other_writer)) =
            (one.into_split(), other.into_split());
        peer.write_all(b"ahead").unwrap();
        assert_eq!(reader.fill_buf().await.unwrap(), b"ahead");
        let unrelated = reader.reunite(other_writer).unwrap_err();
        let (stream, ahead) = unrelated.0.reunite(writer).unwrap();
        assert_eq!(ahead.as_deref(), Some(&b"ahead"[..]), "what was read ahead is not lost");
        stream.peer_addr().unwrap();
        drop((unrelated.1, other_reader));
    })
    .unwrap();
}

#[test]
fn chunks_come_as_a_stream_and_go_to_a_sink() {
    let (mut event_loop, _handle, stream, mut peer) = pair();
    run_until_complete(&mut event_loop, async move {
        let (reader, mut writer) = stream.into_split();
        for part in [&b"one"[..], b"two"] {
            writer.send(Chunk::from(part.to_vec())).await.unwrap();
        }
        SinkExt::<Chunk>::close(&mut writer).await.unwrap();
        let mut sent = Vec::new();
        peer.read_to_end(&mut sent).unwrap();
        peer.write_all(&sent).unwrap();
        drop(peer);
        let chunks: Vec<_> = reader.map(|chunk| chunk.unwrap().to_vec()).collect().await;
        assert_eq!(chunks.concat(), b"onetwo");
    })
    .unwrap();
}

#[test]
fn reading_in_pieces_gives_the_chunk_back_when_it_is_used_up() {
    let (mut event_loop, _handle, stream, mut peer) = pair();
    run_until_complete(&mut event_loop, async move {
        let (mut reader, _writer) = stream.into_split();
        peer.write_all(b"a line\nand more").unwrap();
        let mut line = String::new();
        reader.read_line(&mut line).await.unwrap();
        let mut rest = [0; 8];
        reader.read_exact(&mut rest).await.unwrap();
        assert_eq!((line.as_str(), &rest), ("a line\n", b"and more"));
        assert!(cancel(reader.next()).await.is_none(), "there is nothing more");
    })
    .unwrap();
}

/// `read_chunk`, `fill_buf`, `next`, `read`: a pending one has taken nothing.
#[test]
fn cancelled_reads_lose_nothing() {
    let (mut event_loop, handle, stream, mut peer) = pair();
    run_until_complete(&mut event_loop, async move {
        assert!(cancel(stream.read_chunk()).await.is_none());
        let (mut reader, _writer) = stream.into_split();
        assert!(cancel(reader.fill_buf()).await.is_none());
        assert!(cancel(reader.next()).await.is_none());
        assert!(cancel(reader.read(&mut [0; 4])).await.is_none());
        peer.write_all(b"all of it").unwrap();
        sleep(&handle, Duration::from_millis(2)).await;
        assert_eq!(cancel(reader.fill_buf()).await.unwrap().unwrap(), b"all of it");
        let chunk = ReadHalf::next(&mut reader).await.unwrap().unwrap();
        assert_eq!(&*chunk, b"all of it");
    })
    .unwrap();
}

#[test]
fn a_cancelled_send_goes_on_with_the_next() {
    const BYTES: usize = 8_000_000;
    let (mut event_loop, handle, stream, mut peer) = pair();
    let received = run_until_complete(&mut event_loop, async move {
        let (_reader, mut writer) = stream.into_split();
        let sent = writer.send(Chunk::from(vec![1; BYTES]));
        let slept = sleep(&handle, Duration::from_millis(5));
        assert!(matches!(select(sent, slept).await, Either::Right(_)), "nothing reads");
        let reads = std::thread::spawn(move || {
            let mut all = Vec::new();
            peer.read_to_end(&mut all).map(|_| all)
        });
        writer.send(Chunk::from(vec![2; 3])).await.unwrap();
        SinkExt::<Chunk>::close(&mut writer).await.unwrap();
        reads.join().unwrap().unwrap()
    });
    let received = received.unwrap();
    assert_eq!(received.len(), BYTES + 3);
    assert!(received.ends_with(&[1, 2, 2, 2]));
}

/// `accept` and `connect`: what was not returned is not taken, and what was begun is closed.
#[test]
fn cancelled_accepts_and_connects_lose_nothing() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    run_until_complete(&mut event_loop, async move {
        let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        for _ in 0..10 {
            assert!(cancel(listener.accept()).await.is_none());
        }
        let client = TcpStream::connect(&handle, address).await.unwrap();
        assert_eq!(listener.accept().await.unwrap().1, client.local_addr().unwrap());
        drop(cancel(TcpStream::connect(&handle, address)).await);
        assert!(handle.snapshot().timed.is_empty());
    })
    .unwrap();
}

#[test]
fn any_descriptor_is_waited_for() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    run_until_complete(&mut event_loop, async move {
        let mut ours = Async::new(&handle, ours).unwrap();
        assert!(cancel(ours.read_with(|io| (&*io).read(&mut [0; 1]))).await.is_none());
        let late = handle.clone();
        let writes = spawn(&handle, async move {
            sleep(&late, Duration::from_millis(2)).await;
            theirs.write_all(b"ping").map(|()| theirs)
        });
        let mut buffer = [0; 4];
        ours.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"ping");
        let theirs = writes.await.unwrap().unwrap();
        assert_eq!(ours.write_with(|io| (&*io).write(b"x")).await.unwrap(), 1);
        assert!(ours.get_ref().peer_addr().is_ok());
        drop(theirs);
        let error = async { ours.write_all(b"nothing").await.unwrap_err() };
        assert!(matches!(error.await.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset));
    })
    .unwrap();
}

#[test]
fn a_regular_file_cannot_be_waited_for() {
    let event_loop = EventLoop::new().unwrap();
    let file = std::fs::File::open("Cargo.toml").unwrap();
    Async::new(&event_loop.handle(), file).unwrap_err();
    assert!(async {}.now_or_never().is_some());
}

/// As the doc of `ReadHalf` says: `futures` has taken the bytes, and drops them with its future.
#[test]
fn a_cancelled_read_line_loses_what_it_had_read() {
    let (mut event_loop, handle, stream, mut peer) = pair();
    run_until_complete(&mut event_loop, async move {
        let (mut reader, _writer) = stream.into_split();
        peer.write_all(b"half a ").unwrap();
        sleep(&handle, Duration::from_millis(2)).await;
        let mut line = String::new();
        assert!(reader.read_line(&mut line).now_or_never().is_none());
        peer.write_all(b"line\n").unwrap();
        reader.read_line(&mut line).await.unwrap();
        assert_eq!(line, "line\n");
    })
    .unwrap();
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
