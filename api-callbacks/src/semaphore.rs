//! A bound on how many do something at once, with callbacks.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use loop_core::{Cancelled, LoopHandle};

use crate::operation::Operation;
use crate::timer::sleep;

/// A bound on how many do something at once: as many permits, each held while it is done.
///
/// A clone names the same semaphore. Permits go to those that wait in the order of their coming: none overtakes.
///
/// ```
/// use api_callbacks::{Semaphore, sleep};
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let (semaphore, ended) = (Semaphore::new(2), Rc::new(Cell::new(0)));
/// for _ in 0..6 {
///     let (handle, ended) = (handle.clone(), ended.clone());
///     semaphore.acquire(&handle.clone(), move |permit| {
///         sleep(&handle.clone(), Duration::from_millis(1), move |_| {
///             drop(permit);
///             ended.set(ended.get() + 1);
///             if ended.get() == 6 {
///                 handle.stop();
///             }
///         });
///     });
/// }
/// event_loop.run_forever()?;
/// assert_eq!(semaphore.available(), 2);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// tokio and asyncio: `Semaphore`.
#[derive(Clone)]
pub struct Semaphore(Rc<Permits>);

/// The right to do what a [`Semaphore`] bounds. Dropping it hands it to what waits, or back.
#[must_use = "a permit that is dropped is given back"]
pub struct Permit(Rc<Permits>);

/// What the clones of a semaphore and its permits share.
struct Permits {
    /// How many permits nothing holds; none while something waits.
    available: Cell<usize>,
    /// What waits, in the order of its coming.
    waiting: RefCell<BTreeMap<u64, Waiter>>,
    /// The number of what comes next.
    next: Cell<u64>,
}

/// An operation that waits for a permit.
struct Waiter {
    /// A sleep without an end, which a permit cuts short: so it is cancelled, and ends with the loop.
    sleep: Operation,
    /// Where its callback finds the permit.
    granted: Rc<Cell<Option<Permit>>>,
}

impl Semaphore {
    /// Makes a semaphore of so many permits.
    pub fn new(permits: usize) -> Semaphore {
        let (waiting, next) = (RefCell::default(), Cell::default());
        Semaphore(Rc::new(Permits { available: Cell::new(permits), waiting, next }))
    }

    /// Returns how many permits are there to be taken; none while something waits.
    pub fn available(&self) -> usize {
        self.0.available.get()
    }

    /// Takes a permit if one is there.
    pub fn try_acquire(&self) -> Option<Permit> {
        let left = self.available().checked_sub(1)?;
        self.0.available.set(left);
        Some(Permit(self.0.clone()))
    }

    /// Calls back with a permit, when one is there and what came before has had its own.
    ///
    /// # Errors
    /// Only `Cancelled`.
    #[track_caller]
    pub fn acquire(
        &self,
        handle: &LoopHandle,
        callback: impl FnOnce(io::Result<Permit>) + 'static,
    ) -> Operation {
        if let Some(permit) = self.try_acquire() {
            return Operation::ended_with(handle, move || callback(Ok(permit)));
        }
        let number = self.0.next.replace(self.0.next.get() + 1);
        let (granted, permits) = (Rc::new(Cell::new(None)), Rc::downgrade(&self.0));
        let given: Rc<Cell<Option<Permit>>> = granted.clone();
        let sleep = sleep(handle, Duration::MAX, move |_cut_short| {
            let permits = permits.upgrade();
            drop(permits.and_then(|permits| permits.waiting.borrow_mut().remove(&number)));
            callback(given.take().ok_or_else(|| Cancelled.into()));
        });
        let waits = sleep.twin();
        if sleep.target().is_some() {
            self.0.waiting.borrow_mut().insert(number, Waiter { sleep, granted });
        }
        waits
    }
}

impl Permits {
    /// Hands a permit to the first that waits still, or takes it back.
    fn release(self: Rc<Self>) {
        loop {
            let first = self.waiting.borrow_mut().pop_first();
            let Some((_, first)) = first else {
                return self.available.set(self.available.get() + 1);
            };
            if first.sleep.cancel() {
                // Its callback comes from the queue, and finds this.
                return first.granted.set(Some(Permit(self)));
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.clone().release();
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("available", &self.available()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit(..)")
    }
}
