//! Giving way once.

use std::future::poll_fn;
use std::task::Poll;

use crate::task::current::{self, Wait};

/// Lets what is queued run once, and goes on behind it.
///
/// A task gives way by itself when it has completed so many operations of this crate in one poll; this is
/// for a long computation between them. [`sleep`](crate::sleep) with no delay waits for the next turn.
///
/// ```
/// use api_async::{run_until_complete, spawn, yield_now};
///
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let behind = run_until_complete(&mut event_loop, async move {
///     let other = spawn(&handle, async {});
///     yield_now().await;
///     other.is_finished()
/// });
/// assert!(behind.unwrap());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// asyncio: `sleep(0)`. tokio: `yield_now`.
pub async fn yield_now() {
    let mut has_given_way = false;
    poll_fn(|cx| {
        if has_given_way {
            return Poll::Ready(());
        }
        has_given_way = true;
        current::wait(Wait::Yielding);
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
