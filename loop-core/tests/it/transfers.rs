//! Transfers between a connection and a buffer, socket options, and names that are looked up.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;

use loop_core::transfer::{
    LINE_BYTES_MAX, Read, ReadExact, ReadUntil, Transfer, WriteAll, WriteAllVectored, transferred,
};
use loop_core::{
    Cancelled, ConnectOptions, Direction, ListenOptions, Source, TurnRule, is_cancelled,
};

use crate::lab::{Lab, Note, connection};

/// Drives a transfer as a style does: try, park, turn, try again.
fn drive<T: Transfer>(
    lab: &mut Lab,
    source: &Source<mio::net::TcpStream>,
    mut transfer: T,
) -> (io::Result<usize>, T::Buffer) {
    loop {
        match transfer.attempt(source) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                source.park_job(T::DIRECTION, Rc::new(Note(lab.trace.clone())), 0);
                lab.event_loop.run_once().unwrap();
            }
            outcome => return transfer.finish(outcome),
        }
    }
}

#[test]
fn a_read_takes_what_is_there_and_gives_the_buffer_back() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    peer.write_all(b"four").unwrap();
    let (count, buffer) = drive(&mut lab, &source, Read::new([0; 8]));
    assert_eq!((count.unwrap(), &buffer), (4, b"four\0\0\0\0"));
    let (count, _) = drive(&mut lab, &source, Read::new([0; 0]));
    assert_eq!(count.unwrap(), 0, "no room is no reason to wait");
}

#[test]
fn an_exact_read_goes_on_until_the_buffer_is_full() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    peer.write_all(b"12").unwrap();
    let mut read = ReadExact::new([0; 5]);
    while read.transferred() < 2 {
        lab.event_loop.run_once().unwrap();
        assert_eq!(read.attempt(&source).unwrap_err().kind(), ErrorKind::WouldBlock);
    }
    peer.write_all(b"345").unwrap();
    let (count, buffer) = drive(&mut lab, &source, read);
    assert_eq!((count.unwrap(), &buffer), (5, b"12345"));
}

#[test]
fn an_exact_read_that_meets_the_end_tells_what_came_before_it() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    peer.write_all(b"123").unwrap();
    drop(peer);
    let (count, buffer) = drive(&mut lab, &source, ReadExact::new([0; 5]));
    let error = count.unwrap_err();
    assert_eq!((error.kind(), transferred(&error)), (ErrorKind::UnexpectedEof, 3));
    assert_eq!(&buffer, b"123\0\0");
    assert_eq!(error.to_string(), "unexpected end of file (after 3 bytes)");
}

#[test]
fn a_transfer_that_is_given_up_tells_what_it_moved_and_that_it_was_cancelled() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    peer.write_all(b"123").unwrap();
    let mut read = ReadExact::new(vec![0; 5]);
    while read.transferred() < 3 {
        lab.event_loop.run_once().unwrap();
        assert_eq!(read.attempt(&source).unwrap_err().kind(), ErrorKind::WouldBlock);
    }
    let (count, buffer) = read.finish(Err(Cancelled.into()));
    let error = count.unwrap_err();
    assert!(is_cancelled(&error));
    assert_eq!((transferred(&error), &buffer[..3]), (3, &b"123"[..]));
}

#[test]
fn lines_are_read_one_by_one_and_what_came_behind_one_is_kept_for_the_next() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    peer.write_all(b"one\ntwo\nthr").unwrap();
    let mut buffer = Vec::new();
    for line in [&b"one\n"[..], b"two\n"] {
        let (count, read) = drive(&mut lab, &source, ReadUntil::new(b'\n', buffer));
        let count = count.unwrap();
        assert_eq!(&read[..count], line);
        buffer = read[count..].to_vec();
    }
    drop(peer);
    let (count, buffer) = drive(&mut lab, &source, ReadUntil::new(b'\n', buffer));
    let error = count.unwrap_err();
    assert_eq!((error.kind(), transferred(&error)), (ErrorKind::UnexpectedEof, 3));
    assert_eq!(buffer, b"thr");
}

#[test]
fn a_line_without_an_end_is_refused() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    let writer = std::thread::spawn(move || {
        // It ends with an error when the reader has gone.
        while peer.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let (count, buffer) = drive(&mut lab, &source, ReadUntil::new(b'\n', Vec::new()));
    assert_eq!(count.unwrap_err().kind(), ErrorKind::InvalidData);
    assert_eq!(buffer.len(), LINE_BYTES_MAX);
    drop(source);
    writer.join().unwrap();
}

#[test]
fn large_writes_go_on_until_all_is_written() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| i as u8).collect();
    let (whole, expected) = (bytes.clone(), bytes.clone());
    let reader = std::thread::spawn(move || {
        let mut read = vec![0; 2 * expected.len()];
        peer.read_exact(&mut read).unwrap();
        assert!(read == [&expected[..], &expected[..]].concat());
    });
    let (count, buffer) = drive(&mut lab, &source, WriteAll::new(whole));
    assert_eq!((count.unwrap(), buffer.len()), (bytes.len(), bytes.len()));
    // More buffers than one call takes, empty ones among them.
    let parts: Vec<&[u8]> = bytes.chunks(999).flat_map(|part| [part, &[]]).collect();
    let (count, buffers) = drive(&mut lab, &source, WriteAllVectored::new(parts.clone()));
    assert_eq!((count.unwrap(), buffers), (bytes.len(), parts));
    reader.join().unwrap();
}

#[test]
fn several_small_buffers_take_one_write() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    let (count, _) = drive(&mut lab, &source, WriteAllVectored::new(vec!["a", "", "bc", "d"]));
    assert_eq!(count.unwrap(), 4);
    assert_eq!(lab.handle.counts().writes, 1);
    let mut read = [0; 4];
    peer.read_exact(&mut read).unwrap();
    assert_eq!(&read, b"abcd");
    let (count, _) = drive(&mut lab, &source, WriteAllVectored::<&str>::new(Vec::new()));
    assert_eq!(count.unwrap(), 0);
}

fn listen(lab: &Lab, options: &ListenOptions) -> (Source<mio::net::TcpListener>, SocketAddr) {
    let address = "127.0.0.1:0".parse().unwrap();
    let listener = Source::listen(&lab.handle, address, options).unwrap();
    let address = listener.io().local_addr().unwrap();
    (listener, address)
}

fn accept(lab: &mut Lab, listener: &Source<mio::net::TcpListener>) -> mio::net::TcpStream {
    loop {
        match listener.accept() {
            Ok((stream, _)) => return stream,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        listener.park_job(Direction::Read, Rc::new(Note(lab.trace.clone())), 0);
        lab.event_loop.run_once().unwrap();
    }
}

#[test]
fn accepted_connections_send_at_once_as_their_listener_was_told() {
    for nodelay in [true, false] {
        let mut lab = Lab::new(TurnRule::Snapshot);
        let options = ListenOptions { nodelay, ..ListenOptions::default() };
        let (listener, address) = listen(&lab, &options);
        let _peer = TcpStream::connect(address).unwrap();
        assert_eq!(accept(&mut lab, &listener).nodelay().unwrap(), nodelay);
    }
}

#[test]
fn a_connection_comes_from_the_address_that_was_asked_for() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (listener, address) = listen(&lab, &ListenOptions::default());
    let local: SocketAddr = "127.0.0.7:0".parse().unwrap();
    let options = ConnectOptions { local_address: Some(local), nodelay: false };
    let source = Source::connect(&lab.handle, address, &options).unwrap();
    let accepted = accept(&mut lab, &listener);
    assert_eq!(accepted.peer_addr().unwrap().ip(), local.ip());
    assert_eq!(accepted.peer_addr().unwrap(), source.io().local_addr().unwrap());
    assert!(!source.io().nodelay().unwrap());
}

#[test]
fn a_port_is_shared_only_by_those_who_both_ask_for_it() {
    let lab = Lab::new(TurnRule::Snapshot);
    let shared = ListenOptions { reuse_port: true, ..ListenOptions::default() };
    let (_first, address) = listen(&lab, &shared);
    assert!(Source::listen(&lab.handle, address, &shared).is_ok());
    let alone = Source::listen(&lab.handle, address, &ListenOptions::default());
    assert_eq!(alone.err().unwrap().kind(), ErrorKind::AddrInUse);
}

#[test]
fn an_address_of_another_machine_cannot_be_the_local_one() {
    let lab = Lab::new(TurnRule::Snapshot);
    let (_listener, address) = listen(&lab, &ListenOptions::default());
    let local_address = Some("192.0.2.1:0".parse().unwrap());
    let options = ConnectOptions { local_address, ..ConnectOptions::default() };
    let refused = Source::connect(&lab.handle, address, &options);
    assert_eq!(refused.err().unwrap().kind(), ErrorKind::AddrNotAvailable);
}

#[test]
fn a_name_that_cannot_be_is_refused_and_a_known_one_is_found_off_the_loop() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    for (name, is_known) in [("localhost", true), ("no such host!", false)] {
        let handle = lab.handle.clone();
        let found = lab.event_loop.run_until_complete(|completer| {
            handle.resolve_in_executor(name, 80, |found| completer.complete(found)).unwrap();
        });
        let found = found.unwrap();
        assert_eq!(found.is_ok_and(|found| found.iter().all(|at| at.port() == 80)), is_known);
    }
}
