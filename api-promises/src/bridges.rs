//! Bridges to the other styles, through what all know: a callback, and the traits of futures.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location};
use std::rc::{Rc, Weak};

use futures::FutureExt;
use futures::future::abortable;
use futures::task::{LocalFutureObj, LocalSpawn, SpawnError};
use loop_core::LoopHandle;

use crate::promise::{
    Cancel, CutOff, Guarded, Promise, Reason, Resolver, bare, discard_if_any, guard,
};

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
/// itself, and costs an allocation more, so that the [`Operation`] that is returned can cancel it.
///
/// ```
/// use api_promises::{callbackify, sleep};
/// use std::time::Duration;
///
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let slept = event_loop.run_until_complete(|completer| {
///     let hour = sleep(&handle, Duration::from_secs(3_600));
///     let operation = callbackify(hour, |slept| completer.complete(slept));
///     handle.call_soon(move || assert!(operation.cancel()));
/// });
/// assert!(loop_core::is_cancelled(&slept.unwrap().unwrap_err()));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Node: `util.callbackify`.
#[track_caller]
pub fn callbackify<T: 'static, E: Reason>(
    promise: Promise<T, E>,
    callback: impl FnOnce(Result<T, E>) + 'static,
) -> Operation {
    let mut cut_off = None;
    let promise = Guarded::behind(promise, None, |node| cut_off = Some(Rc::downgrade(&node)));
    promise.run_to_the_end(|outcome| callback(bare(outcome)));
    Operation(cut_off)
}

impl Operation {
    /// Gives up what is pending, if it is still; tells whether it was. The callback has
    /// [`Fault::Cancelled`](crate::Fault::Cancelled) then, from the queue, not from here, once.
    pub fn cancel(&self) -> bool {
        let pending = self.0.as_ref().and_then(Weak::upgrade);
        pending.is_some_and(|pending| pending.cut_off())
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").finish_non_exhaustive()
    }
}

/// What [`callbackify`] has begun: a chain that ends in a callback.
///
/// Dropping it does not cancel, and keeping it keeps nothing open. It is what an operation returns in the callbacks
/// wing.
pub struct Operation(Option<Weak<dyn CutOff>>);

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
