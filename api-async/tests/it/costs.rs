//! What things cost, by counting allocations: exact, on any machine.

use allocation_counter::measure;
use api_async::{run_until_complete, sleep, spawn, spawn_infallible};
use loop_core::EventLoop;

use crate::lab::yield_now;

/// Returns the allocations of what `work` does, after it was done once for the room.
fn allocations(mut work: impl FnMut()) -> u64 {
    work();
    measure(work).count_total
}

#[test]
fn a_task_is_one_allocation_and_switching_is_none() {
    const TASKS: u64 = 1_000;
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    for switches in [0, 1, 10] {
        let count = allocations(|| {
            for number in 0..TASKS {
                let task = spawn_infallible(&handle, async move {
                    for _ in 0..switches {
                        yield_now().await;
                    }
                    number
                });
                task.detach();
            }
            while event_loop.run_ready() > 0 {}
        });
        assert_eq!(count, TASKS, "{switches} switches");
    }
}

#[test]
fn spawning_and_joining_is_one_allocation() {
    const TASKS: u64 = 1_000;
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let mut joins = |tasks: u64| {
        let handle = handle.clone();
        let main = async move {
            for _ in 0..tasks {
                spawn(&handle, async { yield_now().await }).await.unwrap();
            }
        };
        allocations_once(|| run_until_complete(&mut event_loop, main).unwrap())
    };
    joins(TASKS);
    assert_eq!(joins(2 * TASKS) - joins(TASKS), TASKS);
}

fn allocations_once(work: impl FnOnce()) -> u64 {
    measure(work).count_total
}

#[test]
fn sleeping_again_and_again_allocates_nothing() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let mut sleeps = |times: u64| {
        let handle = handle.clone();
        let main = async move {
            for _ in 0..times {
                sleep(&handle, std::time::Duration::ZERO).await;
            }
        };
        allocations_once(|| run_until_complete(&mut event_loop, main).unwrap())
    };
    sleeps(100);
    assert_eq!(sleeps(1_100), sleeps(100));
}
