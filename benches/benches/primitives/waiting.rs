//! What tasks wait for: each other, a deadline, another thread. The program is the same for every
//! executor, and so is the channel.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use api_async::{run_until_complete, sleep, spawn};
use async_channel::bounded;
use async_executor::LocalExecutor;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use futures::executor::block_on;
use futures::future::join;
use loop_core::EventLoop;
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};

use super::{SUBJECT, contender};

/// A deadline that no bench waits for.
const FAR: Duration = Duration::from_secs(3_600);

/// Measures all groups.
pub(crate) fn bench(criterion: &mut Criterion) {
    ping_pong(criterion);
    cancelled_sleep(criterion);
    threads(criterion);
}

/// Two tasks, and two channels that hold one message each.
fn ping_pong(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("channel round trip");
    let mut event_loop = EventLoop::new().expect("there are descriptors");
    let handle = event_loop.handle();
    long(&mut group, SUBJECT, |trips| {
        let ((asks, asked), (answers, answered)) = (bounded(1), bounded(1));
        let other = spawn(&handle, pong(asked, answers));
        let both = join(ping(asks, answered, trips), other);
        run_until_complete(&mut event_loop, both)
            .expect("nothing stops the loop")
            .1
            .expect("nothing panics");
    });
    let runtime = Builder::new_current_thread().build().expect("it needs nothing");
    long(&mut group, "tokio LocalSet", |trips| {
        LocalSet::new().block_on(&runtime, async move {
            let ((asks, asked), (answers, answered)) = (bounded(1), bounded(1));
            let other = spawn_local(pong(asked, answers));
            let main = spawn_local(ping(asks, answered, trips));
            join(main, other).await.1.expect("nothing panics");
        });
    });
    let executor = LocalExecutor::new();
    long(&mut group, "smol LocalExecutor", |trips| {
        let ((asks, asked), (answers, answered)) = (bounded(1), bounded(1));
        let other = executor.spawn(pong(asked, answers));
        let main = executor.spawn(ping(asks, answered, trips));
        block_on(executor.run(join(main, other)));
    });
    group.finish();
}

/// Sleeping for an hour is begun, and given up.
fn cancelled_sleep(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sleep, polled once and dropped");
    let event_loop = EventLoop::new().expect("there are descriptors");
    let handle = event_loop.handle();
    contender(&mut group, SUBJECT, |batch| {
        (0..batch).for_each(|_| once(sleep(&handle, FAR)));
    });
    let runtime = Builder::new_current_thread().enable_time().build().expect("it needs nothing");
    contender(&mut group, "tokio", |batch| {
        let _inside = runtime.enter();
        (0..batch).for_each(|_| once(tokio::time::sleep(FAR)));
    });
    group.finish();
}

/// A task asks another thread, again and again.
fn threads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("round trip of a task to another thread");
    let mut event_loop = EventLoop::new().expect("there are descriptors");
    long(&mut group, SUBJECT, |trips| {
        run_until_complete(&mut event_loop, abroad(trips)).expect("nothing stops the loop");
    });
    let runtime = Builder::new_current_thread().enable_io().build().expect("there are descriptors");
    long(&mut group, "tokio LocalSet", |trips| {
        LocalSet::new().block_on(&runtime, async move {
            spawn_local(abroad(trips)).await.expect("nothing panics");
        });
    });
    let executor = LocalExecutor::new();
    // Its thread parks on a futex: it has no descriptors to watch meanwhile.
    long(&mut group, "smol LocalExecutor", |trips| {
        block_on(executor.run(executor.spawn(abroad(trips))));
    });
    group.finish();
}

/// Measures what is begun once and then goes on by itself.
fn long(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut run: impl FnMut(u64)) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|operations| {
            let begun = Instant::now();
            run(operations);
            begun.elapsed()
        });
    });
}

async fn ping(
    asks: async_channel::Sender<u64>,
    answered: async_channel::Receiver<u64>,
    trips: u64,
) {
    for number in 0..trips {
        asks.send(number).await.expect("the other is there");
        black_box(answered.recv().await.expect("the other answers"));
    }
}

async fn pong(asked: async_channel::Receiver<u64>, answers: async_channel::Sender<u64>) {
    while let Ok(number) = asked.recv().await {
        answers.send(number).await.expect("the asking side is there");
    }
}

async fn abroad(trips: u64) {
    let ((asks, asked), (answers, answered)) = (bounded(1), bounded(1));
    let thread = thread::spawn(move || block_on(pong(asked, answers)));
    ping(asks, answered, trips).await;
    thread.join().expect("nothing panics");
}

/// Polls a future once, and drops it.
fn once(future: impl Future) {
    let mut future = pin!(future);
    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
}
