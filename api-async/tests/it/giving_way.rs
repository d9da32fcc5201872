//! A task that could go on for ever gives way to the others.

use std::cell::Cell;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use api_async::{Async, sleep, spawn_infallible};
use futures::future::select;
use futures::{AsyncReadExt, AsyncWriteExt};
use loop_core::{EventLoop, LoopHandle};

use crate::lab::{connected, pair};

#[test]
fn two_descriptors_that_are_always_ready_let_others_run() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let timers = handle.clone();
    let ready = |handle: &LoopHandle| {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.write_all(b"x").unwrap();
        (Async::new(handle, ours).unwrap(), theirs)
    };
    let rounds = Rc::new(Cell::new(0_u32));
    let counted = rounds.clone();
    let task = spawn_infallible(&handle, async move {
        let ((one, _one), (other, _other)) = (ready(&timers), ready(&timers));
        sleep(&timers, Duration::from_millis(1)).await;
        // The byte is looked at, and stays.
        let looks = |stream: &Async<UnixStream>| {
            let stream = stream.get_ref().try_clone().unwrap();
            move |_: &UnixStream| stream.take_error().map(drop)
        };
        let (first, second) = (looks(&one), looks(&other));
        loop {
            counted.set(counted.get() + 1);
            assert!(counted.get() < 1_000_000, "it never yields");
            let (a, b) = (pin_read(&one, &first), pin_read(&other, &second));
            select(a, b).await;
        }
    });
    let (mut most, mut before) = (0, 0);
    for _ in 0..10 {
        handle.call_later(Duration::from_millis(1), || ());
        event_loop.run_once().unwrap();
        most = most.max(rounds.get() - before);
        before = rounds.get();
    }
    // A turn runs 256 callbacks at most, and each poll 128 operations.
    assert!(before > 128 && most <= 128 * 257, "{most} in a turn");
    assert!(!task.is_finished());
    task.abort();
}

/// Reads as `look` does, in a box, as `select` wants it.
fn pin_read<'a>(
    stream: &'a Async<UnixStream>,
    look: &'a dyn Fn(&UnixStream) -> io::Result<()>,
) -> Pin<Box<dyn Future<Output = io::Result<()>> + 'a>> {
    Box::pin(stream.read_with(look))
}

#[test]
fn streams_that_are_read_byte_by_byte_give_way_together() {
    let (mut event_loop, handle, one, mut peer) = pair();
    peer.write_all(&[1; 60_000]).unwrap();
    let read = Rc::new(Cell::new(0_u32));
    let counted = read.clone();
    let timers = handle.clone();
    let task = spawn_infallible(&handle, async move {
        let (mut other, mut writes) = connected(&timers).await;
        writes.write_all(&[2; 60_000]).await.unwrap();
        let mut one = one;
        sleep(&timers, Duration::from_millis(5)).await;
        counted.set(0);
        let mut first = [0; 1];
        let mut second = [0; 1];
        loop {
            select(one.read_exact(&mut first), other.read_exact(&mut second)).await;
            counted.set(counted.get() + 1);
        }
    });
    let (mut most, mut before) = (0, 0);
    for _ in 0..40 {
        handle.call_later(Duration::from_millis(1), || ());
        event_loop.run_once().unwrap();
        most = most.max(read.get().saturating_sub(before));
        before = read.get();
    }
    // A turn runs 256 callbacks at most, and each poll 128 operations.
    assert!(before > 0 && most <= 128 * 257, "{most} in a turn");
    task.abort();
}
