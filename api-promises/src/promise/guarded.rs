//! A promise that can be cut off, by a token or by an operation's handle: a node that passes an outcome on, unless
//! it is cancelled before.
//!
//! It costs an allocation, and no hop where a handler consumes it: what is read under a token is read as what
//! is not, in the turn of its handler.

use std::cell::Cell;
use std::panic::Location;
use std::rc::{Rc, Weak};

use loop_core::{Job, LoopHandle};

use super::node::{Cancel, Node, Owner, Sink};
use super::outlet::{Consumer, Outlet};
use super::rejection::{Outcome, Rejection, let_go};
use super::release::{Origin, abandon_knowing, discard_if_any, strand};
use super::walk::{Downstream, Stranded, Upstream};
use super::{Fault, Promise, Reason};

/// The part of the job that hands an outcome on.
const OUTCOME: u64 = 0;

/// The part of the job that cuts off.
const CUT_OFF: u64 = 1;

/// A node between a promise and its consumer, which may be cut off.
///
/// | | from | to | by | when |
/// |---|---|---|---|---|
/// | 1 | - | waits | [`Guarded::behind`] | the promise is guarded: this is the sink of its node |
/// | 2 | waits | settled | [`settle`](Sink::settle), [`settle_and_run`](Sink::settle_and_run) | the outcome has come, and goes on to a handler, or waits for a consumer |
/// | 3 | waits | queued | [`settle`](Sink::settle) | the outcome has come, and its consumer is no handler: it may be another of these |
/// | 4 | queued | settled | [`run`](Job::run) | its turn has come |
/// | 5 | waits | waits | [`strand`](Downstream::strand) | no outcome will come, but the token may be cancelled still |
/// | 6 | waits | left out | [`follow`](Sink::follow) | a promise that the same token guards has taken the place of the one before: its consumer turns to that |
/// | 7 | waits | settled | [`cut_off`](CutOff::cut_off) | it is cancelled, or the turn of a token's cancel has come: the promise is dropped |
/// | 8 | waits, queued | given up | [`abandon`](Upstream::abandon), [`strand`](Downstream::strand) | the consumer has gone, or no outcome will come |
pub(crate) struct Guarded<T: 'static, E: Reason> {
    handle: LoopHandle,
    created_at: &'static Location<'static>,
    /// The token, and the number by which it forgets this; weak, since nothing keeps a token.
    token: Option<(Weak<dyn Cancel>, u64)>,
    /// Whether the outcome is still to come, or to be cut off.
    waits: Cell<bool>,
    /// The promise's node, while an outcome may come from it.
    upstream: Cell<Option<Rc<dyn Upstream>>>,
    /// Whether the consumer is a handler. Kept, since to ask goes through all that are in a row.
    has_handler: Cell<bool>,
    /// There while it is queued.
    outcome: Cell<Option<Outcome<T, E>>>,
    outlet: Outlet<T, E>,
}

/// What can be cut off.
pub(crate) trait CutOff {
    /// Gives up what is guarded, and rejects what consumes it; tells whether it was pending.
    fn cut_off(&self) -> bool;

    /// As [`CutOff::cut_off`], from the queue: behind the handler of what has come in this turn.
    fn cut_off_soon(self: Rc<Self>);

    /// The token has gone: nothing will cut this off, and so what waits for that alone waits for ever.
    fn token_gone(&self);
}

impl<T: 'static, E: Reason> Guarded<T, E> {
    /// Puts a node behind a promise, and gives it to `enter`, for what may cut it off. A promise that has its
    /// outcome needs none.
    #[track_caller]
    pub(crate) fn behind(
        promise: Promise<T, E>,
        token: Option<(Weak<dyn Cancel>, u64)>,
        enter: impl FnOnce(Rc<dyn CutOff>),
    ) -> Promise<T, E> {
        let (handle, created_at) = (promise.handle().clone(), Location::caller());
        let node = match promise.into_node() {
            Ok(node) => node,
            Err(outcome) => return Promise::with_outcome(&handle, outcome),
        };
        let guarded = Rc::new(Guarded {
            handle,
            created_at,
            token,
            waits: Cell::new(true),
            upstream: Cell::new(Some(node.clone())),
            has_handler: Cell::new(false),
            outcome: Cell::new(None),
            outlet: Outlet::new(),
        });
        enter(guarded.clone());
        node.subscribe(guarded.clone());
        Promise::at(guarded)
    }

    /// Lets go of the promise and of the token; returns the promise's node, if it was waited for still.
    fn leave(&self) -> Option<Rc<dyn Upstream>> {
        self.waits.set(false);
        let upstream = self.upstream.take();
        if let Some((token, number)) = &self.token
            && let Some(token) = token.upgrade()
        {
            token.cancel(*number, true);
        }
        upstream
    }

    /// Tells whether a token may cut this off still.
    fn has_token(&self) -> bool {
        self.token.as_ref().is_some_and(|(token, _)| token.strong_count() > 0)
    }

    /// Returns the address of the token, by which another of its promises is known.
    fn trunk_of_token(&self) -> Option<*const ()> {
        self.token.as_ref().map(|(token, _)| token.as_ptr().cast())
    }

    /// Tells whether no outcome will come, so that only the token is waited for.
    fn is_stranded(&self) -> bool {
        let upstream = self.upstream.take();
        let stranded = upstream.is_none();
        self.upstream.set(upstream);
        stranded
    }
}

impl<T: 'static, E: Reason> Drop for Guarded<T, E> {
    fn drop(&mut self) {
        let origin = (&self.handle, self.created_at);
        discard_if_any(self.outcome.take(), origin);
        self.outlet.discard_remains(origin);
    }
}

impl<T: 'static, E: Reason> CutOff for Guarded<T, E> {
    fn cut_off(&self) -> bool {
        if !self.waits.replace(false) {
            return false;
        }
        if let Some(upstream) = self.upstream.take() {
            abandon_knowing(true, upstream);
        }
        match Rejection::by(Fault::Cancelled, false, self.origin()) {
            Some(rejection) => self.outlet.settle(Err(rejection), self),
            None => self.outlet.strand_all(Stranded::Never, self),
        }
        true
    }

    fn cut_off_soon(self: Rc<Self>) {
        let handle = self.handle.clone();
        if handle.is_closed() {
            self.cut_off();
        } else {
            handle.queue(self, CUT_OFF);
        }
    }

    fn token_gone(&self) {
        let stranded = self.is_stranded();
        if stranded && self.waits.replace(false) {
            self.outlet.strand_all(Stranded::Never, self);
        }
    }
}

impl<T: 'static, E: Reason> Sink<T, E> for Guarded<T, E> {
    fn settle(self: Rc<Self>, outcome: Outcome<T, E>) {
        drop(self.leave());
        if self.has_handler.get() || !self.outlet.is_consumed() {
            return self.outlet.settle(outcome, &*self);
        }
        self.outcome.set(Some(outcome));
        let handle = self.handle.clone();
        if handle.is_closed() {
            return strand(self, Stranded::Closed);
        }
        handle.queue(self, OUTCOME);
    }

    fn runs_a_handler(&self) -> bool {
        self.has_handler.get()
    }

    fn settle_and_run(self: Rc<Self>, outcome: Outcome<T, E>) {
        if !self.has_handler.get() {
            return self.settle(outcome);
        }
        drop(self.leave());
        self.outlet.settle_and_run(outcome, &*self);
    }

    fn follow(&self, upstream: Rc<dyn Upstream>) -> Option<Rc<dyn Sink<T, E>>> {
        // So a loop whose rounds are each guarded does not grow.
        if self.trunk_of_token().is_some_and(|token| upstream.races(token))
            && let Consumer::Waits(sink) = self.outlet.give_away()
        {
            drop(self.leave());
            return Some(sink);
        }
        self.upstream.set(Some(upstream));
        None
    }
}

impl<T: 'static, E: Reason> Job for Guarded<T, E> {
    fn run(self: Rc<Self>, part: u64) {
        if part == CUT_OFF {
            self.cut_off();
        } else if let Some(outcome) = self.outcome.take() {
            self.outlet.settle(outcome, &*self);
        }
    }

    fn kind(&self) -> &'static str {
        "promise under a token"
    }
}

impl<T: 'static, E: Reason> Upstream for Guarded<T, E> {
    fn abandon(&self, handled: bool) -> Option<Rc<dyn Upstream>> {
        let upstream = self.leave();
        self.outlet.abandon(handled, self.origin());
        let_go(self.outcome.take(), handled, self.origin());
        upstream
    }

    fn races(&self, trunk: *const ()) -> bool {
        self.waits.get() && self.trunk_of_token() == Some(trunk)
    }
}

impl<T: 'static, E: Reason> Downstream for Guarded<T, E> {
    fn strand(&self, why: Stranded, next: &mut Vec<Rc<dyn Downstream>>) {
        if why == Stranded::Never && self.waits.get() && self.has_token() {
            return drop(self.upstream.take());
        }
        drop(self.leave());
        self.outlet.strand(why, self, next);
        let_go(self.outcome.take(), false, self.origin());
    }
}

impl<T: 'static, E: Reason> Node<T, E> for Guarded<T, E> {
    fn subscribe(&self, sink: Rc<dyn Sink<T, E>>) {
        self.has_handler.set(sink.runs_a_handler());
        self.outlet.subscribe(sink);
    }

    fn handle(&self) -> &LoopHandle {
        &self.handle
    }

    fn created_at(&self) -> &'static Location<'static> {
        self.created_at
    }
}

impl<T: 'static, E: Reason> Owner for Guarded<T, E> {
    fn origin(&self) -> Origin<'_> {
        (&self.handle, self.created_at)
    }
}
