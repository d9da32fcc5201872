//! Bytes in a buffer of the caller's, options of sockets, and names.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use api_promises::bytes::Failed;
use api_promises::{Promise, TcpListener, TcpStream, bytes, resolve};
use loop_core::transfer::transferred;
use loop_core::{ConnectOptions, EventLoop, ListenOptions, LoopHandle, LoopTime, is_cancelled};

/// Makes a loop, a stream on it, and the peer, which blocks.
fn connected() -> (EventLoop, TcpStream, std::net::TcpStream) {
    let mut event_loop = EventLoop::new().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(&event_loop.handle(), listener.local_addr().unwrap());
    let stream = stream.run_until_complete(&mut event_loop).unwrap().unwrap();
    (event_loop, stream, listener.accept().unwrap().0)
}

type Moving<B> = Promise<(usize, B), Failed<B>>;

/// Runs a transfer to its end, and takes a failure apart.
fn run<B: 'static>(event_loop: &mut EventLoop, moving: Moving<B>) -> (io::Result<usize>, B) {
    match moving.run_until_complete(event_loop).unwrap() {
        Ok((count, buffer)) => (Ok(count), buffer),
        Err(failed) => {
            let (error, buffer) = failed.into_parts();
            (Err(error), buffer.expect("an error of a socket has the buffer"))
        }
    }
}

#[test]
fn a_read_takes_what_is_there_and_gives_the_buffer_back() {
    let (mut event_loop, stream, mut peer) = connected();
    let reading = bytes::read(&stream, [0; 8]);
    peer.write_all(b"four").unwrap();
    let (count, buffer) = run(&mut event_loop, reading);
    assert_eq!((count.unwrap(), &buffer), (4, b"four\0\0\0\0"));
}

#[test]
fn an_exact_read_goes_on_until_the_buffer_is_full() {
    let (mut event_loop, stream, mut peer) = connected();
    let reading = bytes::read_exact(&stream, vec![0; 5]);
    peer.write_all(b"12").unwrap();
    event_loop.run_once().unwrap();
    peer.write_all(b"345").unwrap();
    let (count, buffer) = run(&mut event_loop, reading);
    assert_eq!((count.unwrap(), buffer.as_slice()), (5, &b"12345"[..]));
}

#[test]
fn an_exact_read_that_meets_the_end_tells_what_came_before_it() {
    let (mut event_loop, stream, mut peer) = connected();
    peer.write_all(b"123").unwrap();
    drop(peer);
    let (count, buffer) = run(&mut event_loop, bytes::read_exact(&stream, [0; 5]));
    let error = count.unwrap_err();
    assert_eq!((error.kind(), transferred(&error)), (ErrorKind::UnexpectedEof, 3));
    assert_eq!(&buffer[..3], b"123");
}

#[test]
fn a_read_until_a_delimiter_keeps_what_came_behind_it() {
    let (mut event_loop, stream, mut peer) = connected();
    peer.write_all(b"one\ntw").unwrap();
    let (count, mut line) = run(&mut event_loop, bytes::read_until(&stream, b'\n', Vec::new()));
    assert_eq!((count.unwrap(), line.as_slice()), (4, &b"one\ntw"[..]));
    line.drain(..4);
    let reading = bytes::read_until(&stream, b'\n', line);
    peer.write_all(b"o\n").unwrap();
    let (count, line) = run(&mut event_loop, reading);
    assert_eq!((count.unwrap(), line.as_slice()), (4, &b"two\n"[..]));
}

#[test]
fn all_is_written_though_the_peer_reads_slowly() {
    const LENGTH: usize = 4 << 20;
    let (mut event_loop, stream, mut peer) = connected();
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        all
    });
    let (count, buffer) = run(&mut event_loop, bytes::write_all(&stream, vec![7; LENGTH]));
    assert_eq!((count.unwrap(), buffer.len()), (LENGTH, LENGTH));
    let parts = vec![b"head ".to_vec(), Vec::new(), vec![8; LENGTH]];
    let (count, parts) = run(&mut event_loop, bytes::write_all_vectored(&stream, parts));
    assert_eq!((count.unwrap(), parts.len()), (LENGTH + 5, 3));
    drop(stream);
    let all = reader.join().unwrap();
    assert_eq!((all.len(), &all[LENGTH..LENGTH + 5]), (2 * LENGTH + 5, &b"head "[..]));
}

#[test]
fn a_second_operation_in_a_direction_is_refused_and_gives_its_buffer_back() {
    let (mut event_loop, stream, mut peer) = connected();
    let first = bytes::read(&stream, [0; 1]);
    let (refused, buffer) = run(&mut event_loop, bytes::read(&stream, vec![0; 2]));
    assert_eq!((refused.unwrap_err().kind(), buffer.len()), (ErrorKind::ResourceBusy, 2));
    let chunk = stream.read_chunk().run_until_complete(&mut event_loop).unwrap();
    assert_eq!(chunk.unwrap_err().kind(), ErrorKind::ResourceBusy);
    peer.write_all(b"x").unwrap();
    assert_eq!(run(&mut event_loop, first).1, *b"x");
}

#[test]
fn a_dropped_read_leaves_nothing_parked_and_the_next_one_reads_on() {
    let (mut event_loop, stream, mut peer) = connected();
    let handle = event_loop.handle();
    drop(bytes::read(&stream, [0; 4]));
    assert!(handle.snapshot().parked.is_empty());
    peer.write_all(b"kept").unwrap();
    assert_eq!(&run(&mut event_loop, bytes::read_exact(&stream, [0; 4])).1, b"kept");
}

#[test]
fn closing_gives_the_buffer_and_the_count_back() {
    let (mut event_loop, stream, mut peer) = connected();
    let reading = bytes::read_exact(&stream, [0; 4]);
    peer.write_all(b"ab").unwrap();
    while event_loop.handle().counts().reads == 0 {
        event_loop.run_once().unwrap();
    }
    let (told, tell) = std::sync::mpsc::channel();
    reading.detach(move |failed| told.send(failed.into_parts()).unwrap());
    event_loop.close();
    let (error, buffer) = tell.try_recv().unwrap();
    let buffer = buffer.unwrap();
    assert!(is_cancelled(&error));
    assert_eq!((transferred(&error), &buffer[..2]), (2, &b"ab"[..]));
}

#[test]
fn sockets_are_made_as_the_options_ask() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let any = "127.0.0.1:0".parse().unwrap();
    let shared = ListenOptions { reuse_port: true, ..ListenOptions::default() };
    let listener = TcpListener::bind_with(&handle, any, &shared).unwrap();
    let address = listener.local_addr().unwrap();
    let second = TcpListener::bind_with(&handle, address, &shared).unwrap();
    assert_eq!(second.local_addr().unwrap(), address);
    drop(second);
    let local_address = Some(SocketAddr::from(([127, 0, 0, 1], free_port())));
    let options = ConnectOptions { local_address, ..ConnectOptions::default() };
    let stream = TcpStream::connect_with(&handle, address, &options);
    let stream = stream.run_until_complete(&mut event_loop).unwrap().unwrap();
    assert_eq!(Some(stream.local_addr().unwrap()), local_address);
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_name_is_looked_up_off_the_loop() {
    let mut event_loop = EventLoop::new().unwrap();
    let found = resolve(&event_loop.handle(), "127.0.0.1", 80);
    let found = found.run_until_complete(&mut event_loop).unwrap().unwrap();
    assert_eq!(found, ["127.0.0.1:80".parse().unwrap()]);
    let handle: LoopHandle = event_loop.handle();
    let unknown = resolve(&handle, "no such host.invalid", 80).run_until_complete(&mut event_loop);
    assert!(unknown.unwrap().is_err());
    event_loop.close();
    let late = resolve(&handle, "127.0.0.1", 80);
    late.map(|_| unreachable!()).detach(|_| unreachable!("nothing runs on a closed loop"));
}

#[test]
fn sleeping_until_a_time_that_is_over_ends_in_the_next_turn() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let deadline = handle.time() + Duration::from_millis(2);
    let slept = api_promises::sleep_until(&handle, deadline);
    slept.run_until_complete(&mut event_loop).unwrap().unwrap();
    assert!(handle.time() >= deadline);
    let over = api_promises::sleep_until(&handle, LoopTime::ORIGIN);
    over.run_until_complete(&mut event_loop).unwrap().unwrap();
}

#[test]
fn a_read_that_was_dropped_while_it_was_queued_takes_no_bytes_from_the_next() {
    let (mut event_loop, stream, mut peer) = connected();
    let handle = event_loop.handle();
    let dropped = std::rc::Rc::new(std::cell::Cell::new(Some(stream.read_chunk())));
    // This runs in the turn in which the chunk's job is queued, and before that job.
    let (place, next) = (dropped.clone(), stream.clone());
    let reading = std::rc::Rc::new(std::cell::Cell::new(None));
    let begun = reading.clone();
    peer.write_all(b"mine").unwrap();
    std::thread::sleep(Duration::from_millis(20));
    handle.call_soon(move || {
        drop(place.take());
        begun.set(Some(bytes::read_exact(&next, [0; 4])));
    });
    event_loop.run_once().unwrap();
    let reading = reading.take().expect("it has begun");
    assert_eq!(&run(&mut event_loop, reading).1, b"mine");
}

#[test]
fn a_failed_transfer_rejects_and_turns_into_its_error_in_one_step() {
    let (mut event_loop, stream, peer) = connected();
    drop(peer);
    let ran = std::rc::Rc::new(std::cell::Cell::new(false));
    let runs = ran.clone();
    let counted = bytes::read_exact(&stream, [0; 5]).map(move |_| runs.set(true));
    let failed = counted.run_until_complete(&mut event_loop).unwrap().unwrap_err();
    assert!(!ran.get(), "a handler of values does not hear of an error");
    assert_eq!(failed.to_string(), failed.error.to_string());
    assert_eq!(failed.buffer, Some([0; 5]));
    let chain: Promise<(), io::Error> =
        bytes::read_exact(&stream, [0; 5]).err_into().then(|(_count, _buffer)| Ok(()));
    let error = chain.run_until_complete(&mut event_loop).unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

/// A buffer whose bytes cannot be had.
struct Broken;

impl AsMut<[u8]> for Broken {
    fn as_mut(&mut self) -> &mut [u8] {
        panic!("on purpose")
    }
}

#[test]
fn a_buffer_that_panics_rejects_and_leaves_its_direction_free() {
    let (mut event_loop, stream, mut peer) = connected();
    let (handle, reports) = (event_loop.handle(), std::rc::Rc::new(std::cell::Cell::new(0)));
    let told = reports.clone();
    handle.set_exception_handler(move |_, _| told.set(told.get() + 1));
    let waits = bytes::read(&stream, Broken);
    peer.write_all(b"kept").unwrap();
    let failed = waits.run_until_complete(&mut event_loop).unwrap().err().unwrap();
    assert!(failed.to_string().contains("on purpose") && failed.buffer.is_none());
    let at_once = bytes::read(&stream, Broken);
    assert!(at_once.run_until_complete(&mut event_loop).unwrap().is_err());
    assert_eq!(reports.get(), 2);
    assert_eq!(&run(&mut event_loop, bytes::read_exact(&stream, [0; 4])).1, b"kept");
}
