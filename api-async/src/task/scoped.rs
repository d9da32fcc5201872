//! The future of a scope, which owns the children and polls them.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{Location, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures::future::{FutureExt, LocalBoxFuture};
use loop_core::{AggregateError, LoopHandle};

use crate::task::panics::Panics;
use crate::task::parts::{Ended, Parts};
use crate::task::report::{self, Payload};
use crate::task::token::CancellationToken;

/// How often a scope looks for children that have begun or ended before it lets others run.
const ROUNDS_MAX: usize = 64;

/// A child or the body.
pub(super) type Child<'a, E> = LocalBoxFuture<'a, Result<(), E>>;

/// The future of [`scope`](crate::scope).
#[must_use = "a future does nothing unless it is polled"]
pub struct Scoped<'a, T, E> {
    /// What `Scope` has of it, which children may keep beyond its end.
    shared: Rc<Shared<'a, E>>,
    /// The body's value, when it has one.
    value: Rc<Cell<Option<T>>>,
    /// The body and the children that end when the scope is cancelled.
    plain: Parts<Child<'a, E>>,
    /// The children that are waited for even then.
    shielded: Parts<Child<'a, E>>,
    /// The failures, to be returned together.
    errors: Vec<E>,
    /// The first panic, which goes on when all have ended.
    panic: Option<Payload>,
    /// What reports name the scope by.
    begun_at: &'static Location<'static>,
}

/// What a scope's future and its `Scope` have in common.
pub(super) struct Shared<'a, E> {
    /// The loop that is told what cannot be returned.
    handle: LoopHandle,
    /// The children that have begun since the scope was polled, and whether each is shielded.
    begun: RefCell<Vec<(Child<'a, E>, bool)>>,
    /// Cancelled with the scope.
    token: CancellationToken,
    /// Whether the scope has ended: what begins now is dropped.
    over: Cell<bool>,
    /// Wakes the task that awaits the scope, for a child that has begun.
    waker: Cell<Option<Waker>>,
}

impl<'a, E> Shared<'a, E> {
    pub(super) fn new(handle: &LoopHandle) -> Shared<'a, E> {
        Shared {
            handle: handle.clone(),
            begun: RefCell::default(),
            token: CancellationToken::new(),
            over: Cell::new(false),
            waker: Cell::default(),
        }
    }

    /// Takes a child in; on a scope that is over it is dropped at once.
    pub(super) fn begin(&self, child: impl Future<Output = Result<(), E>> + 'a, shielded: bool) {
        if !self.over.get() {
            self.begun.borrow_mut().push((child.boxed_local(), shielded));
            self.wake();
        }
    }

    /// Cancels the scope; its future drops the children.
    pub(super) fn cancel(&self) {
        self.token.cancel();
        self.wake();
    }

    fn wake(&self) {
        self.waker.take().into_iter().for_each(Waker::wake);
    }

    pub(super) fn handle(&self) -> &LoopHandle {
        &self.handle
    }

    pub(super) fn token(&self) -> &CancellationToken {
        &self.token
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.get()
    }
}

impl<'a, T, E> Scoped<'a, T, E> {
    /// Makes the future of a scope that has its body and no child yet.
    pub(super) fn new(
        shared: Rc<Shared<'a, E>>,
        value: Rc<Cell<Option<T>>>,
        body: Child<'a, E>,
        begun_at: &'static Location<'static>,
    ) -> Scoped<'a, T, E> {
        let (mut plain, shielded) = (Parts::new(), Parts::new());
        plain.push(body);
        Scoped { shared, value, plain, shielded, errors: Vec::new(), panic: None, begun_at }
    }

    /// Takes in the children that have begun; tells whether there were any.
    fn take_in(&mut self) -> bool {
        let begun = mem::take(&mut *self.shared.begun.borrow_mut());
        let any = !begun.is_empty();
        for (child, shielded) in begun {
            if shielded { self.shielded.push(child) } else { self.plain.push(child) }
        }
        any
    }

    /// Polls the children that can go on; tells whether one has ended.
    fn poll_children(&mut self, cx: &mut Context<'_>) -> bool {
        let mut any = false;
        if self.shared.token.is_cancelled() {
            // What began as the scope was cancelled is not polled at all.
            self.drop_plain();
        }
        // What fails in this pass is all told, before the first failure cancels the others.
        while let Poll::Ready(Some((_, ended))) = self.plain.poll_next(cx) {
            any = true;
            self.ended(ended);
        }
        if self.shared.token.is_cancelled() {
            self.drop_plain();
        }
        while let Poll::Ready(Some((_, ended))) = self.shielded.poll_next(cx) {
            any = true;
            self.ended(ended);
        }
        any
    }

    /// Takes note of how a child has ended.
    fn ended(&mut self, ended: Ended<Result<(), E>>) {
        match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => self.errors.push(error),
            Err(payload) if self.panic.is_none() => self.panic = Some(payload),
            Err(payload) => self.tell_panic(payload),
        }
        self.shared.token.cancel();
    }

    /// Drops what is not shielded. A destructor that panics is a failure of the scope.
    fn drop_plain(&mut self) {
        let mut plain = mem::replace(&mut self.plain, Parts::new());
        let mut panics = Panics::default();
        plain.clear(&mut panics);
        if let Some(payload) = panics.take() {
            self.ended(Err(payload));
        }
    }

    fn tell_panic(&self, payload: Payload) {
        let (handle, place) = (&self.shared.handle, Some(self.begun_at));
        report::tell_panic(handle, "a child of a scope panicked", payload, place);
    }

    /// Tells of errors that cannot be returned any more.
    fn tell_errors(&mut self) {
        let errors = mem::take(&mut self.errors);
        let count = match errors.len() {
            0 => return,
            1 => "1 failure".into(),
            several => format!("{several} failures"),
        };
        let message = format!("{count} of a scope that was dropped, or panicked, were not told");
        let context = loop_core::Context::new(message).created_at(self.begun_at);
        report::tell(&self.shared.handle, &context);
        let mut panics = Panics::default();
        panics.drop_each(errors);
        panics.tell();
    }

    fn is_empty(&self) -> bool {
        let begun = self.shared.begun.borrow().is_empty();
        begun && self.plain.len() + self.shielded.len() == 0
    }
}

// Children are boxed: a scope is never pinned itself.
impl<T, E> Unpin for Scoped<'_, T, E> {}

impl<T, E> Future for Scoped<'_, T, E> {
    type Output = Result<T, AggregateError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.shared.waker.set(Some(cx.waker().clone()));
        for _ in 0..ROUNDS_MAX {
            let begun = self.take_in();
            let ended = self.poll_children(cx);
            if self.is_empty() {
                if let Some(payload) = self.panic.take() {
                    self.tell_errors();
                    resume_unwind(payload);
                }
                let errors = mem::take(&mut self.errors);
                let value = self.value.take().filter(|_| errors.is_empty());
                return Poll::Ready(value.ok_or(AggregateError { errors }));
            }
            if !begun && !ended {
                return Poll::Pending;
            }
        }
        // Children that end and begin without a pause must not keep the loop.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<T, E> Drop for Scoped<'_, T, E> {
    fn drop(&mut self) {
        let mut panics = Panics::default();
        self.shared.over.set(true);
        panics.catch(|| self.shared.token.cancel());
        let waker = self.shared.waker.take();
        panics.catch(|| drop(waker));
        self.plain.clear(&mut panics);
        self.shielded.clear(&mut panics);
        // A child that holds the scope must not keep itself.
        let begun = mem::take(&mut *self.shared.begun.borrow_mut());
        panics.drop_each(begun);
        if let Some(payload) = self.panic.take() {
            self.tell_panic(payload);
        }
        self.tell_errors();
        let value = self.value.take();
        panics.catch(|| drop(value));
        panics.resume();
    }
}

impl<T, E> fmt::Debug for Scoped<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let children = self.plain.len() + self.shielded.len();
        f.debug_struct("Scoped").field("children", &children).finish_non_exhaustive()
    }
}
