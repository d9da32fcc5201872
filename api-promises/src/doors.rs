//! Doors to the other styles, through what all know: a callback, and the traits of futures.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;

use futures::future::abortable;
use futures::task::{LocalFutureObj, LocalSpawn, SpawnError};
use loop_core::LoopHandle;

use crate::promise::{Cancel, Promise, Reason, Resolver, bare};

/// Makes a promise of an operation that calls back: `start` begins it, hands the resolver on to its
/// callback, and returns what cancels it.
///
/// Dropping the promise calls that, once and only while the promise is pending; so cancellation
/// crosses. A callback that is dropped uncalled rejects the promise with
/// [`Fault::Dropped`](crate::Fault::Dropped).
///
/// ```
/// use api_promises::promisify;
/// use loop_core::EventLoop;
/// use std::time::Duration;
///
/// let mut event_loop = EventLoop::new()?;
/// let handle = event_loop.handle();
/// let slept = promisify::<_, std::io::Error, _>(&handle, |resolver| {
///     let timer = handle.call_later(Duration::from_millis(1), || resolver.resolve(42));
///     move || assert!(timer.cancel())
/// });
/// assert_eq!(slept.run_until_complete(&mut event_loop).unwrap()?, 42);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Node: `util.promisify`.
#[track_caller]
pub fn promisify<T: 'static, E: Reason, C: FnOnce() + 'static>(
    handle: &LoopHandle,
    start: impl FnOnce(Resolver<T, E>) -> C,
) -> Promise<T, E> {
    let started = Rc::new(Started(Cell::new(None)));
    let (promise, resolver) = Promise::cancelling(handle, started.clone(), 0);
    started.0.set(Some(start(resolver)));
    promise
}

/// Gives the outcome of a promise to a callback, once, from the ready queue.
///
/// A callback that panics is reported, and not called again with its own failure. The chain runs by
/// itself; nothing cancels it but what it was guarded with.
///
/// Node: `util.callbackify`.
#[track_caller]
pub fn callbackify<T: 'static, E: Reason>(
    promise: Promise<T, E>,
    callback: impl FnOnce(Result<T, E>) + 'static,
) {
    promise.run_to_the_end(|outcome| callback(bare(outcome)));
}

/// What cancels an operation that has begun.
struct Started<C>(Cell<Option<C>>);

impl<C: FnOnce()> Cancel for Started<C> {
    fn cancel(&self, _part: u64) {
        if let Some(cancel) = self.0.take() {
            cancel();
        }
    }
}

impl<T: 'static, E: Reason> Promise<T, E> {
    /// Runs a future as a task of `spawner`; the promise has its output.
    ///
    /// Dropping the promise aborts the task, which drops the future in its next turn. A task that
    /// panics is its executor's to report; the promise is rejected with
    /// [`Fault::Dropped`](crate::Fault::Dropped).
    ///
    /// # Errors
    /// When the spawner takes no more.
    #[track_caller]
    pub fn spawn(
        handle: &LoopHandle,
        spawner: &impl LocalSpawn,
        future: impl Future<Output = Result<T, E>> + 'static,
    ) -> Result<Promise<T, E>, SpawnError> {
        let started = Rc::new(Started(Cell::new(None)));
        let (promise, resolver) = Promise::cancelling(handle, started.clone(), 0);
        let (task, aborter) = abortable(async move { resolver.settle(future.await) });
        started.0.set(Some(move || aborter.abort()));
        let task = async move {
            // Whoever aborted it knows.
            let _ = task.await;
        };
        match spawner.spawn_local_obj(LocalFutureObj::new(Box::new(task))) {
            Ok(()) => Ok(promise),
            Err(error) => {
                promise.cancel_handled();
                Err(error)
            }
        }
    }
}
