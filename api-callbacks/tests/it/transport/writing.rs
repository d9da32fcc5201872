//! How bytes are written.

use std::io::Read;
use std::rc::Rc;

use api_callbacks::WriteLimits;

use super::{connected, fill, run_until};

#[test]
fn write_sends_at_once_what_the_socket_takes() {
    let (_event_loop, handle, record, mut peer) = connected();
    let before = handle.counts();
    record.transport().write(b"hello");
    assert_eq!(record.transport().write_buffer_size(), 0);
    let mut seen = [0; 5];
    peer.read_exact(&mut seen).unwrap();
    assert_eq!(&seen, b"hello");
    assert_eq!(handle.counts().turns, before.turns, "the loop did not run");
    assert_eq!(handle.counts().writes - before.writes, 1);
}

#[test]
fn what_the_socket_does_not_take_is_sent_later_in_order() {
    let (mut event_loop, _handle, record, mut peer) = connected();
    let transport = record.transport();
    let mut expected = Vec::new();
    let mut number = 0_u32;
    while transport.write_buffer_size() < 300_000 {
        let block: Vec<u8> = (0..10_000).flat_map(|n| (number + n).to_be_bytes()).collect();
        number += 10_000;
        transport.write(&block);
        expected.extend(block);
    }
    transport.close();
    let reader = std::thread::spawn(move || {
        let mut seen = Vec::new();
        peer.read_to_end(&mut seen).map(|_| seen)
    });
    run_until(&mut event_loop, || record.was_told("lost"));
    assert_eq!(reader.join().unwrap().unwrap(), expected);
}

#[test]
fn writelines_keeps_the_order_and_obeys_the_marks() {
    let (mut event_loop, _handle, record, mut peer) = connected();
    let transport = record.transport();
    transport.set_write_buffer_limits(WriteLimits { low: 0, high: 100 });
    let pieces: Vec<Vec<u8>> = (0..40_u8).map(|n| vec![n; 1 + usize::from(n) * 1_000]).collect();
    let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    let mut expected = Vec::new();
    while !record.was_told("pause") {
        transport.writelines(&slices);
        expected.extend(pieces.concat());
    }
    assert!(transport.write_buffer_size() > 100);
    transport.close();
    let reader = std::thread::spawn(move || {
        let mut seen = Vec::new();
        peer.read_to_end(&mut seen).map(|_| seen)
    });
    run_until(&mut event_loop, || record.was_told("lost"));
    assert_eq!(reader.join().unwrap().unwrap(), expected);
}

#[test]
fn writelines_sends_small_pieces_by_one_call() {
    let (_event_loop, handle, record, mut peer) = connected();
    let before = handle.counts().writes;
    record.transport().writelines(&[b"a", b"", b"bc"]);
    assert_eq!(handle.counts().writes - before, 1);
    let mut seen = [0; 3];
    peer.read_exact(&mut seen).unwrap();
    assert_eq!(&seen, b"abc");
}

#[test]
fn an_unsent_buffer_is_given_back_when_it_is_sent() {
    let (mut event_loop, handle, record, mut peer) = connected();
    let transport = record.transport();
    fill(&*transport);
    let drain = std::thread::spawn(move || std::io::copy(&mut peer, &mut std::io::sink()));
    run_until(&mut event_loop, || transport.write_buffer_size() == 0);
    assert!(handle.snapshot().parked.iter().all(|parked| !format!("{parked:?}").is_empty()));
    transport.close();
    run_until(&mut event_loop, || record.was_told("lost"));
    drop(drain.join().unwrap());
    drop(transport);
    record.transport.take();
    assert_eq!(Rc::strong_count(&record), 1);
}

#[test]
fn bytes_written_too_late_are_dropped_and_told_once() {
    let (mut event_loop, handle, record, mut peer) = connected();
    let told = Rc::new(std::cell::RefCell::new(Vec::new()));
    let seen = told.clone();
    handle.set_exception_handler(move |_, context| seen.borrow_mut().push(context.to_string()));
    let transport = record.transport();
    transport.write(b"in time");
    transport.write_eof();
    transport.write(b"late");
    transport.writelines(&[b"later"]);
    transport.close();
    run_until(&mut event_loop, || record.was_told("lost"));
    transport.write(b"too late");
    let mut all = Vec::new();
    peer.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"in time");
    assert_eq!(told.borrow().len(), 1);
    assert!(told.borrow()[0].contains("after close or write_eof"), "{told:?}");
}
