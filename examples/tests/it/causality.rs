//! Causality: what still happens after `close`, and what no longer does; asyncio's hybrid beside the
//! native wings.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::rc::Rc;
use std::thread::{self, JoinHandle};

use api_async::{bytes, run_until_complete};
use examples::claims::{observed, part};
use examples::patterns::hybrid::open_connection;
use loop_core::EventLoop;

/// More than the buffers of two sockets take.
const PAYLOAD: usize = 16 * 1024 * 1024;

/// Listens, and hands the connection to `talk`, on a thread.
fn peer<T: Send + 'static>(
    talk: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (std::net::SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let talking = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(crate::server::PATIENCE)).unwrap();
        talk(stream)
    });
    (address, talking)
}

/// Reads to the end, or to the reset, and returns how many bytes came.
fn count_to_the_end(mut stream: TcpStream) -> usize {
    let (mut buffer, mut count) = (vec![0; 64 * 1024], 0);
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        count += length;
    }
    count
}

/// Makes turns until `holds`, within a bound.
fn run_until(event_loop: &mut EventLoop, holds: impl Fn() -> bool) {
    let handle = event_loop.handle();
    for _ in 0..10_000 {
        if holds() {
            return;
        }
        handle.stop();
        event_loop.run_forever().unwrap();
        thread::sleep(std::time::Duration::from_micros(100));
    }
    panic!("it does not come");
}

/// Data can come after the close, and a close can lose what was not sent: so with naive callbacks and
/// promises. What is awaited before the close is neither late nor lost.
#[test]
fn c20_data_comes_after_close_in_callbacks_and_promises_and_not_where_it_is_awaited() {
    assert_eq!([after_close_with_callbacks(), after_close_with_promises()], [5, 5]);
    let [all, closed] = [after_close_with_async(false), after_close_with_async(true)];
    observed("C20", "bytes_after_end_of_task", closed);
    assert!(part("C20", "a task that owns its stream is told nothing after its end", closed == 0));
    assert_eq!([all, closed], [5, 0]);
}

/// Closes while a read is pending and bytes are there; returns how many the callback is given.
fn after_close_with_callbacks() -> usize {
    let (address, talking) = peer(|mut stream| stream.write_all(b"hello").map(|()| stream));
    let mut event_loop = EventLoop::new().unwrap();
    let (opened, late) = (Rc::new(RefCell::new(None)), Rc::new(Cell::new(None)));
    let kept = opened.clone();
    drop(api_callbacks::TcpStream::connect(&event_loop.handle(), address, move |stream| {
        kept.replace(Some(stream.unwrap()));
    }));
    run_until(&mut event_loop, || opened.borrow().is_some());
    let stream = opened.take().unwrap();
    let _peer = talking.join().unwrap().unwrap();
    let seen = late.clone();
    drop(stream.read_chunk(move |_, read| seen.set(Some(read.unwrap().map_or(0, |c| c.len())))));
    drop(stream.shutdown(Shutdown::Both, |_, _| ()));
    assert_eq!(late.get(), None, "it was closed first");
    run_until(&mut event_loop, || late.get().is_some());
    late.get().unwrap()
}

fn after_close_with_promises() -> usize {
    let (address, talking) = peer(|mut stream| stream.write_all(b"hello").map(|()| stream));
    let mut event_loop = EventLoop::new().unwrap();
    let stream = api_promises::TcpStream::connect(&event_loop.handle(), address);
    let stream = stream.run_until_complete(&mut event_loop).unwrap().unwrap();
    let _peer = talking.join().unwrap().unwrap();
    let late = Rc::new(Cell::new(None));
    let seen = late.clone();
    let read = stream.read_chunk().map(move |read| seen.set(Some(read.map_or(0, |c| c.len()))));
    read.detach(|error| panic!("{error}"));
    stream.shutdown(Shutdown::Both).detach(|error| panic!("{error}"));
    assert_eq!(late.get(), None, "it was closed first");
    run_until(&mut event_loop, || late.get().is_some());
    late.get().unwrap()
}

/// Reads in a task that owns the stream, which is how a connection is served; closing it is to end the
/// task. Returns how many bytes are handed to it after that, or all that come if it is not closed.
fn after_close_with_async(closes: bool) -> usize {
    let (address, talking) = peer(|mut stream| stream.write_all(b"hello").map(|()| stream));
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let connecting = handle.clone();
    let connect = async move { api_async::TcpStream::connect(&connecting, address).await };
    let stream = run_until_complete(&mut event_loop, connect).unwrap().unwrap();
    let peer = talking.join().unwrap().unwrap();
    let late = Rc::new(Cell::new(0));
    let seen = late.clone();
    let reader = api_async::spawn(&handle, async move {
        while let Some(chunk) = stream.read_chunk().await? {
            seen.set(seen.get() + chunk.len());
        }
        std::io::Result::Ok(())
    });
    if closes {
        assert!(reader.abort());
    } else {
        peer.shutdown(Shutdown::Write).unwrap();
        run_until_complete(&mut event_loop, reader).unwrap().unwrap().unwrap();
    }
    while event_loop.run_ready() > 0 {}
    late.get()
}

/// The one bug of the notes, in the hybrid: the socket is closed, and the reader goes on to hand out
/// data. In the native wing to close is to drop the stream, and to read from it then does not compile.
#[test]
fn c20_the_hybrid_reads_data_after_the_socket_was_closed() {
    let (address, talking) = peer(|mut stream| {
        stream.write_all(b"hello").unwrap();
        count_to_the_end(stream)
    });
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    // ANCHOR: late
    let program = async move {
        let (reader, writer) = open_connection(&handle, address).await.unwrap();
        let first = reader.read(1).await.unwrap();
        writer.close();
        writer.wait_closed().await;
        (first, reader.read(100).await.unwrap())
    };
    let read = run_until_complete(&mut event_loop, program).unwrap();
    observed("C20", "hybrid_bytes_after_close", read.1.len());
    assert!(part("C20", "asyncio's streams hand out data after the close", !read.1.is_empty()));
    assert_eq!(read, (b"h".to_vec(), b"ello".to_vec()), "read data after socket closed");
    // ANCHOR_END: late
    drop(event_loop);
    talking.join().unwrap();
}

/// A close of the hybrid returns before the bytes are sent, and a program that ends then loses them;
/// a write of the native wing that was awaited is with the system.
#[test]
fn c20_the_hybrid_loses_what_a_close_left_unsent_and_an_awaited_write_does_not() {
    for (waits, all) in [(false, false), (true, true)] {
        let (address, talking) = peer(count_to_the_end);
        let mut event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        // ANCHOR: lost
        let program = async move {
            let (_reader, writer) = open_connection(&handle, address).await.unwrap();
            writer.write(&vec![7; PAYLOAD]);
            writer.close();
            if waits {
                writer.wait_closed().await;
            }
        };
        run_until_complete(&mut event_loop, program).unwrap();
        drop(event_loop);
        let came = talking.join().unwrap();
        if !waits {
            assert!(part("C20", "a close discards what was not sent", came < PAYLOAD));
        }
        assert_eq!(came == PAYLOAD, all, "waits: {waits}");
        // ANCHOR_END: lost
    }

    let (address, talking) = peer(count_to_the_end);
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let native = async move {
        let stream = api_async::TcpStream::connect(&handle, address).await.unwrap();
        bytes::write_all(&stream, vec![7; PAYLOAD]).await.0.unwrap();
    };
    run_until_complete(&mut event_loop, native).unwrap();
    drop(event_loop);
    let came = talking.join().unwrap();
    observed("C20", "payload_bytes", PAYLOAD);
    observed("C20", "bytes_of_an_awaited_write", came);
    assert!(part("C20", "an awaited write loses nothing", came == PAYLOAD));
    assert_eq!(came, PAYLOAD, "an awaited write has no such end");
}

/// The other bug of the notes: `write` without `drain` buffers all that is written. With `drain` the
/// hybrid is bounded, and the native wing has nothing to forget.
#[test]
fn the_hybrid_buffers_without_bound_unless_it_drains_and_the_native_wing_never_does() {
    const PIECE: usize = 64 * 1024;
    const PIECES: usize = PAYLOAD / PIECE;
    let most_unsent = |drains: bool| {
        let (address, talking) = peer(|stream| {
            thread::sleep(std::time::Duration::from_millis(50));
            count_to_the_end(stream)
        });
        let mut event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        let program = async move {
            let (_reader, writer) = open_connection(&handle, address).await.unwrap();
            let mut most = 0;
            for _ in 0..PIECES {
                writer.write(&vec![7; PIECE]);
                most = most.max(writer.unsent());
                if drains {
                    writer.drain().await.unwrap();
                }
            }
            writer.close();
            writer.wait_closed().await;
            most
        };
        let most = run_until_complete(&mut event_loop, program).unwrap();
        assert_eq!(talking.join().unwrap(), PAYLOAD);
        most
    };
    // The high mark and the last piece; without `drain`, all that two sockets do not take.
    assert!(most_unsent(true) <= 64 * 1024 + PIECE);
    assert!(most_unsent(false) > PAYLOAD / 4);
}
