//! Cancelling by asking: tokens that tasks look at.
//!
//! Dropping a future cancels it at once, and it can do nothing about it. A token asks, and a task that
//! has it may end in good order.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use loop_core::Cancelled;

use crate::task::panics::{Panics, in_drop};

/// Tells the tasks that have it that they should end.
///
/// Clones are one token. A [child](CancellationToken::child) is cancelled with its parent, not the
/// other way round.
///
/// ```
/// let token = api_async::CancellationToken::new();
/// let child = token.child();
/// token.cancel();
/// assert!(child.is_cancelled());
/// ```
///
/// tokio-util: `CancellationToken`.
#[derive(Clone, Default)]
pub struct CancellationToken(Rc<TokenNode>);

/// A token in the tree of tokens.
#[derive(Default)]
struct TokenNode {
    /// Never taken back: a token that was cancelled stays so.
    cancelled: Cell<bool>,
    /// The wakers of futures that wait for it, by numbers: each is woken in the order of its coming, and
    /// taken out when its future is dropped.
    waiters: RefCell<BTreeMap<u64, Waker>>,
    /// The tokens that are cancelled with this one; each takes itself out when it goes.
    children: RefCell<BTreeMap<u64, Weak<TokenNode>>>,
    /// The number of the next waiter or child.
    next: Cell<u64>,
    /// Held, so that a chain of tokens is whole while its end is held; and the number there.
    parent: Option<(Rc<TokenNode>, u64)>,
}

/// The future of [`CancellationToken::cancelled`].
struct Waits<'a> {
    /// The token that is awaited.
    node: &'a TokenNode,
    /// Where its waker is, once it was polled.
    number: Option<u64>,
}

impl CancellationToken {
    /// Makes a token that is not cancelled.
    pub fn new() -> CancellationToken {
        CancellationToken::default()
    }

    /// Makes a token that is cancelled with this one.
    ///
    /// tokio-util: `CancellationToken::child_token`.
    pub fn child(&self) -> CancellationToken {
        let number = self.0.number();
        let mut node = TokenNode::default();
        node.parent = Some((self.0.clone(), number));
        let child = CancellationToken(Rc::new(node));
        if self.is_cancelled() {
            child.cancel();
        } else {
            self.0.children.borrow_mut().insert(number, Rc::downgrade(&child.0));
        }
        child
    }

    /// Cancels the token and its children: the tasks that wait for that are woken.
    ///
    /// # Panics
    /// When a waker does, and then only when all others have been woken.
    pub fn cancel(&self) {
        let mut panics = Panics::default();
        let mut nodes = VecDeque::from([self.0.clone()]);
        while let Some(node) = nodes.pop_front() {
            if !node.cancelled.replace(true) {
                // A waker may be user code: nothing is borrowed then.
                let (waiters, children) = (node.waiters.take(), node.children.take());
                waiters.into_values().for_each(|waker| panics.catch(|| waker.wake()));
                nodes.extend(children.into_values().filter_map(|child| child.upgrade()));
            }
        }
        panics.resume();
    }

    /// Tells whether the token is cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.get()
    }

    /// Ends when the token is cancelled. Cancel-safe.
    pub async fn cancelled(&self) {
        Waits { node: &self.0, number: None }.await;
    }

    /// Drives a future, but drops it when the token is cancelled. Under a token that was cancelled already nothing
    /// begins.
    ///
    /// # Errors
    /// [`Cancelled`] when the token was cancelled first.
    ///
    /// tokio-util: `CancellationToken::run_until_cancelled`.
    pub async fn guard<F: Future>(&self, future: F) -> Result<F::Output, Cancelled> {
        let mut future = pin!(Some(future));
        let mut cancelled = pin!(self.cancelled());
        let output = poll_fn(|cx| {
            if cancelled.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            let future = future.as_mut().as_pin_mut();
            future.expect("a future is not polled after its end").poll(cx).map(Some)
        })
        .await;
        // While the output is a variable: it would be leaked if a destructor panicked behind it.
        future.set(None);
        output.ok_or(Cancelled)
    }
}

impl TokenNode {
    /// Returns a number that it gives once.
    fn number(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }
}

impl Drop for TokenNode {
    /// Lets go of the tokens above that nothing else holds, one after the other: a chain of them may be
    /// longer than the stack is deep.
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some((node, number)) = parent {
            node.children.borrow_mut().remove(&number);
            parent = Rc::into_inner(node).and_then(|mut node| node.parent.take());
        }
    }
}

impl Future for Waits<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.node.cancelled.get() {
            return Poll::Ready(());
        }
        let node = self.node;
        let number = *self.number.get_or_insert_with(|| node.number());
        let waiters = &node.waiters;
        let known = waiters.borrow().get(&number).is_some_and(|kept| kept.will_wake(cx.waker()));
        if !known {
            // Cloned and dropped outside the borrow: a waker may be user code.
            let waker = cx.waker().clone();
            let before = waiters.borrow_mut().insert(number, waker);
            drop(before);
        }
        Poll::Pending
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let waker = self.node.waiters.borrow_mut().remove(&number);
            in_drop(|| drop(waker));
        }
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken").field("cancelled", &self.is_cancelled()).finish()
    }
}
