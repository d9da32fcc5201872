//! Random cancellations: whatever is dropped, and whenever, leaves nothing behind.
//!
//! Rule: `ONELOOP_CANCELLATIONS=1000000` runs as many; without it, a number that takes a moment.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use api_async::{
    CancellationToken, Scope, Task, TaskOutput, TcpListener, TcpStream, bytes, combine, echo,
    scope, shield, sleep, spawn, suspend, tasks,
};
use fastrand::Rng;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use loop_core::{Chunk, Elapsed, EventLoop, LoopHandle, is_cancelled};

/// One in so many operations makes a connection of its own, since the system remembers each.
const CONNECTIONS_RARITY: u32 = 64;

type Operation = LocalBoxFuture<'static, io::Result<()>>;

/// What operations are made of.
struct Ground {
    handle: LoopHandle,
    address: SocketAddr,
    stream: Rc<TcpStream>,
    listener: Rc<TcpListener>,
    token: CancellationToken,
}

#[test]
fn whatever_is_cancelled_leaves_nothing_behind() {
    // In a process of its own, whose descriptors nothing else opens or closes.
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["cancellations::random_cancellations", "--exact", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"));
}

#[test]
#[ignore = "it is run by the test above"]
fn random_cancellations() {
    let count = std::env::var("ONELOOP_CANCELLATIONS").map_or(20_000, |n| n.parse().unwrap());
    let mut random = Rng::with_seed(7);
    let before = descriptors();
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    // A shield that holds too long says so; nothing else may.
    let reports = Rc::new(RefCell::new(Vec::new()));
    let seen = reports.clone();
    handle.set_exception_handler(move |_, context| {
        if !context.message.contains("goes on 5ms after it was cancelled") {
            seen.borrow_mut().push(context.to_string());
        }
    });
    let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let server = spawn(&handle, echo::serve(listener));
    let ground = Rc::new(ground(&mut event_loop, address));
    let mut pending: Vec<Task<io::Result<()>>> = Vec::new();
    let mut cancelled = 0;
    while cancelled < count {
        let operation = operation(&ground, &mut random, 2);
        pending.push(spawn(&handle, operation.map(|end| end.or_else(pass_cancelled))));
        if random.u8(..) < 100 {
            handle.stop();
            event_loop.run_forever().unwrap();
        }
        while pending.len() > random.usize(..32) {
            let task = pending.swap_remove(random.usize(..pending.len()));
            cancelled += u64::from(task.abort());
        }
        if random.u16(..) == 0 {
            ground.token.cancel();
        }
    }
    drop((pending, server, ground));
    event_loop.close();
    assert!(reports.borrow().is_empty(), "{:?}", reports.borrow().first());
    let left = handle.snapshot();
    assert!(left.ready.is_empty() && left.parked.is_empty() && left.timed.is_empty(), "{left}");
    assert!(tasks(&handle).is_empty());
    drop((event_loop, handle));
    assert_eq!(descriptors(), before, "{cancelled} cancellations");
}

/// Makes a connection to the server, and a listener without a client.
fn ground(event_loop: &mut EventLoop, address: SocketAddr) -> Ground {
    let handle = event_loop.handle();
    let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
    let connects = handle.clone();
    let connected = async move { TcpStream::connect(&connects, address).await };
    let stream = api_async::run_until_complete(event_loop, connected).unwrap().unwrap();
    let (stream, listener) = (Rc::new(stream), Rc::new(listener));
    Ground { handle, address, stream, listener, token: CancellationToken::new() }
}

/// Draws an operation; some consist of others, `depth` deep.
fn operation(ground: &Rc<Ground>, random: &mut Rng, depth: u32) -> Operation {
    let (own, delay) = (ground.clone(), Duration::from_micros(random.u64(..3_000)));
    if depth > 0 && random.bool() {
        return composed(ground, random, depth - 1);
    }
    if random.u32(..CONNECTIONS_RARITY) == 0 {
        return async move { TcpStream::connect(&own.handle, own.address).await.map(drop) }
            .boxed_local();
    }
    match random.u8(..8) {
        0 => async move { own.stream.read_chunk().await.map(drop) }.boxed_local(),
        1 => async move { bytes::read_exact(&own.stream, vec![0; 64]).await.0.map(drop) }
            .boxed_local(),
        2 => async move { own.stream.write_chunk(Chunk::from(vec![1; 16])).await }.boxed_local(),
        3 => async move { own.listener.accept().await.map(drop) }.boxed_local(),
        4 => sleep(&own.handle, delay).map(Ok).boxed_local(),
        5 => async move {
            let waits =
                |resume: api_async::Resume<()>| own.handle.call_later(delay, || resume.with(()));
            suspend(waits).await
        }
        .boxed_local(),
        6 => async move { own.token.cancelled().map(Ok).await }.boxed_local(),
        _ => async move {
            spawn(&own.handle, sleep(&own.handle, delay)).await.map_err(io::Error::other)
        }
        .boxed_local(),
    }
}

/// Draws an operation that consists of others.
fn composed(ground: &Rc<Ground>, random: &mut Rng, depth: u32) -> Operation {
    let (own, delay) = (ground.clone(), Duration::from_micros(random.u64(..3_000)));
    let parts = [0; 3].map(|_| operation(ground, random, depth));
    let mut parts = parts.into_iter();
    let mut next = || parts.next().unwrap();
    match random.u8(..6) {
        0 => combine::all([next(), next()]).map(|end| end.map(drop)).boxed_local(),
        1 => combine::race([next(), next()]).boxed_local(),
        2 => combine::timeout::<(), io::Error, _>(&own.handle, delay, next()).boxed_local(),
        3 => async move { own.token.guard(parts.next().unwrap()).await.map_err(io::Error::from)? }
            .boxed_local(),
        4 => async move {
            let part = parts.next().unwrap().map(|end| end.or_else(pass_cancelled));
            let begun = shield(&own.handle, Duration::from_millis(5), part);
            begun.await.map_err(io::Error::other)?
        }
        .boxed_local(),
        _ => async move {
            let scoped = scope(&own.handle, |scope: Scope<'_, io::Error>| async move {
                parts.for_each(|part| drop(scope.spawn(part)));
                Ok(())
            });
            scoped
                .await
                .map_err(|failed| failed.errors.into_iter().next().unwrap_or(Elapsed.into()))
        }
        .boxed_local(),
    }
}

/// Passes over what ends because something was cancelled or took too long, or waits already.
fn pass_cancelled(error: io::Error) -> io::Result<()> {
    let kinds = [io::ErrorKind::TimedOut, io::ErrorKind::ResourceBusy];
    let expected = is_cancelled(&error) || kinds.contains(&error.kind());
    if expected || error.get_ref().is_some_and(|cause| cause.is::<api_async::TaskError>()) {
        return Ok(());
    }
    assert!(Err::<(), _>(&error).failure().is_some());
    Err(error)
}

/// Counts the process's descriptors that are sockets, pipes or polls.
fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count())
}
