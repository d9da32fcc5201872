//! How connections end.

use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read};
use std::net::Shutdown;
use std::rc::Rc;

use super::{connected, fill, reset, run_for_a_while, run_until, send};

fn calls(record: &super::Record) -> Vec<String> {
    let mut calls = record.calls.borrow().clone();
    calls.dedup();
    calls.retain(|call| call != "pause" && call != "resume");
    calls
}

#[test]
fn the_peers_end_closes_the_connection_unless_the_protocol_says_no() {
    let (mut event_loop, _handle, record, mut peer) = connected();
    send(&mut peer, b"bye");
    peer.shutdown(Shutdown::Write).unwrap();
    run_until(&mut event_loop, || record.was_told("lost"));
    assert_eq!(calls(&record), ["made", "data", "eof", "lost"]);
    assert_eq!(peer.read(&mut [0]).unwrap(), 0, "the socket is closed though a transport is kept");
}

#[test]
fn eof_received_that_returns_true_keeps_the_writing_side_open() {
    let (mut event_loop, _handle, record, mut peer) = connected();
    record.stays_open.set(true);
    peer.shutdown(Shutdown::Write).unwrap();
    run_until(&mut event_loop, || record.was_told("eof"));
    run_for_a_while(&mut event_loop);
    assert_eq!(calls(&record), ["made", "eof"], "it is told once");
    let transport = record.transport();
    assert!(!transport.is_closing());
    transport.write(b"still here");
    let mut seen = [0; 10];
    peer.read_exact(&mut seen).unwrap();
    transport.close();
    run_until(&mut event_loop, || record.was_told("lost"));
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
}

/// More than one read takes has come while reading was paused, and the peer has not ended.
#[test]
fn what_has_come_is_handed_on_before_the_end_when_the_reading_side_is_shut() {
    let (mut event_loop, _handle, record, mut peer) = connected();
    let transport = record.transport();
    transport.pause_reading();
    send(&mut peer, &[b'x'; 40_000]);
    transport.shutdown_read();
    transport.write(b"the last word");
    run_for_a_while(&mut event_loop);
    assert_eq!(calls(&record), ["made"]);
    transport.resume_reading();
    run_until(&mut event_loop, || record.was_told("lost"));
    assert_eq!(calls(&record), ["made", "data", "eof", "lost"]);
    assert_eq!(record.bytes.borrow().len(), 40_000);
    let mut told = Vec::new();
    peer.read_to_end(&mut told).expect("it ends, and is not reset");
    assert_eq!(told, b"the last word");
}

#[test]
fn write_eof_ends_one_side_once_all_is_sent() {
    let (mut event_loop, _handle, record, mut peer) = connected();
    let transport = record.transport();
    let written = fill(&*transport);
    transport.write_eof();
    assert!(!transport.is_closing());
    let mut answering = peer.try_clone().unwrap();
    let reader = std::thread::spawn(move || {
        let mut seen = Vec::new();
        peer.read_to_end(&mut seen).map(|_| seen.len())
    });
    run_until(&mut event_loop, || reader.is_finished());
    assert_eq!(reader.join().unwrap().unwrap(), written);
    send(&mut answering, b"answer");
    run_until(&mut event_loop, || record.was_told("data"));
    drop(answering);
    run_until(&mut event_loop, || record.was_told("lost"));
}

#[test]
fn close_sends_what_is_unsent_and_reads_no_more() {
    let (mut event_loop, _handle, record, mut peer) = connected();
    let transport = record.transport();
    let written = fill(&*transport);
    transport.close();
    transport.close();
    assert!(transport.is_closing() && !transport.is_reading());
    run_for_a_while(&mut event_loop);
    assert_eq!(calls(&record), ["made"], "it is not lost before all is sent");
    let mut seen = vec![0; written];
    let reader = std::thread::spawn(move || peer.read_exact(&mut seen).map(|()| seen.len()));
    run_until(&mut event_loop, || record.was_told("lost"));
    assert_eq!(reader.join().unwrap().unwrap(), written);
    assert_eq!(calls(&record), ["made", "lost"]);
}

#[test]
fn abort_drops_what_is_unsent() {
    let (mut event_loop, _handle, record, mut peer) = connected();
    let transport = record.transport();
    let written = fill(&*transport);
    transport.abort();
    transport.abort();
    assert_eq!(transport.write_buffer_size(), 0);
    assert_eq!(calls(&record), ["made"], "nothing is told before the call returned");
    event_loop.run_ready();
    assert_eq!(calls(&record), ["made", "lost"]);
    let mut seen = Vec::new();
    let _ = peer.read_to_end(&mut seen);
    assert!(seen.len() < written);
    assert_eq!(transport.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
}

#[test]
fn a_reset_is_told_as_the_reason() {
    let (mut event_loop, handle, record, mut peer) = connected();
    send(&mut peer, b"x");
    run_until(&mut event_loop, || record.was_told("data"));
    reset(peer);
    run_until(&mut event_loop, || record.calls.borrow().len() == 3);
    assert_eq!(calls(&record), ["made", "data", "lost: ConnectionReset"]);
    assert!(handle.snapshot().parked.is_empty());
}

#[test]
fn a_write_that_fails_is_told_as_the_reason() {
    let (mut event_loop, _handle, record, peer) = connected();
    reset(peer);
    let transport = record.transport();
    while !transport.is_closing() {
        transport.write(b"x");
        transport.writelines(&[b"x"]);
    }
    assert_eq!(calls(&record), ["made"], "nothing is told before the call returned");
    run_until(&mut event_loop, || record.calls.borrow().len() == 2);
    assert!(record.calls.borrow()[1].starts_with("lost: "), "{record:?}", record = record.calls);
}

#[test]
fn a_reset_is_heard_while_bytes_are_unsent_and_reading_is_paused() {
    let (mut event_loop, _handle, record, peer) = connected();
    record.transport().pause_reading();
    fill(&*record.transport());
    run_for_a_while(&mut event_loop);
    reset(peer);
    run_until(&mut event_loop, || record.calls.borrow().last().unwrap().starts_with("lost"));
}

#[test]
fn nothing_is_told_after_connection_lost() {
    let (mut event_loop, _handle, record, mut peer) = connected();
    record.on_data(|transport, _| {
        transport.abort();
        transport.resume_reading();
        transport.write(b"late");
    });
    send(&mut peer, &[1; 100_000]);
    run_until(&mut event_loop, || record.was_told("lost"));
    let transport = record.transport();
    transport.pause_reading();
    transport.resume_reading();
    transport.write_eof();
    transport.close();
    transport.abort();
    run_for_a_while(&mut event_loop);
    assert_eq!(calls(&record), ["made", "data", "lost"]);
}

#[test]
fn closing_the_loop_ends_transports_that_read_and_those_that_do_not() {
    for paused in [false, true] {
        let (mut event_loop, handle, record, _peer) = connected();
        if paused {
            record.transport().pause_reading();
            run_for_a_while(&mut event_loop);
        }
        event_loop.close();
        assert_eq!(calls(&record), ["made", "lost: cancelled"]);
        record.transport.take();
        assert_eq!(Rc::strong_count(&record), 1);
        assert!(handle.snapshot().parked.is_empty());
    }
}

#[test]
fn a_protocol_that_panics_is_reported_and_its_connection_aborted() {
    let (mut event_loop, handle, record, mut peer) = connected();
    let told = Rc::new(RefCell::new(Vec::new()));
    let seen = told.clone();
    handle.set_exception_handler(move |_, context| seen.borrow_mut().push(context.to_string()));
    let once = Cell::new(false);
    record.on_data(move |_, _| assert!(once.replace(true), "the protocol fails"));
    send(&mut peer, b"x");
    run_until(&mut event_loop, || record.calls.borrow().len() == 3);
    assert_eq!(calls(&record), ["made", "data", "lost: Other"]);
    assert!(told.borrow()[0].contains("the protocol fails"), "{told:?}");
    assert_eq!(peer.read(&mut [0]).unwrap_or(0), 0);
}
