//! Clean-ups: what `finally` does, whatever comes of the chain.
//!
//! The handler of a `finally` is never dropped unrun while its loop is open: what would drop it has it run
//! from the ready queue. Once it has begun it runs to its end, whether something waits for that or not.

use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;

use loop_core::LoopHandle;

use super::adopt::takes_ticks;
use super::deferred::{Cancels, Deferred};
use super::link::{Link, Step};
use super::node::{Cancel, Sink};
use super::rejection::{Outcome, let_go, lose};
use super::release::{Origin, PutOff, can_put_off, discard, put_off, start_next};
use super::walk::Stranded;
use super::{IntoPromise, Promise, Reason, Resolver};

/// What the handler of [`Promise::finally`] may return: nothing, a `Result`, a promise, or `Either` of both.
pub trait CleanUp<E: Reason> {
    /// What the clean-up comes to, which is dropped.
    type Value: 'static;

    /// Returns what the clean-up came to.
    #[doc(hidden)]
    fn into_ended(self) -> Step<Self::Value, E>;
}

impl<E: Reason> CleanUp<E> for () {
    type Value = ();

    fn into_ended(self) -> Step<(), E> {
        Step::Settled(Ok(()))
    }
}

impl<E: Reason, R: IntoPromise<Reason = E>> CleanUp<E> for R {
    type Value = R::Value;

    fn into_ended(self) -> Step<R::Value, E> {
        self.into_step()
    }
}

/// The handler of a `finally`. Dropping it unrun puts it off.
pub(super) struct Finally<E, R, C>
where
    E: Reason,
    R: CleanUp<E> + 'static,
    C: FnOnce() -> R + 'static,
{
    /// Gone once it runs.
    clean_up: Option<C>,
    handle: LoopHandle,
    created_at: &'static Location<'static>,
    /// What the closure returns is not held.
    ended: PhantomData<fn() -> (R, E)>,
}

/// A clean-up that was not done at once, and the outcome that waits for its end.
struct Cleaning<T: 'static, E: Reason> {
    handle: LoopHandle,
    created_at: &'static Location<'static>,
    /// Gone when the clean-up has ended, or nothing waits for that any more.
    waiting: Cell<Option<Waiting<T, E>>>,
}

/// An outcome, and what has it in the end.
type Waiting<T, E> = (Outcome<T, E>, Resolver<T, E>);

/// Held by what runs when the clean-up has ended. Dropped unrun, it says that no end will come.
struct End<T: 'static, E: Reason>(Rc<Cleaning<T, E>>);

impl<E, R, C> Finally<E, R, C>
where
    E: Reason,
    R: CleanUp<E> + 'static,
    C: FnOnce() -> R + 'static,
{
    pub(super) fn new(
        clean_up: C,
        handle: LoopHandle,
        created_at: &'static Location<'static>,
    ) -> Finally<E, R, C> {
        Finally { clean_up: Some(clean_up), handle, created_at, ended: PhantomData }
    }

    /// Runs the clean-up, and passes the outcome on when that has ended.
    pub(super) fn run<T: 'static>(mut self, outcome: Outcome<T, E>) -> Step<T, E> {
        let held = Held {
            outcome: Some(outcome),
            handle: self.handle.clone(),
            created_at: self.created_at,
        };
        match self.begin() {
            Step::Settled(Ok(value)) if takes_ticks() => {
                let ended = Promise::resolve(&held.handle, value);
                held.wait_for(ended)
            }
            Step::Settled(ended) => Step::Settled(held.pass_on(ended)),
            Step::Follow(promise) => held.wait_for(promise),
        }
    }

    fn begin(&mut self) -> Step<R::Value, E> {
        let clean_up = self.clean_up.take().expect("a clean-up runs once");
        clean_up().into_ended()
    }
}

impl<E, R, C> PutOff for Finally<E, R, C>
where
    E: Reason,
    R: CleanUp<E> + 'static,
    C: FnOnce() -> R + 'static,
{
    /// Runs the clean-up from the ready queue, and then the rest.
    fn start(mut self: Box<Self>, rest: Vec<Box<dyn PutOff>>) {
        let (handle, created_at) = (self.handle.clone(), self.created_at);
        let clean_up =
            Link::make(handle.clone(), move |_: Outcome<(), E>| self.begin(), created_at);
        let told = handle.clone();
        let last = move |ended: Outcome<R::Value, E>| {
            lose(ended, (&told, created_at));
            start_next(rest);
            Step::<(), E>::Settled(Ok(()))
        };
        Link::make(handle, last, created_at).stand_after(clean_up.clone());
        clean_up.settle(Ok(()));
    }
}

impl<E, R, C> Drop for Finally<E, R, C>
where
    E: Reason,
    R: CleanUp<E> + 'static,
    C: FnOnce() -> R + 'static,
{
    fn drop(&mut self) {
        let Some(clean_up) = self.clean_up.take() else { return };
        // ECMAScript cannot cancel, and what never settles has no clean-up there.
        if self.handle.is_closed() || takes_ticks() || !can_put_off() {
            return discard(clean_up, (&self.handle, self.created_at));
        }
        put_off(Box::new(Finally::new(clean_up, self.handle.clone(), self.created_at)));
    }
}

/// An outcome while its clean-up runs, which is not lost when that panics.
struct Held<T: 'static, E: Reason> {
    outcome: Option<Outcome<T, E>>,
    handle: LoopHandle,
    created_at: &'static Location<'static>,
}

impl<T: 'static, E: Reason> Held<T, E> {
    /// Returns the outcome, or what the clean-up failed with.
    fn pass_on<V: 'static>(mut self, ended: Outcome<V, E>) -> Outcome<T, E> {
        let outcome = self.outcome.take().expect("an outcome is passed on once");
        after(ended, outcome, (&self.handle, self.created_at))
    }

    /// Lets the outcome wait for the end of the clean-up, which does not end before its time when the
    /// chain is dropped.
    fn wait_for<V: 'static>(mut self, ended: Promise<V, E>) -> Step<T, E> {
        let outcome = self.outcome.take().expect("an outcome waits once");
        let (handle, created_at) = (self.handle.clone(), self.created_at);
        let cleaning = Rc::new(Cleaning { handle, created_at, waiting: Cell::new(None) });
        let cancels = Cancels::Operation(cleaning.clone(), 0);
        let node = Deferred::new(&self.handle, cancels, created_at);
        cleaning.waiting.set(Some((outcome, Resolver::of(node.clone()))));
        let end = End(cleaning);
        ended.run_to_the_end(move |ended| end.0.end(ended));
        Step::Follow(Promise::at(node))
    }
}

impl<T: 'static, E: Reason> Drop for Held<T, E> {
    fn drop(&mut self) {
        if let Some(outcome) = self.outcome.take() {
            lose(outcome, (&self.handle, self.created_at));
        }
    }
}

impl<T: 'static, E: Reason> Cleaning<T, E> {
    /// The clean-up has ended.
    fn end<V: 'static>(&self, ended: Outcome<V, E>) {
        match self.waiting.take() {
            Some((outcome, resolver)) => {
                resolver.settle_with(after(ended, outcome, self.origin()));
            }
            None => lose(ended, self.origin()),
        }
    }

    fn origin(&self) -> Origin<'_> {
        (&self.handle, self.created_at)
    }
}

/// The chain was dropped: the clean-up goes on.
impl<T: 'static, E: Reason> Cancel for Cleaning<T, E> {
    fn cancel(&self, _part: u64, handled: bool) {
        if let Some((outcome, resolver)) = self.waiting.take() {
            resolver.give_up();
            let_go(Some(outcome), handled, self.origin());
        }
    }
}

impl<T: 'static, E: Reason> Drop for End<T, E> {
    fn drop(&mut self) {
        let Some((outcome, resolver)) = self.0.waiting.take() else { return };
        let closed = self.0.handle.is_closed();
        resolver.strand(if closed { Stranded::Closed } else { Stranded::Never });
        lose(outcome, self.0.origin());
    }
}

/// Returns what is passed on when a clean-up has ended.
fn after<T: 'static, V: 'static, E: Reason>(
    ended: Outcome<V, E>,
    outcome: Outcome<T, E>,
    origin: Origin<'_>,
) -> Outcome<T, E> {
    match ended {
        Ok(value) => {
            discard(value, origin);
            outcome
        }
        Err(rejection) => {
            discard(outcome, origin);
            Err(rejection)
        }
    }
}
