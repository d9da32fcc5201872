//! In depth, in a chain and side by side, with promises.

use std::io;
use std::time::Duration;

use api_promises::combine::all;
use api_promises::{Promise, sleep};
use futures::future::Either;
use loop_core::LoopHandle;

/// Each call hangs a link on the promise of the next.
pub fn nested(handle: LoopHandle, depth: u64, suspensions: u64) -> Promise<u64, io::Error> {
    match depth {
        0 => wait(handle, suspensions),
        _ => nested(handle, depth - 1, suspensions).map(|calls| calls + 1),
    }
}

fn wait(handle: LoopHandle, left: u64) -> Promise<u64, io::Error> {
    Promise::resolve(&handle.clone(), 0).then(move |calls| match left {
        0 | 1 => Either::Left(Ok(calls)),
        _ => Either::Right(wait(handle, left - 1)),
    })
}

/// The whole chain is made, and then settled at its head.
pub fn chain(handle: &LoopHandle, length: u64) -> Promise<u64, io::Error> {
    let head = Promise::resolve(handle, 0);
    (0..length).fold(head, |chain, _| chain.map(|calls| calls + 1))
}

/// Begins all, and has their values when the last has ended.
pub fn fan_out(handle: &LoopHandle, width: u64) -> Promise<u64, io::Error> {
    let calls = (0..width).map(|_| sleep(handle, Duration::ZERO).map(|()| 1));
    all(handle, calls).map(|calls| calls.iter().sum())
}
