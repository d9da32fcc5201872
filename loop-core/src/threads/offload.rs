//! Work that blocks, done by a bounded pool of threads; what comes of it, the loop is told.
//!
//! The completion stays on the loop's thread, in a row of its own; the thread sends the outcome
//! through the inbox, as any other thread does. The pool is made when it is first needed.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::thread::available_parallelism;
use std::time::Duration;

use rayon_core::{ThreadPool, ThreadPoolBuilder};

use crate::handle::{LoopHandle, LoopState, Submission};
use crate::ready::Entry;
use crate::report::errors::{Cancelled, closed, panic_message};
use crate::report::running::Work;
use crate::report::unwinding::drop_payload;
use crate::threads::offloaded::{Offloaded, Shutdown, StillRunning, Value};
use crate::timers::Action;

/// The most threads that the default pool has (asyncio: `ThreadPoolExecutor`).
const THREADS_MAX: usize = 32;

/// Work that the executor has not taken, with what was to be done with its result.
///
/// Turns into the [`io::Error`] that says why, where `?` asks for one.
pub struct Refused<W, C> {
    /// Why.
    pub error: io::Error,
    /// The work, which has not begun.
    pub work: W,
    /// The completion, which was not called.
    pub completion: C,
}

/// What the work returned, or what its panic said.
type WorkResult = Result<Value, String>;

impl LoopHandle {
    /// Runs `work`, which may block, on a thread of the pool, and gives `completion` its result in
    /// the loop.
    ///
    /// Work begins in the order of its coming, as threads become free. When the loop is closed
    /// first, the completion is given [`Cancelled`], and work that has not begun never does.
    ///
    /// ```
    /// let mut event_loop = loop_core::EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// let length = event_loop.run_until_complete(|completer| {
    ///     let work = || std::fs::read("Cargo.toml").map(|bytes| bytes.len());
    ///     handle.run_in_executor(work, |length| completer.complete(length)).unwrap();
    /// });
    /// assert!(length.unwrap()?? > 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Refused`], which gives back the work and the completion, when the loop is closing, the pool is
    /// shut down, or no thread can be made. The completion is given an error when `work` panics.
    ///
    /// # Limits
    /// As many threads as [`LoopHandle::set_default_executor`] says, else four more than processors,
    /// and no more than 32. What waits for a thread is not bounded.
    ///
    /// asyncio: `BaseEventLoop.run_in_executor`.
    #[track_caller]
    pub fn run_in_executor<T, W, C>(&self, work: W, completion: C) -> Result<(), Refused<W, C>>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
        C: FnOnce(io::Result<T>) + 'static,
    {
        if let Err(error) = self.prepare_executor() {
            return Err(Refused { error, work, completion });
        }
        let offload = self.state.offload();
        let completion = Box::new(|outcome: io::Result<Value>| {
            let typed = |value: Value| value.downcast::<T>();
            completion(outcome.map(|value| *typed(value).expect("the work returned a T")));
        });
        let scheduled_at = Location::caller();
        let row = offload.unfinished.borrow_mut().insert(Offloaded { completion, scheduled_at });
        let inbox = self.state.inbox().clone();
        let run = move || {
            if inbox.is_closed() {
                return;
            }
            let result = catch_unwind(AssertUnwindSafe(work))
                .map(|value| Box::new(value) as Value)
                .map_err(|payload| {
                    let message = panic_message(&*payload).to_owned();
                    // On this thread its drop's panic has no reader but the panic hook.
                    drop_payload(payload);
                    message
                });
            // A loop that was closed meanwhile has cancelled the completion already.
            let call = Box::new(move |handle: &LoopHandle| handle.state.complete(row, result));
            let _ = inbox.submit(Submission { call, scheduled_at });
        };
        offload.pool.borrow().as_ref().expect("the pool was just made").spawn_fifo(run);
        Ok(())
    }

    /// Makes the pool if there is none, or says why no work is taken.
    fn prepare_executor(&self) -> io::Result<()> {
        let offload = self.state.offload();
        if self.is_closing() {
            return Err(closed());
        }
        if offload.shut_down.get() {
            return Err(io::Error::other("the executor is shut down"));
        }
        if offload.pool.borrow().is_none() {
            let processors = available_parallelism().map_or(1, NonZeroUsize::get);
            offload.pool.replace(Some(pool_of((processors + 4).min(THREADS_MAX))?));
        }
        Ok(())
    }

    /// Gives what is offloaded from now on to a new pool of so many threads. What was offloaded
    /// before goes on in the old one.
    ///
    /// # Errors
    /// When the threads cannot be made, or the loop is closed.
    ///
    /// asyncio: `BaseEventLoop.set_default_executor`, but the loop makes the pool.
    pub fn set_default_executor(&self, threads: NonZeroUsize) -> io::Result<()> {
        if self.is_closing() {
            return Err(closed());
        }
        let before = self.state.offload().pool.replace(Some(pool_of(threads.get())?));
        drop(before);
        Ok(())
    }

    /// Takes no more work for the pool, and tells `completion` when all that was taken has ended,
    /// or after `limit` what has not. A thread cannot be stopped: it goes on in the background.
    ///
    /// # Errors
    /// The completion is given [`StillRunning`] when the limit has passed, or the loop is closed.
    ///
    /// # Panics
    /// On a closed loop.
    ///
    /// asyncio: `BaseEventLoop.shutdown_default_executor`.
    #[track_caller]
    pub fn shutdown_default_executor(
        &self,
        limit: Duration,
        completion: impl FnOnce(Result<(), StillRunning>) + 'static,
    ) {
        if self.is_closed() {
            self.refuse("shutdown_default_executor", || drop(completion));
        }
        let offload = self.state.offload();
        offload.shut_down.set(true);
        if offload.unfinished.borrow().is_empty() {
            self.call_soon(|| completion(Ok(())));
            return;
        }
        let shutdown: Rc<Shutdown> = Rc::new(Cell::new(Some(Box::new(completion))));
        let (handle, waiting) = (self.clone(), shutdown.clone());
        let give_up = move || {
            let offload = handle.state.offload();
            // It waits no more, however long the work goes on.
            offload.shutdowns.borrow_mut().retain(|(other, _)| !Rc::ptr_eq(other, &waiting));
            if let Some(completion) = waiting.take() {
                completion(Err(offload.still_running()));
            }
        };
        let deadline = self.time() + limit;
        let action = Action::Call(Box::new(give_up));
        let limit = self.state.timers().insert(deadline, action, Location::caller());
        offload.shutdowns.borrow_mut().push((shutdown, limit));
    }
}

impl LoopState {
    /// Ends a piece of work; runs as a callback of the loop.
    fn complete(self: &Rc<Self>, row: usize, result: WorkResult) {
        let (offloaded, idle) = {
            let mut rows = self.offload().unfinished.borrow_mut();
            let Some(offloaded) = rows.try_remove(row) else { return };
            (offloaded, rows.is_empty())
        };
        if idle {
            self.collect();
            for (shutdown, limit) in self.offload().shutdowns.take() {
                self.discard(self.timers().take(limit));
                if let Some(completion) = shutdown.take() {
                    // Behind the completion of the last piece of work.
                    let told: Box<dyn FnOnce()> = Box::new(|| completion(Ok(())));
                    self.ready().push(Entry::Call(told, offloaded.scheduled_at));
                }
            }
        }
        self.reporting().runs(Work::Offloaded, offloaded.scheduled_at);
        let panicked = |message| format!("the offloaded work panicked: {message}");
        (offloaded.completion)(result.map_err(|message| io::Error::other(panicked(message))));
    }

    /// Ends all that is offloaded as cancelled, since the loop is closing.
    pub(crate) fn cancel_offloaded(self: &Rc<Self>) {
        let still_running = self.offload().still_running();
        for (_, offloaded) in self.offload().unfinished.take() {
            self.guard(|| (offloaded.completion)(Err(Cancelled.into())));
        }
        for (shutdown, _) in self.offload().shutdowns.take() {
            if let Some(completion) = shutdown.take() {
                self.guard(|| completion(Err(still_running.clone())));
            }
        }
        // Its threads end when they have nothing more to do; the loop does not wait for them.
        drop(self.offload().pool.take());
    }
}

impl<W, C> From<Refused<W, C>> for io::Error {
    fn from(refused: Refused<W, C>) -> io::Error {
        refused.error
    }
}

impl<W, C> fmt::Debug for Refused<W, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<W, C> fmt::Display for Refused<W, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the executor has not taken the work: {}", self.error)
    }
}

impl<W, C> Error for Refused<W, C> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

fn pool_of(threads: usize) -> io::Result<ThreadPool> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|number| format!("executor {number}"))
        // Work is caught; this is for destructors of what nothing waits for any more.
        .panic_handler(|payload| drop(drop_payload(payload)))
        .build()
        .map_err(io::Error::other)
}
