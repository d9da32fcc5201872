//! From async: the caller awaits the answer.

use std::io;

use api_async::{Resume, offload, suspend};
use api_callbacks::Operation;
use api_promises::{Promise, Reason};
use loop_core::LoopHandle;

/// Cancels an operation that nothing waits for any more.
struct CancelOnDrop(Operation);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

// ANCHOR: to_sync
/// Runs a function that blocks on a thread, and has what it returns. Dropping the future does not
/// stop the thread.
///
/// ```
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let bytes = api_async::run_until_complete(&mut event_loop, async move {
///     let read = || std::fs::read("Cargo.toml");
///     examples::crossings::from_async::to_sync(&handle, read).await
/// });
/// assert!(!bytes.unwrap()??.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// When the function panics, or no thread can be had.
pub async fn to_sync<T: Send + 'static>(
    handle: &LoopHandle,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    offload(handle, work).await
}
// ANCHOR_END: to_sync

// ANCHOR: to_callback
/// Begins an operation when first polled, and has its result; dropping the future cancels it.
///
/// ```
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let slept = api_async::run_until_complete(&mut event_loop, async move {
///     let delay = std::time::Duration::from_millis(1);
///     let start = |resume: api_async::Resume<()>| {
///         api_callbacks::sleep(&handle, delay, |slept| resume.end(slept))
///     };
///     examples::crossings::from_async::to_callback(start).await
/// });
/// slept.unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// The operation's; `Cancelled` when it forgets its callback.
pub async fn to_callback<T>(start: impl FnOnce(Resume<T>) -> Operation) -> io::Result<T> {
    suspend(|resume| CancelOnDrop(start(resume))).await
}
// ANCHOR_END: to_callback

// ANCHOR: to_promise
/// Has the promise's outcome; dropping the future drops the promise, which cancels it.
///
/// ```
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let slept = api_promises::sleep(&event_loop.handle(), std::time::Duration::from_millis(1));
/// let slept = examples::crossings::from_async::to_promise(slept);
/// api_async::run_until_complete(&mut event_loop, slept).unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// The promise's reason.
pub async fn to_promise<T: 'static, E: Reason>(promise: Promise<T, E>) -> Result<T, E> {
    promise.await
}
// ANCHOR_END: to_promise
