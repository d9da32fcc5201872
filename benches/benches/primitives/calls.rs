//! Callbacks: scheduled and run, and cancelled.

use std::collections::VecDeque;
use std::hint::black_box;

use criterion::Criterion;
use loop_core::{EventLoop, Handle};

use super::{SUBJECT, contender, see};

type Callback = Box<dyn FnOnce()>;

/// Measures both groups.
pub(crate) fn bench(criterion: &mut Criterion) {
    schedule_and_run(criterion);
    cancel(criterion);
}

/// A callback captures something, and its scheduler gets what would cancel it.
fn schedule_and_run(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("call_soon + run");
    let mut event_loop = EventLoop::new().expect("there are descriptors");
    let handle = event_loop.handle();
    contender(&mut group, SUBJECT, |batch| {
        for number in 0..batch {
            black_box(handle.call_soon(move || see(number)));
        }
        run(&mut event_loop);
    });
    let mut queue: VecDeque<Callback> = VecDeque::new();
    contender(&mut group, "VecDeque", |batch| {
        for number in 0..batch {
            queue.push_back(Box::new(move || see(number)));
        }
        while let Some(callback) = queue.pop_front() {
            callback();
        }
    });
    group.finish();
}

/// A callback is scheduled and cancelled, and the queue passes over its place.
fn cancel(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("call_soon + cancel");
    let mut event_loop = EventLoop::new().expect("there are descriptors");
    let handle = event_loop.handle();
    let mut handles: Vec<Handle> = Vec::new();
    contender(&mut group, SUBJECT, |batch| {
        handles.extend((0..batch).map(|number| handle.call_soon(move || see(number))));
        for handle in handles.drain(..) {
            handle.cancel();
        }
        run(&mut event_loop);
    });
    let mut queue: VecDeque<Option<Callback>> = VecDeque::new();
    contender(&mut group, "VecDeque", |batch| {
        for number in 0..batch {
            queue.push_back(Some(Box::new(move || see(number))));
        }
        for place in &mut queue {
            drop(black_box(place.take()));
        }
        while let Some(place) = queue.pop_front() {
            black_box(place.is_some());
        }
    });
    group.finish();
}

/// Runs until nothing is ready, without a poll.
pub(crate) fn run(event_loop: &mut EventLoop) {
    while event_loop.run_ready() > 0 {}
}
