//! Bytes in buffers of the caller's: both come back, whatever happens.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use api_async::{TcpStream, bytes, run_until_complete, sleep};
use futures::future::{Either, select};
use loop_core::transfer::transferred;
use loop_core::{EventLoop, is_cancelled};

/// Makes a loop and both ends of a connection: one on the loop, one that blocks.
fn pair() -> (EventLoop, TcpStream, std::net::TcpStream) {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connected = async move { TcpStream::connect(&handle, address).await };
    let stream = run_until_complete(&mut event_loop, connected).unwrap().unwrap();
    (event_loop, stream, listener.accept().unwrap().0)
}

#[test]
fn reading_once_takes_what_is_there_and_then_the_end() {
    let (mut event_loop, stream, mut peer) = pair();
    peer.write_all(b"hello").unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    run_until_complete(&mut event_loop, async move {
        let (count, buffer) = bytes::read(&stream, [0; 8]).await;
        assert_eq!((count.unwrap(), &buffer[..5]), (5, &b"hello"[..]));
        let (count, _) = bytes::read(&stream, buffer).await;
        assert_eq!(count.unwrap(), 0);
    })
    .unwrap();
}

#[test]
fn reading_into_no_room_ends_at_once() {
    let (mut event_loop, stream, _peer) = pair();
    let read = async move { bytes::read(&stream, Vec::new()).await.0.unwrap() };
    assert_eq!(run_until_complete(&mut event_loop, read).unwrap(), 0);
}

#[test]
fn a_buffer_is_filled_over_several_messages() {
    let (mut event_loop, stream, mut peer) = pair();
    let handle = event_loop.handle();
    run_until_complete(&mut event_loop, async move {
        let parts = async {
            for part in [b"ab", b"cd"] {
                peer.write_all(part).unwrap();
                sleep(&handle, Duration::from_millis(2)).await;
            }
        };
        let read = bytes::read_exact(&stream, vec![0; 4]);
        let ((count, buffer), ()) = futures::join!(read, parts);
        assert_eq!((count.unwrap(), buffer), (4, b"abcd".to_vec()));
    })
    .unwrap();
}

#[test]
fn an_end_before_the_buffer_is_full_tells_what_came() {
    let (mut event_loop, stream, mut peer) = pair();
    peer.write_all(b"abc").unwrap();
    drop(peer);
    run_until_complete(&mut event_loop, async move {
        let (result, buffer) = bytes::read_exact(&stream, [0; 8]).await;
        let error = result.unwrap_err();
        assert_eq!((error.kind(), transferred(&error)), (ErrorKind::UnexpectedEof, 3));
        assert_eq!(&buffer[..3], b"abc");
    })
    .unwrap();
}

#[test]
fn a_line_is_read_and_the_rest_is_kept_for_the_next() {
    let (mut event_loop, stream, mut peer) = pair();
    peer.write_all(b"one\ntwo\nthr").unwrap();
    drop(peer);
    run_until_complete(&mut event_loop, async move {
        let mut buffer = Vec::new();
        for line in [&b"one\n"[..], b"two\n"] {
            let (count, rest) = bytes::read_until(&stream, b'\n', buffer).await;
            let count = count.unwrap();
            assert_eq!(&rest[..count], line);
            buffer = rest[count..].to_vec();
        }
        let (result, rest) = bytes::read_until(&stream, b'\n', buffer).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(rest, b"thr");
    })
    .unwrap();
}

#[test]
fn all_is_written_whatever_the_kernel_takes_at_once() {
    const BYTES: usize = 3_000_000;
    let (mut event_loop, stream, mut peer) = pair();
    let reader = std::thread::spawn(move || {
        let mut received = Vec::new();
        peer.read_to_end(&mut received).map(|_| received)
    });
    run_until_complete(&mut event_loop, async move {
        let (count, buffer) = bytes::write_all(&stream, vec![7; BYTES]).await;
        assert_eq!((count.unwrap(), buffer.len()), (BYTES, BYTES));
        let buffers = vec![b"ab".to_vec(), Vec::new(), vec![8; BYTES]];
        let (count, buffers) = bytes::write_all_vectored(&stream, buffers).await;
        assert_eq!((count.unwrap(), buffers.len()), (BYTES + 2, 3));
    })
    .unwrap();
    drop(event_loop);
    let received = reader.join().unwrap().unwrap();
    assert_eq!(received.len(), 2 * BYTES + 2);
    assert_eq!(&received[BYTES..BYTES + 3], b"ab\x08");
}

#[test]
fn a_cancelled_operation_gives_buffer_and_count_back() {
    let (mut event_loop, stream, mut peer) = pair();
    let handle = event_loop.handle();
    peer.write_all(b"abc").unwrap();
    run_until_complete(&mut event_loop, async move {
        let reading = bytes::read_exact(&stream, [0; 4]);
        let Either::Right(((), reading)) =
            select(reading, sleep(&handle, Duration::from_millis(20))).await
        else {
            panic!("a byte is missing");
        };
        let (result, mut buffer) = reading.cancel();
        let error = result.unwrap_err();
        assert_eq!((is_cancelled(&error), transferred(&error)), (true, 3));
        // Nothing is lost: the next operation goes on where this one was.
        peer.write_all(b"d").unwrap();
        let (last, [byte]) = bytes::read_exact(&stream, [0]).await;
        buffer[transferred(&error)] = byte;
        assert_eq!((last.unwrap(), &buffer), (1, b"abcd"));
    })
    .unwrap();
}

/// Cancel-safe: a pending read has moved nothing, so that dropping it loses nothing.
#[test]
fn a_dropped_read_loses_nothing() {
    let (mut event_loop, stream, mut peer) = pair();
    let handle = event_loop.handle();
    run_until_complete(&mut event_loop, async move {
        for _ in 0..100 {
            let read = bytes::read(&stream, [0; 8]);
            assert!(matches!(select(read, std::future::ready(())).await, Either::Right(_)));
        }
        peer.write_all(b"all").unwrap();
        sleep(&handle, Duration::from_millis(1)).await;
        let (count, buffer) = bytes::read(&stream, [0; 8]).await;
        assert_eq!((count.unwrap(), &buffer[..3]), (3, &b"all"[..]));
    })
    .unwrap();
}
