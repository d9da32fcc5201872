//! A bound on how many do something at once, with async.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::task::panics::in_drop;

/// A bound on how many do something at once: as many permits, each held while it is done.
///
/// A clone names the same semaphore. Permits go to those that wait in the order of their coming: none overtakes.
///
/// ```
/// use api_async::{Semaphore, combine::all, run, sleep};
/// use std::{io, time::Duration};
///
/// let available = run(async |handle| {
///     let semaphore = Semaphore::new(2);
///     let work = async || {
///         let _permit = semaphore.acquire().await;
///         sleep(&handle, Duration::from_millis(1)).await;
///         io::Result::Ok(())
///     };
///     all((0..6).map(|_| work())).await?;
///     io::Result::Ok(semaphore.available())
/// });
/// assert_eq!(available.unwrap()?, 2);
/// # Ok::<(), io::Error>(())
/// ```
///
/// tokio and asyncio: `Semaphore`. That of `async-lock` works here too, but a newcomer may overtake what waits.
#[derive(Clone)]
pub struct Semaphore(Rc<Permits>);

/// The right to do what a [`Semaphore`] bounds. Dropping it hands it to what waits, or back.
#[must_use = "a permit that is dropped is given back"]
pub struct Permit(Rc<Permits>);

/// The future of [`Semaphore::acquire`].
///
/// Cancel-safe: dropping it gives its place up, or the permit back.
#[must_use = "a future does nothing unless it is polled"]
pub struct Acquire {
    /// The semaphore that is asked.
    permits: Rc<Permits>,
    /// Its number, and what it shares with the semaphore, once it has to wait.
    waiting: Option<(u64, Rc<Waiter>)>,
}

/// What the clones of a semaphore and its permits share.
struct Permits {
    /// How many permits nothing holds; none while something waits.
    available: Cell<usize>,
    /// What waits, in the order of its coming.
    waiting: RefCell<BTreeMap<u64, Rc<Waiter>>>,
    /// The number of what comes next.
    next: Cell<u64>,
}

/// A future that waits for a permit.
#[derive(Default)]
struct Waiter {
    /// Where it finds the permit.
    granted: Cell<Option<Permit>>,
    /// Wakes its task then.
    waker: Cell<Option<Waker>>,
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

    /// Has a permit, when one is there and what came before has had its own.
    pub fn acquire(&self) -> Acquire {
        Acquire { permits: self.0.clone(), waiting: None }
    }
}

impl Permits {
    /// Hands a permit to the first that waits, or takes it back.
    fn release(self: Rc<Self>) {
        let first = self.waiting.borrow_mut().pop_first();
        let Some((_, first)) = first else {
            return self.available.set(self.available.get() + 1);
        };
        first.granted.set(Some(Permit(self)));
        // The waker may be user code.
        in_drop(|| first.waker.take().into_iter().for_each(Waker::wake));
    }

    /// Enters what waits.
    fn enter(&self) -> (u64, Rc<Waiter>) {
        let (number, waiter) = (self.next.replace(self.next.get() + 1), Rc::<Waiter>::default());
        self.waiting.borrow_mut().insert(number, waiter.clone());
        (number, waiter)
    }
}

impl Future for Acquire {
    type Output = Permit;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Permit> {
        let Acquire { permits, waiting } = &mut *self;
        if waiting.is_none()
            && let Some(permit) = Semaphore(permits.clone()).try_acquire()
        {
            return Poll::Ready(permit);
        }
        let (_, waiter) = waiting.get_or_insert_with(|| permits.enter());
        if let Some(permit) = waiter.granted.take() {
            return Poll::Ready(permit);
        }
        // Cloned, and the one before dropped, outside of every borrow: a waker may be user code.
        waiter.waker.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        if let Some((number, waiter)) = self.waiting.take() {
            let place = self.permits.waiting.borrow_mut().remove(&number);
            in_drop(|| drop((place, waiter)));
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

impl fmt::Debug for Acquire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").field("waits", &self.waiting.is_some()).finish_non_exhaustive()
    }
}
