//! Writing: what is taken is written, in part or in whole, and nothing twice.

use std::io::{IoSlice, Read, Write};
use std::pin::Pin;
use std::thread::{self, JoinHandle};

use futures::io::AsyncWrite;
use loop_core::EventLoop;

use super::{descriptor, fill, finish};
use crate::lab::pair;

/// Bytes of which each tells its place.
fn numbered(from: usize, count: usize) -> Vec<u8> {
    (from..from + count).map(|n| (n % 251) as u8).collect()
}

/// Writes `count` numbered bytes, of which each write takes as many as it likes; every other one is
/// vectored. Returns how many were partial.
fn write_numbered(
    event_loop: &mut EventLoop,
    writer: &mut (impl AsyncWrite + Unpin),
    count: usize,
) -> usize {
    let (mut written, mut partial) = (0, 0);
    while written < count {
        let bytes = numbered(written, (count - written).min(300_000));
        let (one, other) = bytes.split_at(bytes.len() / 3);
        let parts = [one, &[], other].map(IoSlice::new);
        let took = finish(event_loop, |cx| match written % 2 {
            0 => Pin::new(&mut *writer).poll_write(cx, &bytes),
            _ => Pin::new(&mut *writer).poll_write_vectored(cx, &parts),
        });
        let took = took.unwrap();
        assert!((1..=bytes.len()).contains(&took), "{took}");
        partial += usize::from(took < bytes.len());
        written += took;
    }
    partial
}

fn reads_all(mut peer: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        all
    })
}

#[test]
fn what_a_partial_write_has_taken_arrives_once_and_in_order() {
    const BYTES: usize = 3_000_001;
    let (mut event_loop, handle, mut stream, peer) = pair();
    let all = reads_all(peer);
    let partial = write_numbered(&mut event_loop, &mut stream, BYTES);
    assert!(partial > 0, "no write was partial");
    drop(stream);
    assert!(all.join().unwrap() == numbered(0, BYTES));

    let (mut ours, theirs) = descriptor(&handle);
    let all = reads_all(theirs);
    let partial = write_numbered(&mut event_loop, &mut ours, BYTES);
    assert!(partial > 0, "no write was partial");
    drop(ours);
    assert!(all.join().unwrap() == numbered(0, BYTES));
}

/// Writes four bytes, however long that takes; returns how many of them were taken.
fn write_late(event_loop: &mut EventLoop, writer: &mut (impl AsyncWrite + Unpin)) -> usize {
    finish(event_loop, |cx| Pin::new(&mut *writer).poll_write(cx, b"late")).unwrap()
}

#[test]
fn a_pending_write_has_taken_nothing() {
    let (mut event_loop, handle, mut stream, peer) = pair();
    let filled = fill(&mut stream);
    let all = reads_all(peer);
    assert_eq!(write_late(&mut event_loop, &mut stream), 4);
    drop(stream);
    assert_eq!(all.join().unwrap().len(), filled + 4);

    let (mut ours, theirs) = descriptor(&handle);
    let filled = fill(&mut ours);
    let all = reads_all(theirs);
    assert_eq!(write_late(&mut event_loop, &mut ours), 4);
    drop(ours);
    assert_eq!(all.join().unwrap().len(), filled + 4);
}

#[test]
fn writing_to_what_is_gone_fails_and_waits_for_nothing() {
    let (mut event_loop, handle, mut stream, mut peer) = pair();
    let (mut ours, theirs) = descriptor(&handle);
    // Unread bytes make the close a reset.
    write_late(&mut event_loop, &mut stream);
    peer.write_all(b"x").unwrap();
    drop((peer, theirs));
    for _ in 0..100 {
        let failed =
            finish(&mut event_loop, |cx| Pin::new(&mut stream).poll_write(cx, &[0; 4096])).is_err();
        let gone = finish(&mut event_loop, |cx| Pin::new(&mut ours).poll_write(cx, &[0; 4096]));
        assert!(gone.is_err());
        if failed {
            return;
        }
    }
    panic!("no writer comes to it");
}
