//! The contract of `futures`' traits, on connections, their halves and any descriptor.
//!
//! What is polled here is polled by hand, with a waker that counts: whatever answers `Pending` wakes it,
//! without a task and without another poll.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use api_async::Async;
use futures::io::{AsyncRead, AsyncWrite};
use loop_core::{EventLoop, LoopHandle};

mod closing;
mod reading;
mod wakers;
mod writing;

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Count {
    /// Makes a waker and what it counts in.
    fn waker() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count::default());
        (count.clone(), count.into())
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Makes turns until a waker has been woken, for ten seconds at most.
fn run_until_woken(event_loop: &mut EventLoop, count: &Count) {
    let begun = Instant::now();
    while count.get() == 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "nothing wakes the task");
        event_loop.handle().call_later(Duration::from_millis(5), || ());
        event_loop.run_once().unwrap();
    }
}

/// Polls until it is ready: each `Pending` is to be followed by a wake.
fn finish<T>(event_loop: &mut EventLoop, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    loop {
        let (count, waker) = Count::waker();
        if let Poll::Ready(value) = poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        run_until_woken(event_loop, &count);
    }
}

/// Polls once, by a waker that does nothing.
fn once<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    match poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// A socket that is no connection of the wing's, and its other end, which blocks.
fn descriptor(handle: &LoopHandle) -> (Async<UnixStream>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (Async::new(handle, ours).unwrap(), theirs)
}

/// Writes until there is no more room; returns how many bytes there was room for.
fn fill(writer: &mut (impl AsyncWrite + Unpin)) -> usize {
    let mut filled = 0;
    while let Some(count) = once(|cx| Pin::new(&mut *writer).poll_write(cx, &[7; 4096])) {
        filled += count.unwrap();
        assert!(filled < 100_000_000, "it is never full");
    }
    filled
}

/// Reads some bytes, and waits for them.
fn read(event_loop: &mut EventLoop, reader: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut buffer = [0; 64];
    let read = finish(event_loop, |cx| Pin::new(&mut *reader).poll_read(cx, &mut buffer));
    buffer[..read.unwrap()].to_vec()
}

/// Takes all bytes that there are out of a blocking peer.
fn drain(peer: &mut (impl Read + Write), count: usize) {
    let mut buffer = vec![0; count];
    peer.read_exact(&mut buffer).unwrap();
}

/// Asserts that nothing can be written any more, however often that is tried.
fn assert_closed(event_loop: &mut EventLoop, writer: &mut (impl AsyncWrite + Unpin)) {
    for _ in 0..2 {
        let written = finish(event_loop, |cx| Pin::new(&mut *writer).poll_write(cx, b"late"));
        assert_eq!(written.unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}
