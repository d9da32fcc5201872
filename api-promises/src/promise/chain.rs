//! What a chain is made with.

use std::panic::Location;

use loop_core::{EventLoop, RunError};

use super::clean_up::{CleanUp, Finally};
use super::link::Step;
use super::rejection::{Outcome, Rejection};
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

    /// Runs `handler` on the outcome, whatever it is, as a `Result`; the promise that is returned has the
    /// handler's outcome. The handler may use `?`.
    ///
    /// A fault comes as the reason that was made of it, as to [`Promise::catch`]: the panic of a handler
    /// before, which was reported, and a cancellation. A chain that is dropped runs no handler.
    ///
    /// ```
    /// use api_promises::Promise;
    /// use std::io;
    ///
    /// let mut event_loop = loop_core::EventLoop::new()?;
    /// let asked = Promise::<u32, _>::reject(&event_loop.handle(), io::Error::other("no answer"));
    /// let told = asked.then_result(|asked| match asked {
    ///     Ok(number) => io::Result::Ok(format!("it is {number}")),
    ///     Err(error) => Ok(format!("there is {error}")),
    /// });
    /// assert_eq!(told.run_until_complete(&mut event_loop).unwrap()?, "there is no answer");
    /// # Ok::<(), io::Error>(())
    /// ```
    ///
    /// folly: `Future::thenTry`. Scala: `Future.transformWith`. Twisted: `Deferred.addBoth`.
    #[track_caller]
    pub fn then_result<R, U, F>(
        self,
        handler: impl FnOnce(Result<T, E>) -> R + 'static,
    ) -> Promise<U, F>
    where
        R: IntoPromise<Value = U, Reason = F>,
        U: 'static,
        F: Reason,
    {
        self.link(|outcome| handler(bare(outcome)).into_step())
    }

    /// Runs `handler` on the value, and is fulfilled with what it returns.
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

    /// Runs `handler` once, whatever comes of the chain, and passes the outcome on when the handler has
    /// ended. What the handler returns is only waited for: nothing, a `Result` or a promise. A failure of
    /// it takes the outcome's place.
    ///
    /// It runs when the chain is dropped too, as inside of what [`timeout`](Promise::timeout) and
    /// [`guard`](Promise::guard) drop, and when it is known that no outcome will come: then from the ready
    /// queue, behind all that the drop cancels, and behind the clean-ups of the links before. Nothing waits
    /// for it there, a failure is reported, and what it returned is not cancelled. To have a result wait for
    /// the clean-up, put this behind the `timeout`. A rejection that waits to be passed on when the chain
    /// is dropped is reported.
    ///
    /// # Limits
    /// A closed loop runs nothing.
    ///
    /// ECMAScript: `Promise.prototype.finally`. Bluebird and Twisted (`addBoth`) run it for a cancel, too;
    /// KJ's `attach` has destructors alone.
    #[track_caller]
    pub fn finally<R>(self, handler: impl FnOnce() -> R + 'static) -> Promise<T, E>
    where
        R: CleanUp<E> + 'static,
    {
        let handler = Finally::new(handler, self.handle().clone(), Location::caller());
        self.link(|outcome| handler.run(outcome))
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
