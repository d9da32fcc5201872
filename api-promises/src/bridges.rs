//! Bridges to the other styles, through what all know: a callback, and the traits of futures.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location};
use std::rc::Rc;

use futures::FutureExt;
use futures::future::abortable;
use futures::task::{LocalFutureObj, LocalSpawn, SpawnError};
use loop_core::LoopHandle;

use crate::promise::{Cancel, Promise, Reason, Resolver, bare, discard_if_any, guard};

/// Makes a promise of an operation that calls back: `start` begins it, hands the resolver on to its
/// callback, and returns what cancels it.
///
/// Dropping the promise calls that, once and only while the promise is pending; so cancellation
/// crosses. A callback that is dropped uncalled rejects the promise with
/// [`Fault::Dropped`](crate::Fault::Dropped), and one that panics with
/// [`Fault::Panicked`](crate::Fault::Panicked), as `start` does: that is reported, once.
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
    let started = Started::on(handle);
    let (promise, resolver) = Promise::cancelling(handle, started.clone(), 0);
    match Promise::calling(handle, || start(resolver)) {
        Ok(cancel) => {
            started.cancel.set(Some(cancel));
            promise
        }
        Err(rejected) => {
            drop(promise);
            rejected
        }
    }
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
struct Started<C: 'static> {
    cancel: Cell<Option<C>>,
    handle: LoopHandle,
    created_at: &'static Location<'static>,
}

impl<C> Started<C> {
    #[track_caller]
    fn on(handle: &LoopHandle) -> Rc<Started<C>> {
        let (cancel, created_at) = (Cell::new(None), Location::caller());
        Rc::new(Started { cancel, handle: handle.clone(), created_at })
    }
}

impl<C: FnOnce()> Cancel for Started<C> {
    fn cancel(&self, _part: u64, _handled: bool) {
        if let Some(cancel) = self.cancel.take() {
            guard("what cancels an operation", (&self.handle, self.created_at), cancel);
        }
    }
}

impl<C> Drop for Started<C> {
    fn drop(&mut self) {
        discard_if_any(self.cancel.take(), (&self.handle, self.created_at));
    }
}

impl<T: 'static, E: Reason> Promise<T, E> {
    /// Runs a future as a task of `spawner`; the promise has its output.
    ///
    /// Dropping the promise aborts the task, which drops the future in its next turn. A future that
    /// panics is reported to the loop's exception handler, and rejects the promise with
    /// [`Fault::Panicked`](crate::Fault::Panicked); its executor does not hear of it.
    ///
    /// # Errors
    /// When the spawner takes no more.
    #[track_caller]
    pub fn spawn(
        handle: &LoopHandle,
        spawner: &impl LocalSpawn,
        future: impl Future<Output = Result<T, E>> + 'static,
    ) -> Result<Promise<T, E>, SpawnError> {
        let started = Started::on(handle);
        let (promise, resolver) = Promise::cancelling(handle, started.clone(), 0);
        let (told, created_at) = (handle.clone(), Location::caller());
        let (task, aborter) = abortable(async move {
            match AssertUnwindSafe(future).catch_unwind().await {
                Ok(outcome) => resolver.settle(outcome),
                Err(payload) => resolver.panicked(payload, "a future", (&told, created_at)),
            }
        });
        started.cancel.set(Some(move || aborter.abort()));
        let task = async move {
            // What aborted it knows.
            let _ = task.await;
        };
        match spawner.spawn_local_obj(LocalFutureObj::new(Box::new(task))) {
            Ok(()) => Ok(promise),
            Err(error) => {
                drop(promise);
                Err(error)
            }
        }
    }
}
