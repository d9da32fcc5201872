//! From a callback: the caller gives a closure for the answer, and returns.

use std::future::Future;
use std::io;

use api_async::{Task, TaskError, spawn_infallible};
use api_promises::{Operation, Promise, Reason, callbackify};
use loop_core::LoopHandle;

// ANCHOR: to_sync
/// Runs a function that blocks on a thread, and calls back with what it returns.
///
/// ```
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let read = || std::fs::read("Cargo.toml");
/// examples::crossings::from_callback::to_sync(&handle.clone(), read, move |bytes| {
///     assert!(!bytes.unwrap().unwrap().is_empty());
///     handle.stop();
/// })?;
/// event_loop.run_forever()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// When no thread can be had; the callback is dropped then.
pub fn to_sync<T: Send + 'static>(
    handle: &LoopHandle,
    work: impl FnOnce() -> T + Send + 'static,
    callback: impl FnOnce(io::Result<T>) + 'static,
) -> io::Result<()> {
    handle.run_in_executor(work, callback).map_err(io::Error::from)
}
// ANCHOR_END: to_sync

// ANCHOR: to_promise
/// Calls back with the promise's outcome. What is returned cancels it; to drop that does not:
///
/// ```
/// use api_promises::sleep;
///
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let hour = sleep(&handle, std::time::Duration::from_secs(3_600));
/// let operation = examples::crossings::from_callback::to_promise(hour, move |slept| {
///     assert!(loop_core::is_cancelled(&slept.unwrap_err()));
///     handle.stop();
/// });
/// operation.cancel();
/// event_loop.run_forever()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn to_promise<T: 'static, E: Reason>(
    promise: Promise<T, E>,
    callback: impl FnOnce(Result<T, E>) + 'static,
) -> Operation {
    callbackify(promise, callback)
}
// ANCHOR_END: to_promise

// ANCHOR: to_async
/// Runs the future as a task, and calls back when it ends. Aborting what is returned drops both.
///
/// ```
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let slept = api_async::sleep(&handle, std::time::Duration::from_millis(1));
/// examples::crossings::from_callback::to_async(&handle.clone(), slept, move |ended| {
///     ended.unwrap();
///     handle.stop();
/// }).detach();
/// event_loop.run_forever()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn to_async<T: 'static>(
    handle: &LoopHandle,
    future: impl Future<Output = T> + 'static,
    callback: impl FnOnce(Result<T, TaskError>) + 'static,
) -> Task<()> {
    spawn_infallible(handle, future).on_end(callback)
}
// ANCHOR_END: to_async
