//! Cancelling from elsewhere than where the promise is.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::{Rc, Weak};

use loop_core::LoopHandle;

use crate::combine::race;
use crate::promise::{Cancel, Fault, Promise, Reason, Resolver, Stranded};

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

/// What the clones of a token share. Nothing that waits for it refers to it: when the last clone has
/// gone, nothing can cancel any more, and what waits for that alone is let go of.
#[derive(Default)]
struct Token {
    cancelled: Cell<bool>,
    next: Cell<u64>,
    /// What waits, in the order in which it came.
    waiting: RefCell<BTreeMap<u64, Rc<dyn Subscriber>>>,
}

/// Something that waits for a token to be cancelled.
trait Subscriber {
    /// Rejects the promise.
    fn reject(&self);

    /// The token has gone: the promise stays pending for ever.
    fn strand(&self);
}

/// What rejects one promise, and what takes it off the token.
struct Subscription<T: 'static, E: Reason> {
    token: Weak<Token>,
    resolver: Cell<Option<Resolver<T, E>>>,
}

impl CancellationToken {
    /// Makes a token that is not cancelled.
    pub fn new() -> CancellationToken {
        CancellationToken::default()
    }

    /// Cancels every promise that is guarded: what it stands for is given up, down to the socket and
    /// the timer, and what consumes it gets [`Fault::Cancelled`]. A second time does nothing.
    pub fn cancel(&self) {
        self.0.cancelled.set(true);
        for (_, subscription) in self.0.waiting.take() {
            subscription.reject();
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
        let token = Rc::downgrade(&self.0);
        let subscription = Rc::new(Subscription { token, resolver: Cell::new(None) });
        let (promise, resolver) = Promise::cancelling(handle, subscription.clone(), number);
        subscription.resolver.set(Some(resolver));
        self.0.waiting.borrow_mut().insert(number, subscription);
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

impl Drop for Token {
    fn drop(&mut self) {
        for (_, subscription) in std::mem::take(self.waiting.get_mut()) {
            subscription.strand();
        }
    }
}

impl<T: 'static, E: Reason> Subscriber for Subscription<T, E> {
    fn reject(&self) {
        if let Some(resolver) = self.resolver.take() {
            resolver.fail(Fault::Cancelled);
        }
    }

    fn strand(&self) {
        if let Some(resolver) = self.resolver.take() {
            resolver.strand(Stranded::Never);
        }
    }
}

impl<T: 'static, E: Reason> Cancel for Subscription<T, E> {
    fn cancel(&self, number: u64, _handled: bool) {
        if let Some(resolver) = self.resolver.take() {
            resolver.give_up();
        }
        let Some(token) = self.token.upgrade() else { return };
        let subscription = token.waiting.borrow_mut().remove(&number);
        drop(subscription);
    }

    fn trunk(&self) -> Option<*const ()> {
        Some(self.token.as_ptr().cast())
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken").field("cancelled", &self.is_cancelled()).finish()
    }
}
