//! In depth, in a chain and side by side, with async.

use std::future::{Future, poll_fn};
use std::io;
use std::marker::PhantomData;
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

async fn wait(suspensions: u64) -> u64 {
    for _ in 0..suspensions {
        give_way().await;
    }
    0
}

/// A call whose depth is in its type: the compiler makes one future of all.
pub trait Inline {
    /// Calls what is one level deeper.
    fn call(suspensions: u64) -> impl Future<Output = u64>;
}

/// The innermost call.
pub struct Leaf;

/// One level around another.
pub struct Level<N>(PhantomData<N>);

impl Inline for Leaf {
    async fn call(suspensions: u64) -> u64 {
        wait(suspensions).await
    }
}

impl<N: Inline> Inline for Level<N> {
    async fn call(suspensions: u64) -> u64 {
        N::call(suspensions).await + 1
    }
}

type Two<N> = Level<Level<N>>;
type Four<N> = Two<Two<N>>;
type Eight<N> = Four<Four<N>>;
type Sixteen<N> = Eight<Eight<N>>;

/// The depths that [`nested_inline`] has.
pub const INLINE_DEPTHS: [u64; 6] = [1, 2, 4, 8, 16, 32];

/// Calls without a box, as programs do whose functions do not call themselves.
///
/// # Panics
/// For a depth that is not one of [`INLINE_DEPTHS`].
pub async fn nested_inline(depth: u64, suspensions: u64) -> u64 {
    match depth {
        1 => Level::<Leaf>::call(suspensions).await,
        2 => Two::<Leaf>::call(suspensions).await,
        4 => Four::<Leaf>::call(suspensions).await,
        8 => Eight::<Leaf>::call(suspensions).await,
        16 => Sixteen::<Leaf>::call(suspensions).await,
        32 => Sixteen::<Sixteen<Leaf>>::call(suspensions).await,
        _ => panic!("no type is {depth} deep"),
    }
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
