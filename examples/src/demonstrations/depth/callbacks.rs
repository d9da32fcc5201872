//! In depth, in a chain and side by side, with callbacks.

use std::io;
use std::time::Duration;

use api_callbacks::combine::{Completion, all};
use api_callbacks::sleep;
use loop_core::LoopHandle;

/// What is called with the number of calls.
pub type Done = Box<dyn FnOnce(u64)>;

/// Each call gives the next a closure that holds what the caller does then: a box a level, since a
/// function that calls itself cannot name a type that grows.
pub fn nested(handle: LoopHandle, depth: u64, suspensions: u64, done: Done) {
    match depth {
        0 => wait(handle, suspensions, done),
        _ => nested(handle, depth - 1, suspensions, Box::new(|calls| done(calls + 1))),
    }
}

pub(super) fn wait(handle: LoopHandle, left: u64, done: impl FnOnce(u64) + 'static) {
    if left == 0 {
        return done(0);
    }
    let next = handle.clone();
    handle.call_soon(move || wait(next, left - 1, done));
}

/// Each step calls the next, from the queue.
pub fn chain(handle: LoopHandle, length: u64, done: Done) {
    step(handle, length, 0, done);
}

fn step(handle: LoopHandle, left: u64, calls: u64, done: Done) {
    if left == 0 {
        return done(calls);
    }
    let next = handle.clone();
    handle.call_soon(move || step(next, left - 1, calls + 1, done));
}

/// Begins all, and is called when the last has ended.
pub fn fan_out(handle: &LoopHandle, width: u64, done: impl FnOnce(u64) + 'static) {
    let start = |_| {
        |completion: Completion<u64, io::Error>| {
            sleep(handle, Duration::ZERO, |slept| completion(slept.map(|()| 1)))
        }
    };
    all(handle, (0..width).map(start), |calls| {
        done(calls.expect("nothing cancels the timers").iter().sum());
    });
}
