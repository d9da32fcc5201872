//! Cancelling from elsewhere than where the operation was begun.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::rc::{Rc, Weak};

use loop_core::{Cancelled, LoopHandle, LoopTime};

use crate::cancelling::{CancelTarget, Cancelling, Ticket};
use crate::combine::{Completion, guarded};
use crate::operation::Operation;
use crate::timer::sleep_until;

/// Cancels the operations that were begun under it: what was begun under a token ends with it.
///
/// A clone names the same token. It refers weakly to what it cancels, like an [`Operation`], and forgets it
/// at its end. When the last clone is dropped, nothing can cancel any more, and what was begun goes on. A
/// [child](CancellationToken::child) is cancelled with its parent, not the other way round.
///
/// ```
/// use api_callbacks::{CancellationToken, sleep};
/// use std::{io, time::Duration};
///
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let token = CancellationToken::new();
/// let ended: io::Result<()> = event_loop
///     .run_until_complete(|completer| {
///         let hour = |done| sleep(&handle, Duration::from_secs(3_600), done);
///         token.guard(&handle, hour, |slept| completer.complete(slept));
///         handle.call_soon(move || token.cancel());
///     })
///     .unwrap();
/// assert!(loop_core::is_cancelled(&ended.unwrap_err()));
/// assert!(handle.snapshot().timed.is_empty());
/// # Ok::<(), io::Error>(())
/// ```
///
/// tokio-util: `CancellationToken`. Asio: a cancellation signal and its slots.
#[derive(Clone, Default)]
pub struct CancellationToken(Rc<Token>);

/// What the clones of a token share.
#[derive(Default)]
struct Token {
    /// Never taken back: a token that was cancelled stays so. Shared with what waits for that, which the
    /// token may not live to see.
    cancelled: Rc<Cell<bool>>,
    /// The number of the next operation.
    next: Cell<u64>,
    /// What is under way, in the order in which it began.
    guarded: RefCell<BTreeMap<u64, Operation>>,
    /// The tokens that are cancelled with this one; each takes itself out when it goes.
    children: RefCell<BTreeMap<u64, Weak<Token>>>,
    /// Held, so that a chain of tokens is whole while its end is held; and the number there.
    parent: Option<(Rc<Token>, u64)>,
}

impl CancellationToken {
    /// Makes a token that is not cancelled.
    pub fn new() -> CancellationToken {
        CancellationToken::default()
    }

    /// Makes a token that is cancelled with this one.
    ///
    /// ```
    /// let token = api_callbacks::CancellationToken::new();
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

    /// Cancels what was begun under the token, in the order in which it began, and then its children: their
    /// callbacks come from the queue. A second time does nothing.
    pub fn cancel(&self) {
        let mut tokens = VecDeque::from([self.0.clone()]);
        while let Some(token) = tokens.pop_front() {
            if !token.cancelled.replace(true) {
                // Nothing is borrowed while a program's own operations are cancelled.
                let (guarded, children) = (token.guarded.take(), token.children.take());
                for operation in guarded.into_values() {
                    operation.cancel();
                }
                tokens.extend(children.into_values().filter_map(|child| child.upgrade()));
            }
        }
    }

    /// Tells whether the token was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.get()
    }

    /// Calls back when the token is cancelled: for what is no operation, such as a transport that is to be
    /// aborted.
    ///
    /// # Errors
    /// Only `Cancelled`: when its handle is, or when the loop is closed.
    ///
    /// # Limits
    /// It is a timer of the loop's that never comes. When the last clone of the token is dropped, only its
    /// handle can end it.
    #[track_caller]
    pub fn cancelled(
        &self,
        handle: &LoopHandle,
        callback: impl FnOnce(io::Result<()>) + 'static,
    ) -> Operation {
        let cancelled = self.0.cancelled.clone();
        let for_ever = |done: Completion<_, _>| sleep_until(handle, LoopTime::MAX, done);
        self.guard(handle, for_ever, move |ended: io::Result<()>| {
            callback(if cancelled.get() { Ok(()) } else { ended });
        })
    }

    /// Begins an operation that ends as cancelled when the token is cancelled first. Under a token that was
    /// cancelled already nothing begins.
    ///
    /// # Errors
    /// What the operation says: [`Cancelled`], if it was cancelled.
    ///
    /// # Panics
    /// When `operation` does; what it has begun is cancelled then.
    #[track_caller]
    pub fn guard<T: 'static, E: From<Cancelled> + 'static>(
        &self,
        handle: &LoopHandle,
        operation: impl FnOnce(Completion<T, E>) -> Operation,
        callback: impl FnOnce(Result<T, E>) + 'static,
    ) -> Operation {
        if self.is_cancelled() {
            return Operation::ended_with(handle, || callback(Err(Cancelled.into())));
        }
        let number = self.0.number();
        let forgets = Operation::pending(&self.0, Ticket { part: 0, number });
        let (operation, whole) = guarded(handle, operation, forgets, callback);
        let Some(whole) = whole else { return operation };
        // The operation may have cancelled the token before it returned.
        if self.is_cancelled() {
            whole.cancel();
        } else if whole.target().is_some() {
            self.0.guarded.borrow_mut().insert(number, whole);
        }
        operation
    }
}

impl Token {
    /// Returns a number that it gives once.
    fn number(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }
}

impl Drop for Token {
    /// Lets go of the tokens above that nothing else holds, one after the other: a chain of them may be
    /// longer than the stack is deep.
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some((token, number)) = parent {
            token.children.borrow_mut().remove(&number);
            parent = Rc::into_inner(token).and_then(|mut token| token.parent.take());
        }
    }
}

/// What was begun under a token has ended, and tells it so as it would tell a timer.
impl CancelTarget for Token {
    fn cancel(self: Rc<Self>, ticket: Ticket) -> Cancelling {
        self.guarded.borrow_mut().remove(&ticket.number).is_some().into()
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken").field("cancelled", &self.is_cancelled()).finish()
    }
}
