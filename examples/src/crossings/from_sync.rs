//! From sync: the caller has a thread and a loop, and blocks until there is an answer.
//!
//! It is the outermost call of a program. A sync function that a loop has called cannot cross: the
//! loop that it would wait for is the one that waits for it.

use std::future::Future;
use std::io;

use api_promises::{Promise, Reason};
use loop_core::{Completer, EventLoop, RunError};

// ANCHOR: to_callback
/// Runs the loop until the operation that `start` begins has told the completer.
///
/// ```
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let slept = examples::crossings::from_sync::to_callback(&mut event_loop, |completer| {
///     let delay = std::time::Duration::from_millis(1);
///     api_callbacks::sleep(&handle, delay, |slept| completer.complete(slept));
/// });
/// slept.unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// As [`EventLoop::run_until_complete`].
pub fn to_callback<T: 'static>(
    event_loop: &mut EventLoop,
    start: impl FnOnce(Completer<T>),
) -> Result<T, RunError> {
    event_loop.run_until_complete(start)
}
// ANCHOR_END: to_callback

// ANCHOR: to_promise
/// Runs the loop until the promise is settled.
///
/// ```
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let slept = api_promises::sleep(&event_loop.handle(), std::time::Duration::from_millis(1));
/// examples::crossings::from_sync::to_promise(&mut event_loop, slept).unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// As [`EventLoop::run_until_complete`].
pub fn to_promise<T: 'static, E: Reason>(
    event_loop: &mut EventLoop,
    promise: Promise<T, E>,
) -> Result<Result<T, E>, RunError> {
    promise.run_until_complete(event_loop)
}
// ANCHOR_END: to_promise

// ANCHOR: to_async
/// Runs the loop until the future has ended.
///
/// ```
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let slept = api_async::sleep(&event_loop.handle(), std::time::Duration::from_millis(1));
/// examples::crossings::from_sync::to_async(&mut event_loop, async { Ok(slept.await) }).unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// As [`EventLoop::run_until_complete`].
pub fn to_async<T: 'static>(
    event_loop: &mut EventLoop,
    future: impl Future<Output = io::Result<T>> + 'static,
) -> Result<io::Result<T>, RunError> {
    api_async::run_until_complete(event_loop, future)
}
// ANCHOR_END: to_async
