//! From a promise: the caller gets a promise of the answer, and chains.

use std::future::Future;
use std::io;

use api_async::Spawner;
use api_callbacks::Operation;
use api_promises::{Promise, Reason, Resolver, promisify};
use futures::task::SpawnError;
use loop_core::LoopHandle;

// ANCHOR: to_sync
/// Runs a function that blocks on a thread; the promise has what it returns. Dropping the promise
/// does not stop the thread.
///
/// ```
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let read = || std::fs::read("Cargo.toml");
/// let length = examples::crossings::from_promise::to_sync(&event_loop.handle(), read)
///     .then(|bytes| Ok(bytes?.len()));
/// assert!(length.run_until_complete(&mut event_loop).unwrap()? > 0);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// When the function panics, and when no thread can be had.
pub fn to_sync<T: Send + 'static>(
    handle: &LoopHandle,
    work: impl FnOnce() -> T + Send + 'static,
) -> Promise<T, io::Error> {
    promisify(handle, |resolver| {
        if let Err(refused) = handle.run_in_executor(work, |returned| resolver.settle(returned)) {
            (refused.completion)(Err(refused.error));
        }
        || ()
    })
}
// ANCHOR_END: to_sync

// ANCHOR: to_callback
/// Makes a promise of the operation that `start` begins; dropping it cancels the operation.
///
/// ```
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let slept = examples::crossings::from_promise::to_callback(&handle, |resolver| {
///     let delay = std::time::Duration::from_millis(1);
///     api_callbacks::sleep(&handle, delay, |slept| resolver.settle(slept))
/// });
/// slept.run_until_complete(&mut event_loop).unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn to_callback<T: 'static, E: Reason>(
    handle: &LoopHandle,
    start: impl FnOnce(Resolver<T, E>) -> Operation,
) -> Promise<T, E> {
    promisify(handle, |resolver| {
        let operation = start(resolver);
        move || {
            operation.cancel();
        }
    })
}
// ANCHOR_END: to_callback

// ANCHOR: to_async
/// Runs the future as a task, and promises its output; dropping the promise aborts the task.
///
/// ```
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let slept = api_async::sleep(&handle, std::time::Duration::from_millis(1));
/// let slept = async { std::io::Result::Ok(slept.await) };
/// let promise = examples::crossings::from_promise::to_async(&handle, slept).unwrap();
/// promise.run_until_complete(&mut event_loop).unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// When the loop is closing.
pub fn to_async<T: 'static, E: Reason>(
    handle: &LoopHandle,
    future: impl Future<Output = Result<T, E>> + 'static,
) -> Result<Promise<T, E>, SpawnError> {
    Promise::spawn(handle, &Spawner::new(handle), future)
}
// ANCHOR_END: to_async
