//! A bound on how many do something at once, with promises.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::mem;
use std::rc::{Rc, Weak};

use loop_core::LoopHandle;

use crate::promise::{Cancel, Promise, Resolver, Stranded};

/// A bound on how many do something at once: as many permits, each held while it is done.
///
/// A clone names the same semaphore. Permits go to those that wait in the order of their coming: none overtakes.
///
/// ```
/// use api_promises::{Semaphore, combine::all, sleep};
/// use std::time::Duration;
///
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let (handle, semaphore) = (event_loop.handle(), Semaphore::new(2));
/// let work = (0..6).map(|_| {
///     let timer = handle.clone();
///     semaphore.acquire(&handle).then(move |permit| {
///         sleep(&timer, Duration::from_millis(1)).map(move |()| drop(permit))
///     })
/// });
/// all(&handle, work).run_until_complete(&mut event_loop).unwrap()?;
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

/// What the clones of a semaphore and its permits share. Nothing that waits for it refers to it: when it has
/// gone, there will be no permit, and what waits for that alone is let go of.
struct Permits {
    /// How many permits nothing holds; none while something waits.
    available: Cell<usize>,
    /// What waits, in the order of its coming.
    waiting: RefCell<BTreeMap<u64, Resolver<Permit, io::Error>>>,
    /// The number of what comes next.
    next: Cell<u64>,
}

/// What takes a promise that was dropped off its semaphore.
struct Waiter(Weak<Permits>);

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

    /// Is fulfilled with a permit, when one is there and what came before has had its own. Dropping the promise
    /// gives the place up, or the permit back.
    #[track_caller]
    pub fn acquire(&self, handle: &LoopHandle) -> Promise<Permit, io::Error> {
        if let Some(permit) = self.try_acquire() {
            return Promise::resolve(handle, permit);
        }
        let number = self.0.next.replace(self.0.next.get() + 1);
        let waiter = Rc::new(Waiter(Rc::downgrade(&self.0)));
        let (promise, resolver) = Promise::cancelling(handle, waiter, number);
        self.0.waiting.borrow_mut().insert(number, resolver);
        promise
    }
}

impl Permits {
    /// Hands a permit to the first that waits, or takes it back.
    fn release(self: Rc<Self>) {
        let first = self.waiting.borrow_mut().pop_first();
        match first {
            Some((_, resolver)) => resolver.resolve(Permit(self)),
            None => self.available.set(self.available.get() + 1),
        }
    }
}

impl Cancel for Waiter {
    fn cancel(&self, number: u64, _handled: bool) {
        let Some(permits) = self.0.upgrade() else { return };
        let resolver = permits.waiting.borrow_mut().remove(&number);
        resolver.into_iter().for_each(Resolver::give_up);
    }
}

impl Drop for Permits {
    fn drop(&mut self) {
        for resolver in mem::take(self.waiting.get_mut()).into_values() {
            resolver.strand(Stranded::Never);
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
