//! Cancelling from elsewhere than where the promise is.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use loop_core::LoopHandle;

use crate::combine::race;
use crate::promise::{Cancel, Fault, Promise, Reason};

/// Cancels the promises that were given to it, and those that are given to it later.
///
/// A clone names the same token.
///
/// ```
/// use api_promises::{CancellationToken, Fault, Promise};
/// use loop_core::EventLoop;
///
/// let mut event_loop = EventLoop::new()?;
/// let handle = event_loop.handle();
/// let token = CancellationToken::new();
/// let endless = token.guard(Promise::<(), Fault>::never(&handle));
/// handle.call_soon(move || token.cancel());
/// let outcome = endless.run_until_complete(&mut event_loop).unwrap();
/// assert_eq!(outcome, Err(Fault::Cancelled));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct CancellationToken(Rc<Token>);

#[derive(Default)]
struct Token {
    cancelled: Cell<bool>,
    next: Cell<u64>,
    /// What rejects those who wait, in the order in which they came.
    waiting: RefCell<BTreeMap<u64, Box<dyn FnOnce()>>>,
}

impl CancellationToken {
    /// Makes a token that is not cancelled.
    pub fn new() -> CancellationToken {
        CancellationToken::default()
    }

    /// Cancels every promise that is guarded: what it stands for is given up, down to the socket and
    /// the timer, and who consumes it gets [`Fault::Cancelled`]. A second time does nothing.
    pub fn cancel(&self) {
        self.0.cancelled.set(true);
        for (_, reject) in self.0.waiting.take() {
            reject();
        }
    }

    /// Tells whether the token was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.get()
    }

    /// Returns a promise that is rejected with [`Fault::Cancelled`] when the token is cancelled.
    /// Dropping it takes it off the token.
    #[track_caller]
    pub fn cancelled<T: 'static, E: Reason>(&self, handle: &LoopHandle) -> Promise<T, E> {
        if self.is_cancelled() {
            return Promise::reject(handle, Fault::Cancelled.into());
        }
        let number = self.0.next.replace(self.0.next.get() + 1);
        let (promise, resolver) = Promise::cancelling(handle, self.0.clone(), number);
        let reject = Box::new(|| resolver.reject(Fault::Cancelled.into()));
        self.0.waiting.borrow_mut().insert(number, reject);
        promise
    }

    /// Has the outcome of `promise`, unless the token is cancelled before: `promise` is dropped then.
    #[track_caller]
    pub fn guard<T: 'static, E: Reason>(&self, promise: Promise<T, E>) -> Promise<T, E> {
        let handle = promise.handle().clone();
        let cancelled = self.cancelled(&handle);
        race(&handle, [promise, cancelled])
    }
}

impl Cancel for Token {
    fn cancel(&self, number: u64) {
        let reject = self.waiting.borrow_mut().remove(&number);
        drop(reject);
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken").field("cancelled", &self.is_cancelled()).finish()
    }
}
