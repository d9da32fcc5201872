//! What a handler may return.

use futures::future::Either;
use loop_core::LoopHandle;

use super::link::Step;
use super::{Promise, Reason};

/// What a handler may return: a `Result` or a promise, or [`Either`] of both.
///
/// There is no implementation for plain values: use [`Promise::map`] for these.
pub trait IntoPromise {
    /// What the promise is fulfilled with.
    type Value: 'static;
    /// What the promise is rejected with.
    type Reason: Reason;

    /// Returns what the handler came to.
    #[doc(hidden)]
    fn into_step(self) -> Step<Self::Value, Self::Reason>;

    /// Makes a promise of it.
    #[track_caller]
    fn into_promise(self, handle: &LoopHandle) -> Promise<Self::Value, Self::Reason>
    where
        Self: Sized,
    {
        match self.into_step() {
            Step::Settled(outcome) => Promise::with_outcome(handle, outcome),
            Step::Follow(promise) => promise,
        }
    }
}

impl<T: 'static, E: Reason> IntoPromise for Promise<T, E> {
    type Value = T;
    type Reason = E;

    fn into_step(self) -> Step<T, E> {
        Step::Follow(self)
    }
}

impl<T: 'static, E: Reason> IntoPromise for Result<T, E> {
    type Value = T;
    type Reason = E;

    fn into_step(self) -> Step<T, E> {
        Step::Settled(self.map_err(Into::into))
    }
}

/// For a handler that has an outcome here and a promise there.
impl<A, B> IntoPromise for Either<A, B>
where
    A: IntoPromise,
    B: IntoPromise<Value = A::Value, Reason = A::Reason>,
{
    type Value = A::Value;
    type Reason = A::Reason;

    fn into_step(self) -> Step<A::Value, A::Reason> {
        match self {
            Either::Left(left) => left.into_step(),
            Either::Right(right) => right.into_step(),
        }
    }
}
