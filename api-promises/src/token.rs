//! Cancelling from elsewhere than where the promise is.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::rc::{Rc, Weak};

use loop_core::{Job, LoopHandle};

use crate::promise::{Cancel, CutOff, Fault, Guarded, Promise, Reason, Resolver, Stranded};

/// Cancels the promises that were given to it, and those that are given to it later.
///
/// A clone names the same token. A [child](CancellationToken::child) is cancelled with its parent, not the other
/// way round.
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
///
/// tokio-util: `CancellationToken`.
#[derive(Clone, Default)]
pub struct CancellationToken(Rc<Token>);

/// What the clones of a token share. Nothing that waits for it refers to it: when the last clone has
/// gone, nothing can cancel any more, and what waits for that alone is let go of.
#[derive(Default)]
struct Token {
    /// Never taken back: a token that was cancelled stays so.
    cancelled: Cell<bool>,
    /// The number of what comes next.
    next: Cell<u64>,
    /// What is guarded and what waits, in the order in which it came.
    waiting: RefCell<BTreeMap<u64, Waits>>,
    /// The tokens that are cancelled with this one; each takes itself out when it goes.
    children: RefCell<BTreeMap<u64, Weak<Token>>>,
    /// Held, so that a chain of tokens is whole while its end is held; and the number there.
    parent: Option<(Rc<Token>, u64)>,
}

/// What hears that a token is cancelled.
enum Waits {
    /// A promise that the token guards.
    Guarded(Rc<dyn CutOff>),
    /// What waits for the token alone.
    ForCancel(Rc<dyn Subscriber>),
}

/// Something that waits for a token to be cancelled.
trait Subscriber {
    /// Fulfils the promise, from the queue.
    fn fulfil_soon(self: Rc<Self>);

    /// The token has gone: the promise stays pending for ever.
    fn strand(&self);
}

/// What fulfils one promise, and what takes it off the token.
struct Subscription<E: Reason> {
    /// The promise's loop.
    handle: LoopHandle,
    /// What the promise waits for.
    token: Weak<Token>,
    /// Out of its place once the promise is settled, or dropped.
    resolver: Cell<Option<Resolver<(), E>>>,
}

impl CancellationToken {
    /// Makes a token that is not cancelled.
    pub fn new() -> CancellationToken {
        CancellationToken::default()
    }

    /// Makes a token that is cancelled with this one.
    ///
    /// ```
    /// let token = api_promises::CancellationToken::new();
    /// let child = token.child();
    /// token.cancel();
    /// assert!(child.is_cancelled());
    /// ```
    ///
    /// tokio-util: `CancellationToken::child_token`.
    pub fn child(&self) -> CancellationToken {
        let number = self.0.number();
        let mut token = Token::default();
        token.parent = Some((self.0.clone(), number));
        let child = CancellationToken(Rc::new(token));
        if self.is_cancelled() {
            child.cancel();
        } else {
            self.0.children.borrow_mut().insert(number, Rc::downgrade(&child.0));
        }
        child
    }

    /// Cancels every promise that is guarded, in the order in which they came, and then the children. From the
    /// queue, so that the handler of what has come already runs before, what it stands for is given up, down to
    /// the socket and the timer, and what consumes it gets [`Fault::Cancelled`]. A second time does nothing.
    pub fn cancel(&self) {
        let mut tokens = VecDeque::from([self.0.clone()]);
        while let Some(token) = tokens.pop_front() {
            if !token.cancelled.replace(true) {
                // Nothing is borrowed while what is given up is dropped.
                let (waiting, children) = (token.waiting.take(), token.children.take());
                waiting.into_values().for_each(Waits::end);
                tokens.extend(children.into_values().filter_map(|child| child.upgrade()));
            }
        }
    }

    /// Tells whether the token was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.get()
    }

    /// Is fulfilled when the token is cancelled. Dropping the promise takes it off the token.
    #[track_caller]
    pub fn cancelled<E: Reason>(&self, handle: &LoopHandle) -> Promise<(), E> {
        if self.is_cancelled() {
            return Promise::resolve(handle, ());
        }
        let number = self.0.number();
        let (token, resolver) = (Rc::downgrade(&self.0), Cell::new(None));
        let subscription = Rc::new(Subscription { handle: handle.clone(), token, resolver });
        let (promise, resolver) = Promise::cancelling(handle, subscription.clone(), number);
        subscription.resolver.set(Some(resolver));
        self.0.waiting.borrow_mut().insert(number, Waits::ForCancel(subscription));
        promise
    }

    /// Has the outcome of `promise`, unless the token is cancelled before: `promise` is dropped then, and so it is
    /// under a token that was cancelled already.
    ///
    /// It costs one allocation and, where a handler consumes it, no hop: a message may be read under a token.
    ///
    /// # Errors
    /// [`Fault::Cancelled`] when the token is cancelled, else the promise's rejection.
    #[track_caller]
    pub fn guard<T: 'static, E: Reason>(&self, promise: Promise<T, E>) -> Promise<T, E> {
        if self.is_cancelled() {
            let handle = promise.handle().clone();
            drop(promise);
            return Promise::reject(&handle, Fault::Cancelled.into());
        }
        let number = self.0.number();
        Guarded::behind(promise, Some((Rc::downgrade(&self.0) as _, number)), |guarded| {
            self.0.waiting.borrow_mut().insert(number, Waits::Guarded(guarded));
        })
    }
}

impl Token {
    /// Returns a number that it gives once.
    fn number(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }
}

impl Waits {
    /// The token is cancelled.
    fn end(self) {
        match self {
            Waits::Guarded(guarded) => guarded.cut_off_soon(),
            Waits::ForCancel(subscription) => subscription.fulfil_soon(),
        }
    }
}

/// What waits as this number has come to its end, or was dropped.
impl Cancel for Token {
    fn cancel(&self, number: u64, _handled: bool) {
        let waits = self.waiting.borrow_mut().remove(&number);
        drop(waits);
    }
}

impl Drop for Token {
    /// What is guarded goes on. Lets go of the tokens above that nothing else holds, one after the other: a chain of
    /// them may be longer than the stack is deep.
    fn drop(&mut self) {
        for waits in std::mem::take(self.waiting.get_mut()).into_values() {
            match waits {
                Waits::Guarded(guarded) => guarded.token_gone(),
                Waits::ForCancel(subscription) => subscription.strand(),
            }
        }
        let mut parent = self.parent.take();
        while let Some((token, number)) = parent {
            token.children.borrow_mut().remove(&number);
            parent = Rc::into_inner(token).and_then(|mut token| token.parent.take());
        }
    }
}

impl<E: Reason> Subscription<E> {
    fn fulfil(&self) {
        if let Some(resolver) = self.resolver.take() {
            resolver.resolve(());
        }
    }
}

impl<E: Reason> Subscriber for Subscription<E> {
    fn fulfil_soon(self: Rc<Self>) {
        let handle = self.handle.clone();
        if handle.is_closed() {
            self.fulfil();
        } else {
            handle.queue(self, 0);
        }
    }

    fn strand(&self) {
        if let Some(resolver) = self.resolver.take() {
            resolver.strand(Stranded::Never);
        }
    }
}

impl<E: Reason> Job for Subscription<E> {
    fn run(self: Rc<Self>, _part: u64) {
        self.fulfil();
    }

    fn kind(&self) -> &'static str {
        "promise that waits for a token"
    }
}

impl<E: Reason> Cancel for Subscription<E> {
    fn cancel(&self, number: u64, handled: bool) {
        if let Some(resolver) = self.resolver.take() {
            resolver.give_up();
        }
        if let Some(token) = self.token.upgrade() {
            Cancel::cancel(&*token, number, handled);
        }
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
