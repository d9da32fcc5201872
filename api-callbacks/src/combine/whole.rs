//! What every whole of several operations keeps: where its parts stand, and what it has come to.
//!
//! Parts start and arrive in `part.rs`. Nothing here is borrowed while users' code runs.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::vec;

use loop_core::{AggregateError, LoopHandle, Panicked};

use super::callback::Callback;
use crate::calling::call_in_bounds;
use crate::cancelling::{CancelParts, cancel_all};
use crate::cancelling::{CancelTarget, Cancelling, Ticket};
use crate::operation::Operation;
use crate::pending::report_dropped;
use crate::user_code::discard;

/// Where a part stands that has not arrived.
pub(super) enum Stage {
    /// Its function is being called.
    Starting,
    /// So it is, and it is to be cancelled once that has returned.
    ToCancel,
    /// Its function is being called, and has dropped its completion.
    Dropped,
    Running(Operation),
    /// It was cancelled, and will call back as such.
    Cancelled,
    /// Its result is on its way.
    Ended,
}

/// The parts and the outcome of a whole.
pub(super) struct Whole<R: 'static> {
    /// By the order of their starting.
    stages: RefCell<BTreeMap<usize, Stage>>,
    /// How many parts are to be cancelled, or were and have not called back.
    cancelled: Cell<usize>,
    /// Whether no part has a say any more.
    over: Cell<bool>,
    /// What the whole has come to, until the parts that were cancelled have called back.
    outcome: Cell<Option<R>>,
    /// Whether the callback comes from the queue: behind what was cancelled, or after a panic.
    soon: Cell<bool>,
    /// Whether a part has ended by a panic.
    panicked: Cell<bool>,
    pub(super) callback: Callback<R>,
}

/// A combinator: what it makes of its parts' results.
pub(super) trait Combined: Sized + 'static {
    type Value: 'static;
    type Error: 'static;
    type Output: 'static;

    fn whole(&self) -> &Whole<Self::Output>;

    /// A part has ended, and the whole is not over.
    fn settle(self: &Rc<Self>, index: usize, result: Result<Self::Value, Self::Error>);

    /// Tells whether the whole can come to nothing once a part will never end.
    fn needs_all(&self) -> bool {
        true
    }

    /// Returns the error of a part that has panicked, if there can be one.
    fn panicked(panicked: Panicked) -> Option<Self::Error> {
        as_error(panicked)
    }

    /// The parts were asked to end; tells whether the whole is cancelled.
    fn cancelled(&self, any: bool) -> bool;

    /// The whole is over: gives up what else it has.
    fn give_up(&self);
}

/// Gives a whole up whose caller unwinds.
pub(super) struct AbandonOnPanic<'a, C: Combined>(pub(super) &'a Rc<C>);

/// The cancelling of a whole's parts.
struct PartsOfWhole<C: Combined> {
    combined: Rc<C>,
    left: vec::IntoIter<usize>,
    at: usize,
    any: bool,
    /// Whether the whole is over already, so that only its parts are to end.
    ending: bool,
}

/// Ends the whole: cancels what is pending still, and calls back behind all of that.
pub(super) fn finish<C: Combined>(combined: &Rc<C>, outcome: C::Output) {
    let whole = combined.whole();
    if whole.over.replace(true) {
        return discard(whole.handle(), outcome);
    }
    whole.outcome.set(Some(outcome));
    combined.give_up();
    cancel_all(PartsOfWhole::step(combined, true));
    deliver_when_quiet(combined);
}

/// Ends a whole that has panicked, and was reported; its callback comes from the queue.
pub(super) fn finish_panicked<C: Combined>(combined: &Rc<C>, outcome: C::Output) {
    combined.whole().call_back_soon();
    finish(combined, outcome);
}

/// Gives a whole up: cancels what is pending, and drops the callback, which is reported or not.
pub(super) fn abandon<C: Combined>(combined: &Rc<C>, reported: bool) {
    let whole = combined.whole();
    if whole.over.replace(true) {
        return;
    }
    let callback = whole.callback.take();
    combined.give_up();
    cancel_all(PartsOfWhole::step(combined, true));
    if reported {
        report_dropped(whole.handle(), whole.callback.called_at());
    }
    discard(whole.handle(), callback);
}

/// Calls back, unless a part that was cancelled has not.
pub(super) fn deliver_when_quiet<C: Combined>(combined: &Rc<C>) {
    let whole = combined.whole();
    if whole.cancelled.get() > 0 {
        return;
    }
    let Some(outcome) = whole.outcome.take() else { return };
    if whole.soon.get() {
        whole.callback.soon(|| outcome);
    } else if let Some(callback) = whole.callback.take() {
        let call = move || callback(outcome);
        call_in_bounds(whole.handle(), whole.callback.called_at(), call);
    }
}

/// Names the step that cancels a whole, unless its result is on its way.
pub(super) fn cancel<C: Combined>(combined: &Rc<C>) -> Cancelling {
    if combined.whole().over.get() { false.into() } else { PartsOfWhole::step(combined, false) }
}

/// Puts a panic into an error, if errors of this type are known to hold one.
fn as_error<E: 'static>(panicked: Panicked) -> Option<E> {
    let error: io::Error = match cast(panicked) {
        Ok(error) => return Some(error),
        Err(panicked) => panicked.into(),
    };
    cast(error).or_else(|error| cast(AggregateError::from(error))).ok()
}

/// Returns the error as one of another type, if it is of that type.
pub(super) fn cast<T: 'static, E: 'static>(error: T) -> Result<E, T> {
    let mut error = Some(error);
    let of_type = (&mut error as &mut dyn Any).downcast_mut::<Option<E>>().and_then(Option::take);
    of_type.ok_or_else(|| error.expect("it was not taken"))
}

/// Drops what may be the last reference to a whole.
pub(super) fn release<C: Combined>(combined: Rc<C>) {
    if Rc::strong_count(&combined) == 1 {
        let handle = combined.whole().handle().clone();
        discard(&handle, combined);
    }
}

impl<R: 'static> Whole<R> {
    pub(super) fn new(callback: Callback<R>) -> Whole<R> {
        Whole {
            stages: RefCell::default(),
            cancelled: Cell::new(0),
            over: Cell::new(false),
            outcome: Cell::new(None),
            soon: Cell::new(false),
            panicked: Cell::new(false),
            callback,
        }
    }

    pub(super) fn handle(&self) -> &LoopHandle {
        self.callback.handle()
    }

    /// Tells whether the whole has come to its result, or was given up.
    pub(super) fn is_over(&self) -> bool {
        self.over.get()
    }

    /// Tells whether a part has ended by a panic.
    pub(super) fn has_panicked(&self) -> bool {
        self.panicked.get()
    }

    /// Notes that a part has ended by a panic.
    pub(super) fn note_panic(&self) {
        self.panicked.set(true);
    }

    /// Has the callback come from the queue.
    pub(super) fn call_back_soon(&self) {
        self.soon.set(true);
    }

    /// Tells whether every part has arrived.
    pub(super) fn is_idle(&self) -> bool {
        self.stages.borrow().is_empty()
    }

    /// Tells whether the result of some part is on its way.
    pub(super) fn has_ended_part(&self) -> bool {
        self.stages.borrow().values().any(|stage| matches!(stage, Stage::Ended))
    }

    /// Tells whether the results of all parts are on their way.
    pub(super) fn all_parts_have_ended(&self) -> bool {
        self.stages.borrow().values().all(|stage| matches!(stage, Stage::Ended))
    }

    /// Enters an operation that is no part: a pause between two.
    pub(super) fn enter(&self, index: usize, operation: Operation) {
        self.set(index, Stage::Running(operation));
    }

    /// Takes a pause out that is over.
    pub(super) fn leave(&self, index: usize) {
        self.take(index);
    }

    pub(super) fn set(&self, index: usize, stage: Stage) {
        if matches!(stage, Stage::Cancelled | Stage::ToCancel) {
            self.cancelled.set(self.cancelled.get() + 1);
        }
        self.stages.borrow_mut().insert(index, stage);
    }

    pub(super) fn take(&self, index: usize) -> Option<Stage> {
        let stage = self.stages.borrow_mut().remove(&index)?;
        if matches!(stage, Stage::Cancelled | Stage::ToCancel) {
            self.cancelled.set(self.cancelled.get() - 1);
        }
        Some(stage)
    }

    pub(super) fn is_cancelled(&self, index: usize) -> bool {
        matches!(self.stages.borrow().get(&index), Some(Stage::Cancelled))
    }
}

impl<C: Combined> Drop for AbandonOnPanic<'_, C> {
    fn drop(&mut self) {
        abandon(self.0, false);
    }
}

impl<C: Combined> PartsOfWhole<C> {
    fn step(combined: &Rc<C>, ending: bool) -> Cancelling {
        let left: Vec<usize> = combined.whole().stages.borrow().keys().copied().collect();
        let (combined, left) = (combined.clone(), left.into_iter());
        Cancelling::Whole(Box::new(PartsOfWhole { combined, left, at: 0, any: false, ending }))
    }
}

impl<C: Combined> CancelParts for PartsOfWhole<C> {
    fn handle(&self) -> &LoopHandle {
        self.combined.whole().handle()
    }

    fn next(&mut self) -> Option<(Rc<dyn CancelTarget>, Ticket)> {
        let whole = self.combined.whole();
        for index in self.left.by_ref() {
            match whole.take(index) {
                Some(Stage::Running(operation)) => {
                    whole.set(index, Stage::Ended);
                    self.at = index;
                    if let Some(target) = operation.target() {
                        return Some(target);
                    }
                }
                Some(Stage::Starting) => {
                    whole.set(index, Stage::ToCancel);
                    self.any = true;
                }
                Some(stage) => whole.set(index, stage),
                None => {}
            }
        }
        None
    }

    fn told(&mut self, cancelled: bool) {
        let whole = self.combined.whole();
        self.any |= cancelled;
        if cancelled && whole.take(self.at).is_some() {
            whole.set(self.at, Stage::Cancelled);
        }
    }

    fn end(self: Box<Self>) -> bool {
        let whole = self.combined.whole();
        whole.soon.set(whole.soon.get() || self.any);
        let cancelled = if self.ending { self.any } else { self.combined.cancelled(self.any) };
        release(self.combined);
        cancelled
    }
}
