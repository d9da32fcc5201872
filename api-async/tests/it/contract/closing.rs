//! Flushing, closing, and what comes after; putting halves together.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::time::Duration;

use api_async::{Async, Unrelated};
use futures::io::AsyncWrite;
use futures::sink::Sink;
use loop_core::{Chunk, EventLoop};

use super::{assert_closed, descriptor, drain, fill, finish, once, read};
use crate::lab::pair;

/// Reads to the end, for a second at most.
fn ends(peer: &mut impl Read) -> bool {
    peer.read_to_end(&mut Vec::new()).is_ok()
}

#[test]
fn to_close_ends_our_side_on_sockets_and_on_any_descriptor() {
    let second = Some(Duration::from_secs(1));
    let (mut event_loop, handle, mut stream, mut peer) = pair();
    peer.set_read_timeout(second).unwrap();
    finish(&mut event_loop, |cx| Pin::new(&mut stream).poll_close(cx)).unwrap();
    assert!(ends(&mut peer), "the peer reads the end");
    assert_closed(&mut event_loop, &mut stream);
    // The other side goes on.
    peer.write_all(b"still").unwrap();
    assert_eq!(read(&mut event_loop, &mut stream), b"still");

    let (mut ours, mut theirs) = descriptor(&handle);
    theirs.set_read_timeout(second).unwrap();
    for _ in 0..2 {
        finish(&mut event_loop, |cx| Pin::new(&mut ours).poll_close(cx)).unwrap();
    }
    assert!(ends(&mut theirs), "the peer reads the end");
    assert_closed(&mut event_loop, &mut ours);
    theirs.write_all(b"still").unwrap();
    assert_eq!(read(&mut event_loop, &mut ours), b"still");
    drop(theirs);
    finish(&mut event_loop, |cx| Pin::new(&mut ours).poll_close(cx)).unwrap();
}

#[test]
fn a_pipe_ends_with_its_descriptor() {
    let mut event_loop = EventLoop::new().unwrap();
    let (mut reads, writes) = io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writes, true).unwrap();
    let mut writes = Async::new(&event_loop.handle(), writes).unwrap();
    finish(&mut event_loop, |cx| Pin::new(&mut writes).poll_write(cx, b"x")).unwrap();
    finish(&mut event_loop, |cx| Pin::new(&mut writes).poll_close(cx)).unwrap();
    drop(writes);
    assert!(ends(&mut reads));
}

/// There is nothing to be flushed: what is full needs no room for that.
#[test]
fn to_flush_and_to_close_a_full_socket_wait_for_nothing() {
    let (_event_loop, handle, mut stream, _peer) = pair();
    fill(&mut stream);
    once(|cx| Pin::new(&mut stream).poll_flush(cx)).expect("it waits").unwrap();
    once(|cx| Pin::new(&mut stream).poll_close(cx)).expect("it waits").unwrap();
    let (mut ours, _theirs) = descriptor(&handle);
    fill(&mut ours);
    once(|cx| Pin::new(&mut ours).poll_flush(cx)).expect("it waits").unwrap();
    once(|cx| Pin::new(&mut ours).poll_close(cx)).expect("it waits").unwrap();
}

/// A descriptor's owner with a buffer of its own, which it writes when it is flushed.
struct Buffered {
    io: UnixStream,
    bytes: std::cell::RefCell<Vec<u8>>,
}

impl std::os::fd::AsFd for Buffered {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl Write for &Buffered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.borrow_mut().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut bytes = self.bytes.borrow_mut();
        while !bytes.is_empty() {
            let count = (&self.io).write(&bytes)?;
            bytes.drain(..count);
        }
        Ok(())
    }
}

#[test]
fn to_flush_waits_for_what_a_descriptor_has_kept() {
    const BYTES: usize = 1_000_000;
    let mut event_loop = EventLoop::new().unwrap();
    let (io, mut theirs) = UnixStream::pair().unwrap();
    io.set_nonblocking(true).unwrap();
    let buffered = Buffered { io, bytes: std::cell::RefCell::default() };
    let mut ours = Async::new(&event_loop.handle(), buffered).unwrap();
    finish(&mut event_loop, |cx| Pin::new(&mut ours).poll_write(cx, &[3; BYTES])).unwrap();
    assert!(once(|cx| Pin::new(&mut ours).poll_flush(cx)).is_none(), "there is no room for all");
    let reads = std::thread::spawn(move || {
        drain(&mut theirs, BYTES);
        theirs
    });
    finish(&mut event_loop, |cx| Pin::new(&mut ours).poll_flush(cx)).unwrap();
    reads.join().unwrap();
}

#[test]
fn to_flush_and_to_close_write_what_the_sink_was_given() {
    const BYTES: usize = 8_000_000;
    for closes in [false, true] {
        let (mut event_loop, _handle, stream, mut peer) = pair();
        let (_reader, mut writer) = stream.into_split();
        finish(&mut event_loop, |cx| Sink::<Chunk>::poll_ready(Pin::new(&mut writer), cx)).unwrap();
        Pin::new(&mut writer).start_send(Chunk::from(vec![1; BYTES])).unwrap();
        let reads = std::thread::spawn(move || {
            drain(&mut peer, BYTES);
            peer
        });
        finish(&mut event_loop, |cx| match closes {
            true => Sink::<Chunk>::poll_close(Pin::new(&mut writer), cx),
            false => Sink::<Chunk>::poll_flush(Pin::new(&mut writer), cx),
        })
        .unwrap();
        let mut peer = reads.join().unwrap();
        peer.set_nonblocking(true).unwrap();
        assert_eq!(peer.read(&mut [0]).is_ok(), closes, "to flush ends nothing");
    }
}

#[test]
fn what_a_closed_sink_is_given_fails() {
    let (mut event_loop, _handle, stream, _peer) = pair();
    let (_reader, mut writer) = stream.into_split();
    finish(&mut event_loop, |cx| Sink::<Chunk>::poll_close(Pin::new(&mut writer), cx)).unwrap();
    assert_closed(&mut event_loop, &mut writer);
    Pin::new(&mut writer).start_send(Chunk::from(vec![1])).unwrap();
    finish(&mut event_loop, |cx| Sink::<Chunk>::poll_flush(Pin::new(&mut writer), cx)).unwrap_err();
    // The failure was told: nothing is left that could fail again.
    finish(&mut event_loop, |cx| Sink::<Chunk>::poll_flush(Pin::new(&mut writer), cx)).unwrap();
}

#[test]
fn halves_with_an_unsent_chunk_are_handed_back_and_nothing_is_lost() {
    let (mut event_loop, _handle, stream, mut peer) = pair();
    let (reader, mut writer) = stream.into_split();
    Pin::new(&mut writer).start_send(Chunk::from(b"unsent".to_vec())).unwrap();
    let Unrelated(reader, mut writer) = reader.reunite(writer).expect_err("a chunk is lost");
    finish(&mut event_loop, |cx| Sink::<Chunk>::poll_flush(Pin::new(&mut writer), cx)).unwrap();
    let (stream, ahead) = reader.reunite(writer).unwrap();
    assert!(ahead.is_none());
    drop(stream);
    let mut received = String::new();
    peer.read_to_string(&mut received).unwrap();
    assert_eq!(received, "unsent");
}
