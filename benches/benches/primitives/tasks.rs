//! Tasks: one gives way to the next, and one is spawned and joined.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use api_async::{run_until_complete, spawn_infallible};
use async_executor::LocalExecutor;
use criterion::Criterion;
use criterion::measurement::WallTime;
use futures::executor::{LocalPool, block_on};
use futures::task::LocalSpawnExt;
use loop_core::EventLoop;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{LocalSet, spawn_local};

use super::{SUBJECT, contender};

/// Tasks that give way to each other.
const TASKS: u64 = 100;

/// Measures both groups.
pub(crate) fn bench(criterion: &mut Criterion) {
    switch(criterion);
    spawn_and_join(criterion);
}

fn switch(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("task switch");
    let mut event_loop = EventLoop::new().expect("there are descriptors");
    let handle = event_loop.handle();
    switcher(&mut group, SUBJECT, |times| {
        (0..TASKS).for_each(|_| spawn_infallible(&handle, give_way(times)).detach());
        super::calls::run(&mut event_loop);
    });
    let runtime = tokio();
    switcher(&mut group, "tokio LocalSet", |times| {
        let set = LocalSet::new();
        (0..TASKS).for_each(|_| drop(set.spawn_local(give_way(times))));
        runtime.block_on(set);
    });
    switcher(&mut group, "smol LocalExecutor", |times| {
        let executor = LocalExecutor::new();
        (0..TASKS).for_each(|_| executor.spawn(give_way(times)).detach());
        while executor.try_tick() {}
    });
    switcher(&mut group, "futures LocalPool", |times| {
        let mut pool = LocalPool::new();
        let spawner = pool.spawner();
        (0..TASKS).for_each(|_| spawner.spawn_local(give_way(times)).expect("the pool is there"));
        pool.run();
    });
    group.finish();
}

/// Measures switches: some tasks, each of which gives way so many times that the sum fits.
fn switcher(
    group: &mut criterion::BenchmarkGroup<'_, WallTime>,
    name: &str,
    mut run: impl FnMut(u64),
) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|switches| {
            let times = switches.div_ceil(TASKS);
            let begun = Instant::now();
            run(times);
            let share = switches as f64 / (times * TASKS) as f64;
            Duration::from_secs_f64(begun.elapsed().as_secs_f64() * share)
        });
    });
}

/// One task spawns the others and joins each before it spawns the next.
fn spawn_and_join(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("spawn + join");
    let mut event_loop = EventLoop::new().expect("there are descriptors");
    let handle = event_loop.handle();
    contender(&mut group, SUBJECT, |batch| {
        let handle = handle.clone();
        let joined = run_until_complete(&mut event_loop, async move {
            for number in 0..batch {
                let _ = black_box(spawn_infallible(&handle, async move { number }).await);
            }
        });
        joined.expect("nothing stops the loop");
    });
    let (runtime, set) = (tokio(), LocalSet::new());
    contender(&mut group, "tokio LocalSet", |batch| {
        let main = set.spawn_local(async move {
            for number in 0..batch {
                let _ = black_box(spawn_local(async move { number }).await);
            }
        });
        set.block_on(&runtime, main).expect("nothing panics");
    });
    let executor = LocalExecutor::new();
    contender(&mut group, "smol LocalExecutor", |batch| {
        block_on(executor.run(async {
            for number in 0..batch {
                black_box(executor.spawn(async move { number }).await);
            }
        }));
    });
    let mut pool = LocalPool::new();
    let spawner = pool.spawner();
    contender(&mut group, "futures LocalPool", |batch| {
        pool.run_until(async {
            for number in 0..batch {
                let task = spawner.spawn_local_with_handle(async move { number });
                black_box(task.expect("the pool is there").await);
            }
        });
    });
    group.finish();
}

fn tokio() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime without drivers needs nothing")
}

async fn give_way(times: u64) {
    for _ in 0..times {
        Yield(false).await;
    }
}

/// Wakes its task and is pending, once: the same for every executor.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
