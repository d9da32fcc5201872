//! What a hub does: it takes the outcome and hands a clone to each branch.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::{Hub, SharedState};
use crate::promise::node::{Settling, Sink};
use crate::promise::rejection::{Outcome, Rejection};
use crate::promise::release::{Origin, discard, strand, told};
use crate::promise::walk::{Downstream, Stranded, Upstream};
use crate::promise::{Fault, Reason};

impl<T: 'static, E: Reason> Hub<T, E> {
    /// Returns the outcome if it is there.
    pub(super) fn outcome(&self) -> Option<Rc<Outcome<T, E>>> {
        match &*self.state.borrow() {
            SharedState::Settled(outcome) => Some(outcome.clone()),
            SharedState::Pending(_) | SharedState::Never => None,
        }
    }

    pub(super) fn origin(&self) -> Origin<'_> {
        (&self.handle, self.created_at)
    }

    /// One user has gone; returns what is to be cancelled if it was the last.
    pub(super) fn leave(&self) -> Option<Rc<dyn Upstream>> {
        self.users.set(self.users.get() - 1);
        if self.users.get() > 0 {
            return None;
        }
        let upstream = self.upstream.take();
        let state = self.state.replace(SharedState::Never);
        if let (SharedState::Settled(outcome), false) = (&state, self.taken.get())
            && let Err(rejection) = &**outcome
        {
            rejection.report(&self.handle, self.created_at);
        }
        discard(state, self.origin());
        upstream
    }

    /// Takes the consumers, which have their end, and leaves `end` in their place.
    fn end(&self, end: SharedState<T, E>) -> Vec<Rc<dyn Sink<T, E>>> {
        drop(self.upstream.take());
        match self.state.replace(end) {
            SharedState::Pending(sinks) => {
                let sinks: Vec<_> = sinks.into_values().collect();
                self.users.set(self.users.get() - sinks.len());
                sinks
            }
            before => {
                discard(before, self.origin());
                Vec::new()
            }
        }
    }
}

impl<T: Clone + 'static, E: Reason + Clone> Sink<T, E> for Hub<T, E> {
    fn settle(self: Rc<Self>, outcome: Outcome<T, E>) {
        let (handle, created_at) = (self.handle.clone(), self.created_at);
        let mut next = Vec::new();
        self.settle_branch(outcome, &mut next);
        while let Some((sink, outcome)) = next.pop() {
            match cloned(&outcome, (&handle, created_at)) {
                Some(outcome) => sink.settle_branch(outcome, &mut next),
                None => strand(sink, Stranded::Never),
            }
            // The last to refer to it, if the hub has gone meanwhile.
            discard(outcome, (&handle, created_at));
        }
    }

    fn settle_branch(self: Rc<Self>, outcome: Outcome<T, E>, next: &mut Vec<Settling<T, E>>) {
        let outcome = Rc::new(outcome);
        let sinks = self.end(SharedState::Settled(outcome.clone()));
        if !sinks.is_empty() {
            self.taken.set(true);
        }
        // The last in the list is the next: each branch with all that follows from it, in order.
        next.extend(sinks.into_iter().rev().map(|sink| (sink, outcome.clone())));
        if self.users.get() == 0 {
            // The branches that were pending were the last users.
            discard(self.state.replace(SharedState::Never), self.origin());
        }
        discard(outcome, self.origin());
    }

    fn follow(&self, upstream: Rc<dyn Upstream>) -> Option<Rc<dyn Sink<T, E>>> {
        self.upstream.set(Some(upstream));
        None
    }
}

impl<T: Clone + 'static, E: Reason + Clone> Downstream for Hub<T, E> {
    fn strand(&self, why: Stranded, next: &mut Vec<Rc<dyn Downstream>>) {
        let closed = match why {
            Stranded::Closed => Rejection::of(Fault::Cancelled, self.origin()),
            Stranded::Never => None,
        };
        let end =
            closed.map_or(SharedState::Never, |reason| SharedState::Settled(Rc::new(Err(reason))));
        next.extend(self.end(end).into_iter().map(|sink| sink as Rc<dyn Downstream>));
        if self.users.get() == 0 {
            discard(self.state.replace(SharedState::Never), self.origin());
        }
    }
}

impl<T: 'static, E: 'static> Drop for Hub<T, E> {
    fn drop(&mut self) {
        discard(self.state.replace(SharedState::Never), (&self.handle, self.created_at));
    }
}

/// Clones an outcome for a branch. A clone that panics is reported, and rejects this branch alone.
pub(super) fn cloned<T: Clone + 'static, E: Reason + Clone>(
    outcome: &Outcome<T, E>,
    origin: Origin<'_>,
) -> Option<Outcome<T, E>> {
    let clone = catch_unwind(AssertUnwindSafe(|| outcome.clone()));
    clone.map_or_else(
        |payload| {
            let message = told(payload, "the clone of a shared promise's outcome", origin);
            Rejection::of(Fault::Panicked(message.into()), origin).map(Err)
        },
        Some,
    )
}
