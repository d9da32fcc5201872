//! In depth, in a chain and side by side, with async.

use std::future::poll_fn;
use std::io;
use std::mem::replace;
use std::task::Poll;
use std::time::Duration;

use api_async::combine::all;
use api_async::sleep;
use loop_core::LoopHandle;

/// Each call awaits the next in a box, since a future that holds itself has no size.
pub async fn nested(depth: u64, suspensions: u64) -> u64 {
    match depth {
        0 => wait(suspensions).await,
        _ => Box::pin(nested(depth - 1, suspensions)).await + 1,
    }
}

pub(super) async fn wait(suspensions: u64) -> u64 {
    for _ in 0..suspensions {
        give_way().await;
    }
    0
}

/// One step after the other, in a loop.
pub async fn chain(length: u64) -> u64 {
    let mut calls = 0;
    for _ in 0..length {
        give_way().await;
        calls += 1;
    }
    calls
}

/// Begins all, and has their values when the last has ended.
pub async fn fan_out(handle: LoopHandle, width: u64) -> io::Result<u64> {
    let call = async |_| {
        sleep(&handle, Duration::ZERO).await;
        io::Result::Ok(1)
    };
    Ok(all((0..width).map(call)).await?.iter().sum())
}

/// Is pending once, and wakes itself.
async fn give_way() {
    let mut given = false;
    poll_fn(|cx| {
        if replace(&mut given, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
