//! In depth without a box: what calls what is known when it is compiled, as in most programs.
//!
//! The depth is in the type, so that the compiler makes one closure, or one future, of all levels.

use std::future::Future;
use std::marker::PhantomData;

use loop_core::LoopHandle;

use super::{async_await, callbacks};

/// A call whose depth is in its type.
trait Call {
    fn with_callback(handle: LoopHandle, suspensions: u64, done: impl FnOnce(u64) + 'static);

    fn with_async(suspensions: u64) -> impl Future<Output = u64>;
}

/// The innermost call.
struct Leaf;

/// One level around another.
struct Level<N>(PhantomData<N>);

impl Call for Leaf {
    fn with_callback(handle: LoopHandle, suspensions: u64, done: impl FnOnce(u64) + 'static) {
        callbacks::wait(handle, suspensions, done);
    }

    async fn with_async(suspensions: u64) -> u64 {
        async_await::wait(suspensions).await
    }
}

impl<N: Call> Call for Level<N> {
    fn with_callback(handle: LoopHandle, suspensions: u64, done: impl FnOnce(u64) + 'static) {
        N::with_callback(handle, suspensions, |calls| done(calls + 1));
    }

    async fn with_async(suspensions: u64) -> u64 {
        N::with_async(suspensions).await + 1
    }
}

type Two<N> = Level<Level<N>>;
type Four<N> = Two<Two<N>>;
type Eight<N> = Four<Four<N>>;
type Sixteen<N> = Eight<Eight<N>>;

/// The depths that there are types of.
pub const DEPTHS: [u64; 6] = [1, 2, 4, 8, 16, 32];

/// Calls so deep with callbacks.
///
/// # Panics
/// For a depth that is not one of [`DEPTHS`].
pub fn callbacks(
    handle: LoopHandle,
    depth: u64,
    suspensions: u64,
    done: impl FnOnce(u64) + 'static,
) {
    match depth {
        1 => Level::<Leaf>::with_callback(handle, suspensions, done),
        2 => Two::<Leaf>::with_callback(handle, suspensions, done),
        4 => Four::<Leaf>::with_callback(handle, suspensions, done),
        8 => Eight::<Leaf>::with_callback(handle, suspensions, done),
        16 => Sixteen::<Leaf>::with_callback(handle, suspensions, done),
        32 => Sixteen::<Sixteen<Leaf>>::with_callback(handle, suspensions, done),
        _ => panic!("no type is {depth} deep"),
    }
}

/// Calls so deep with async.
///
/// # Panics
/// For a depth that is not one of [`DEPTHS`].
pub async fn futures(depth: u64, suspensions: u64) -> u64 {
    match depth {
        1 => Level::<Leaf>::with_async(suspensions).await,
        2 => Two::<Leaf>::with_async(suspensions).await,
        4 => Four::<Leaf>::with_async(suspensions).await,
        8 => Eight::<Leaf>::with_async(suspensions).await,
        16 => Sixteen::<Leaf>::with_async(suspensions).await,
        32 => Sixteen::<Sixteen<Leaf>>::with_async(suspensions).await,
        _ => panic!("no type is {depth} deep"),
    }
}
