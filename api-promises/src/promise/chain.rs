//! What a chain is made with.

use std::panic::Location;

use loop_core::{EventLoop, LoopHandle, RunError};

use super::adopt::takes_ticks;
use super::link::Step;
use super::rejection::{Outcome, Rejection, lose};
use super::release::discard;
use super::{IntoPromise, Promise, Reason, bare};

impl<T: 'static, E: Reason> Promise<T, E> {
    /// Runs `handler` on the value; the promise that is returned has the handler's outcome. A
    /// rejection passes by.
    ///
    /// The handler returns a `Result` or a promise, and may use `?`. Dropping the promise that is
    /// returned cancels what comes before, and what the handler returned if it has run.
    ///
    /// ECMAScript: `Promise.prototype.then`.
    #[track_caller]
    pub fn then<R, U>(self, handler: impl FnOnce(T) -> R + 'static) -> Promise<U, E>
    where
        R: IntoPromise<Value = U, Reason = E>,
        U: 'static,
    {
        self.link(|outcome| match outcome {
            Ok(value) => handler(value).into_step(),
            Err(rejection) => passing(handler, Err(rejection)),
        })
    }

    /// Runs one of two handlers on the outcome.
    ///
    /// ECMAScript: `Promise.prototype.then` with two arguments: a failure of the first handler does
    /// not come to the second.
    #[track_caller]
    pub fn then_or<R, U, F>(
        self,
        on_value: impl FnOnce(T) -> R + 'static,
        on_reason: impl FnOnce(E) -> R + 'static,
    ) -> Promise<U, F>
    where
        R: IntoPromise<Value = U, Reason = F>,
        U: 'static,
        F: Reason,
    {
        self.link(|outcome| match outcome {
            Ok(value) => {
                drop(on_reason);
                on_value(value).into_step()
            }
            Err(rejection) => {
                drop(on_value);
                on_reason(rejection.reason).into_step()
            }
        })
    }

    /// Runs `handler` on the value and resolves to what it returns.
    #[track_caller]
    pub fn map<U: 'static>(self, handler: impl FnOnce(T) -> U + 'static) -> Promise<U, E> {
        self.link(|outcome| match outcome {
            Ok(value) => Step::Settled(Ok(handler(value))),
            Err(rejection) => passing(handler, Err(rejection)),
        })
    }

    /// Runs `handler` on the reason of a rejection; a value passes by.
    ///
    /// ECMAScript: `Promise.prototype.catch`.
    #[track_caller]
    pub fn catch<R, F>(self, handler: impl FnOnce(E) -> R + 'static) -> Promise<T, F>
    where
        R: IntoPromise<Value = T, Reason = F>,
        F: Reason,
    {
        self.link(|outcome| match outcome {
            Ok(value) => passing(handler, Ok(value)),
            Err(rejection) => handler(rejection.reason).into_step(),
        })
    }

    /// As [`Promise::catch`], but panics and cancellations pass by.
    #[track_caller]
    pub(crate) fn catch_failure<R>(self, handler: impl FnOnce(E) -> R + 'static) -> Promise<T, E>
    where
        R: IntoPromise<Value = T, Reason = E>,
    {
        self.link(|outcome| match outcome {
            Err(rejection) if !Rejection::is_final(&rejection) => {
                handler(rejection.reason).into_step()
            }
            outcome => passing(handler, outcome),
        })
    }

    /// Puts another reason in the place of a rejection's.
    #[track_caller]
    pub fn map_err<F: Reason>(self, handler: impl FnOnce(E) -> F + 'static) -> Promise<T, F> {
        self.link(|outcome| match outcome {
            Ok(value) => passing(handler, Ok(value)),
            Err(rejection) => Step::Settled(Err(rejection.map(handler))),
        })
    }

    /// Puts the reason of a rejection into another that can be made of it.
    #[track_caller]
    pub fn err_into<F: Reason + From<E>>(self) -> Promise<T, F> {
        self.map_err(F::from)
    }

    /// Shows the outcome to `handler`, and passes it on.
    #[track_caller]
    pub fn inspect(self, handler: impl FnOnce(Result<&T, &E>) + 'static) -> Promise<T, E> {
        self.link(|outcome| {
            handler(outcome.as_ref().map_err(|rejection| &rejection.reason));
            Step::Settled(outcome)
        })
    }

    /// Runs `handler` whatever the outcome, and passes the outcome on when the handler has ended. What
    /// the handler returns is only waited for. A failure of the handler takes the outcome's place.
    ///
    /// When the chain is dropped while the handler's promise is pending, that is cancelled, and a
    /// rejection that waited to be passed on is reported.
    ///
    /// # Limits
    /// A chain that is dropped before has no outcome, and `handler` is dropped unrun: so it is inside of what
    /// `timeout`, `race` or [`guard`](crate::CancellationToken::guard) drop. What has to be done even then
    /// comes behind these, or into a destructor.
    ///
    /// ECMAScript: `Promise.prototype.finally`.
    #[track_caller]
    pub fn finally<R>(self, handler: impl FnOnce() -> R + 'static) -> Promise<T, E>
    where
        R: IntoPromise<Reason = E>,
    {
        let (handle, created_at) = (self.handle().clone(), Location::caller());
        self.link(move |outcome| {
            let mut held = Held { outcome: Some(outcome), handle, created_at };
            let ended = match handler().into_step() {
                Step::Settled(Ok(value)) if takes_ticks() => Promise::resolve(&held.handle, value),
                Step::Settled(ended) => return held.pass_on(ended),
                Step::Follow(promise) => promise,
            };
            Step::Follow(ended.link(move |ended| held.pass_on(ended)))
        })
    }

    /// Makes a panic of the handler of this link a plain rejection with
    /// [`Fault::Panicked`](super::Fault::Panicked), which is reported only if it stays unhandled.
    pub fn catch_panics(self) -> Promise<T, E> {
        if let super::PromiseState::Pending(tail) = &self.state {
            tail.node().catch_panics();
        }
        self
    }

    /// Lets the chain run without a consumer; a rejection goes to `on_error`.
    #[track_caller]
    pub fn detach(self, on_error: impl FnOnce(E) + 'static) {
        self.run_to_the_end(|outcome| {
            if let Err(rejection) = outcome {
                on_error(rejection.reason);
            }
        });
    }

    /// Lets the chain run without a consumer, and runs `handler` on the outcome.
    #[track_caller]
    pub(crate) fn run_to_the_end(self, handler: impl FnOnce(Outcome<T, E>) + 'static) {
        // What is pending keeps the chain alive.
        drop(self.inspect_outcome(handler).into_node());
    }

    /// Runs `handler` on the outcome, as the last link of a chain.
    #[track_caller]
    pub(crate) fn inspect_outcome(
        self,
        handler: impl FnOnce(Outcome<T, E>) + 'static,
    ) -> Promise<(), E> {
        self.link(|outcome| {
            handler(outcome);
            Step::Settled(Ok(()))
        })
    }

    /// Runs the loop until the promise is settled, and returns its outcome.
    ///
    /// # Errors
    /// As [`EventLoop::run_until_complete`]; [`RunError::Abandoned`] for a promise of another loop, whose
    /// reactions this one does not run.
    pub fn run_until_complete(self, event_loop: &mut EventLoop) -> Result<Result<T, E>, RunError> {
        if self.handle().id() != event_loop.handle().id() {
            return Err(RunError::Abandoned);
        }
        event_loop.run_until_complete(|completer| {
            self.run_to_the_end(|outcome| completer.complete(bare(outcome)));
        })
    }
}

/// Passes an outcome by a handler, which is dropped first. Were it dropped last, as a closure's captures
/// are, a panic in its destructor would leak the outcome (rust-lang/rust#47949).
fn passing<H, T: 'static, E: Reason>(handler: H, outcome: Outcome<T, E>) -> Step<T, E> {
    drop(handler);
    Step::Settled(outcome)
}

/// An outcome that waits for a clean-up, and is not lost when that is cancelled.
struct Held<T: 'static, E: Reason> {
    outcome: Option<Outcome<T, E>>,
    handle: LoopHandle,
    created_at: &'static Location<'static>,
}

impl<T: 'static, E: Reason> Held<T, E> {
    /// Passes the outcome on, or what the clean-up failed with.
    fn pass_on<V>(&mut self, ended: Outcome<V, E>) -> Step<T, E> {
        // What the clean-up came to goes first: if its destructor panics, the outcome is still held.
        let ended = ended.map(drop);
        let outcome = self.outcome.take().expect("an outcome is passed on once");
        Step::Settled(match ended {
            Ok(()) => outcome,
            Err(rejection) => {
                discard(outcome, (&self.handle, self.created_at));
                Err(rejection)
            }
        })
    }
}

impl<T: 'static, E: Reason> Drop for Held<T, E> {
    fn drop(&mut self) {
        if let Some(outcome) = self.outcome.take() {
            lose(outcome, (&self.handle, self.created_at));
        }
    }
}
