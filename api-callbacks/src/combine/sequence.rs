//! Operations one after the other, as one.

use std::any::Any;
use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use loop_core::{Cancelled, LoopHandle, Panicked};

use super::Completion;
use super::callback::Callback;
use super::ending::{AbandonOnPanic, cancel, finish, finish_panicked};
use super::part::begin;
use super::whole::{Combined, Whole};
use crate::cancelling::{CancelTarget, Cancelling, Ticket};
use crate::operation::Operation;
use crate::user_code::{discard, report_panic};

/// The only operation at a time: the step that is under way.
const ONLY: usize = 0;

/// Steps that follow one another, as one operation that has not begun.
///
/// A step is given what the one before has ended with, and its own completion; it returns its
/// operation. What is pending of the steps is one operation at a time, and the handle of the whole
/// cancels it, whichever it is: no step has to ask whether the others go on. Each step may begin in the
/// callback of the one before.
///
/// ```
/// use api_callbacks::combine::{Completion, Sequence};
/// use api_callbacks::{TcpListener, TcpStream, bytes, echo};
/// use std::io;
///
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap())?;
/// let address = listener.local_addr()?;
/// echo::serve(listener, |error| eprintln!("the server ended: {error}"));
/// let server = handle.clone();
/// let answer = event_loop.run_until_complete(|completer| {
///     Sequence::new(&handle, move |done| TcpStream::connect(&server, address, done))
///         .then(|stream: TcpStream, done: Completion<TcpStream, io::Error>| {
///             bytes::write_all(&stream, "hello", |stream, sent, _| done(sent.map(|_| stream)))
///         })
///         .then(|stream, done: Completion<[u8; 5], io::Error>| {
///             bytes::read_exact(&stream, [0; 5], |_, read, buffer| done(read.map(|_| buffer)))
///         })
///         .start(|answer| completer.complete(answer));
/// });
/// assert_eq!(&answer.unwrap()?, b"hello");
/// # Ok::<(), io::Error>(())
/// ```
///
/// # Errors
/// The first error of a step: the steps behind it are dropped. `Cancelled` when it is cancelled between
/// two steps; `Panicked` when a step panics later than in the call of [`Sequence::start`].
///
/// async.js: `waterfall`. Asio: a composed operation.
#[must_use = "a sequence that is not started does nothing"]
pub struct Sequence<T: 'static, E: 'static> {
    /// The loop that hears of a step's panic.
    handle: LoopHandle,
    /// In the order in which they are to begin.
    steps: VecDeque<Step<E>>,
    /// What the last step ends with.
    value: PhantomData<fn() -> T>,
}

/// What goes from step to step. Its type is known where a step is added.
type Value = Box<dyn Any>;

/// What a step has come to: the value, and whether the step comes round with it.
type Ended = ControlFlow<Value, Value>;

/// A step, whatever its types are.
struct Step<E: 'static> {
    /// Begins it, with what the one before has ended with.
    call: Box<dyn FnMut(Value, Completion<Ended, E>) -> Operation>,
    /// Whether it may begin again.
    comes_round: bool,
}

/// Steps that have begun.
struct Steps<T: 'static, E: 'static> {
    /// The step that is under way, and what is told of the end.
    whole: Whole<Result<T, E>>,
    /// The steps to come, with the one that is under way in front; out of their place while it begins,
    /// and gone when no further one is to.
    left: Cell<Option<VecDeque<Step<E>>>>,
    /// Whether the steps are out of their place.
    beginning: Cell<bool>,
    /// Whether steps were left undone because the whole was cancelled.
    cancelled: Cell<bool>,
}

/// The steps, out of their place; they go back or are dropped, also after a panic.
struct Taken<'a, T: 'static, E: 'static> {
    steps: &'a Steps<T, E>,
    left: Option<VecDeque<Step<E>>>,
    goes_on: bool,
}

impl<T: 'static, E: From<Cancelled> + From<Panicked> + 'static> Sequence<T, E> {
    /// Makes a sequence of one step.
    pub fn new(
        handle: &LoopHandle,
        first: impl FnOnce(Completion<T, E>) -> Operation + 'static,
    ) -> Sequence<T, E> {
        let (handle, steps) = (handle.clone(), VecDeque::new());
        let nothing = Sequence::<(), E> { handle, steps, value: PhantomData };
        nothing.then(|(), done| first(done))
    }

    /// Adds a step behind the others.
    pub fn then<U: 'static>(
        self,
        next: impl FnOnce(T, Completion<U, E>) -> Operation + 'static,
    ) -> Sequence<U, E> {
        let mut next = Some(next);
        self.add(false, move |value, done| {
            let next = next.take().expect("a step that does not come round begins once");
            let ended = |value| ControlFlow::Break(Box::new(value) as Value);
            next(value, Box::new(move |result: Result<U, E>| done(result.map(ended))))
        })
    }

    /// Adds a step that begins again with what it has ended with, until that is a `Break`.
    ///
    /// async.js: `whilst`.
    pub fn repeat<U: 'static>(
        self,
        mut step: impl FnMut(T, Completion<ControlFlow<U, T>, E>) -> Operation + 'static,
    ) -> Sequence<U, E> {
        self.add(true, move |value, done| {
            let ended = |ended| match ended {
                ControlFlow::Continue(value) => ControlFlow::Continue(Box::new(value) as Value),
                ControlFlow::Break(value) => ControlFlow::Break(Box::new(value) as Value),
            };
            step(value, Box::new(move |result: Result<_, E>| done(result.map(ended))))
        })
    }

    fn add<U: 'static>(
        mut self,
        comes_round: bool,
        mut call: impl FnMut(T, Completion<Ended, E>) -> Operation + 'static,
    ) -> Sequence<U, E> {
        let call = Box::new(move |value: Value, done| call(typed(value), done));
        self.steps.push_back(Step { call, comes_round });
        Sequence { handle: self.handle, steps: self.steps, value: PhantomData }
    }

    /// Begins the first step, and calls back with what the last one ends with.
    #[track_caller]
    pub fn start(self, callback: impl FnOnce(Result<T, E>) + 'static) -> Operation {
        let steps = Rc::new(Steps {
            whole: Whole::new(Callback::new(&self.handle, callback)),
            left: Cell::new(Some(self.steps)),
            beginning: Cell::new(false),
            cancelled: Cell::new(false),
        });
        let abandon = AbandonOnPanic(&steps);
        steps.begin_next(Box::new(()));
        mem::forget(abandon);
        Operation::pending(&steps, Ticket::default())
    }
}

/// Returns a value as what it was before it went on to the next step.
fn typed<T: 'static>(value: Value) -> T {
    *value.downcast().expect("a step is given what the one before it ends with")
}

impl<T: 'static, E: From<Cancelled> + From<Panicked> + 'static> Steps<T, E> {
    /// Begins the step in front.
    fn begin_next(self: &Rc<Self>, value: Value) {
        self.beginning.set(true);
        let mut taken = Taken { steps: self, left: self.left.take(), goes_on: false };
        if let Some(step) = taken.left.as_mut().and_then(VecDeque::front_mut) {
            begin(self, ONLY, |done| (step.call)(value, done));
        }
        taken.goes_on = !self.whole.is_over() && !self.cancelled.get();
    }

    /// Begins the step in front, not from inside the call of [`Sequence::start`]: a panic ends the whole.
    fn go_on(self: &Rc<Self>, value: Value) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.begin_next(value))) {
            let panicked = report_panic(self.whole.handle(), "a step of a sequence", payload);
            finish_panicked(self, Err(panicked.into()));
        }
    }
}

impl<T: 'static, E: From<Cancelled> + From<Panicked> + 'static> Combined for Steps<T, E> {
    type Value = Ended;
    type Error = E;
    type Output = Result<T, E>;

    fn whole(&self) -> &Whole<Result<T, E>> {
        &self.whole
    }

    fn settle(self: &Rc<Self>, _index: usize, result: Result<Ended, E>) {
        let ended = match result {
            Ok(ended) if !self.cancelled.get() => ended,
            Ok(ended) => {
                discard(self.whole.handle(), ended);
                return finish(self, Err(Cancelled.into()));
            }
            Err(error) => return finish(self, Err(error)),
        };
        let mut left = self.left.take().unwrap_or_default();
        let (value, done) = match ended {
            ControlFlow::Continue(value) => (value, None),
            ControlFlow::Break(value) => (value, left.pop_front()),
        };
        if left.is_empty() {
            finish(self, Ok(typed(value)));
        } else {
            self.left.set(Some(left));
            self.go_on(value);
        }
        discard(self.whole.handle(), done);
    }

    fn panicked(panicked: Panicked) -> Option<E> {
        Some(panicked.into())
    }

    fn cancelled(&self, any: bool) -> bool {
        // Where the step has ended, the whole ends as cancelled for those that will not begin.
        let left = self.left.take();
        let more = |left: &VecDeque<Step<E>>| {
            left.len() > 1 || left.front().is_some_and(|step| step.comes_round)
        };
        let undone = left.as_ref().is_some_and(more) || self.beginning.get();
        discard_all(self.whole.handle(), left);
        self.cancelled.set(self.cancelled.get() || undone);
        any || undone
    }

    fn give_up(&self) {
        discard_all(self.whole.handle(), self.left.take());
    }
}

impl<T: 'static, E: From<Cancelled> + From<Panicked> + 'static> CancelTarget for Steps<T, E> {
    fn cancel(self: Rc<Self>, _ticket: Ticket) -> Cancelling {
        cancel(&self)
    }
}

/// Drops steps, each on its own: their destructors may panic.
fn discard_all<E: 'static>(handle: &LoopHandle, steps: Option<VecDeque<Step<E>>>) {
    steps.into_iter().flatten().for_each(|step| discard(handle, step));
}

impl<T: 'static, E: 'static> Drop for Taken<'_, T, E> {
    fn drop(&mut self) {
        self.steps.beginning.set(false);
        match self.left.take() {
            left if self.goes_on => self.steps.left.set(left),
            left => discard_all(self.steps.whole.handle(), left),
        }
    }
}

impl<T: 'static, E: 'static> Drop for Steps<T, E> {
    fn drop(&mut self) {
        discard_all(self.whole.handle(), self.left.take());
    }
}

impl<T: 'static, E: 'static> fmt::Debug for Sequence<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sequence").field("steps", &self.steps.len()).finish_non_exhaustive()
    }
}
