//! What the outcomes of several promises come to.

use std::rc::Rc;

use loop_core::AggregateError;

use super::group::{Group, Rule, Whole};
use super::slots::Slots;
use crate::promise::{Origin, Outcome, Reason, Rejection, Sink, Upstream, bare};

/// All values, or the first rejection.
pub(super) struct All<T>(Slots<T>);

/// All outcomes.
pub(super) struct AllSettled<T, E>(Slots<Result<T, E>>);

/// The first value, or all rejections.
pub(super) struct Any<E> {
    errors: Slots<E>,
    /// Whether there is a rejection of which the exception handler does not know.
    is_news: bool,
    /// Whether there is a panic or a cancellation among them: to try again would repeat it.
    is_final: bool,
}

/// The first outcome.
#[derive(Default)]
pub(super) struct Race;

impl<T: 'static, E: Reason> Rule<T, E> for All<T> {
    type Value = Vec<T>;
    type Reason = E;

    fn expect(&mut self) {
        self.0.expect();
    }

    fn of_nothing() -> Option<Result<Vec<T>, E>> {
        Some(Ok(Vec::new()))
    }

    fn take(&mut self, index: usize, outcome: Outcome<T, E>) -> Option<Outcome<Vec<T>, E>> {
        match outcome {
            Ok(value) => self.0.put(index, value).map(Ok),
            Err(rejection) => Some(Err(rejection)),
        }
    }

    fn discard(self, origin: Origin<'_>) {
        self.0.discard(origin);
    }
}

impl<T: 'static, E: Reason> Rule<T, E> for AllSettled<T, E> {
    type Value = Vec<Result<T, E>>;
    type Reason = E;

    fn expect(&mut self) {
        self.0.expect();
    }

    fn of_nothing() -> Option<Result<Self::Value, E>> {
        Some(Ok(Vec::new()))
    }

    fn take(&mut self, index: usize, outcome: Outcome<T, E>) -> Option<Whole<Self, T, E>> {
        self.0.put(index, bare(outcome)).map(Ok)
    }

    fn discard(self, origin: Origin<'_>) {
        self.0.discard(origin);
    }
}

impl<T: 'static, E: Reason> Rule<T, E> for Any<E> {
    type Value = T;
    type Reason = AggregateError<E>;

    fn expect(&mut self) {
        self.errors.expect();
    }

    fn of_nothing() -> Option<Result<T, AggregateError<E>>> {
        Some(Err(AggregateError { errors: Vec::new() }))
    }

    fn take(&mut self, index: usize, outcome: Outcome<T, E>) -> Option<Whole<Self, T, E>> {
        match outcome {
            Ok(value) => Some(Ok(value)),
            Err(rejection) => {
                self.is_news |= !rejection.is_reported();
                self.is_final |= rejection.is_final();
                let errors = self.errors.put(index, rejection.reason)?;
                let all = Rejection::from(AggregateError { errors });
                let all = if self.is_final { all.into_final() } else { all };
                Some(Err(if self.is_news { all } else { all.known() }))
            }
        }
    }

    fn discard(self, origin: Origin<'_>) {
        self.errors.discard(origin);
    }
}

impl<T: 'static, E: Reason> Rule<T, E> for Race {
    type Value = T;
    type Reason = E;

    const IS_RACE: bool = true;

    fn of_nothing() -> Option<Result<T, E>> {
        None
    }

    fn take(&mut self, _index: usize, outcome: Outcome<T, E>) -> Option<Outcome<T, E>> {
        Some(outcome)
    }

    fn step_aside(
        group: &Group<T, E, Race>,
        index: usize,
        node: &dyn Upstream,
    ) -> Option<Rc<dyn Sink<T, E>>> {
        if group.is_decided_by(index, node) { group.hand_over() } else { None }
    }
}

impl<T> Default for All<T> {
    fn default() -> All<T> {
        All(Slots::default())
    }
}

impl<T, E> Default for AllSettled<T, E> {
    fn default() -> AllSettled<T, E> {
        AllSettled(Slots::default())
    }
}

impl<E> Default for Any<E> {
    fn default() -> Any<E> {
        Any { errors: Slots::default(), is_news: false, is_final: false }
    }
}
