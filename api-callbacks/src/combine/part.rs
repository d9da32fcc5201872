//! A part of a whole: how it starts, and how it ends.
//!
//! A part starts in [`begin`] and nowhere else, and ends in [`arrive`].

use std::mem;
use std::rc::Rc;
use std::thread;

use loop_core::Panicked;

use super::Completion;
use super::ending::{abandon, deliver_when_quiet};
use super::whole::{Combined, Stage, Whole, release};
use crate::operation::Operation;
use crate::user_code::{contain, discard};

/// The completion of a part.
struct Part<C: Combined> {
    /// Gone when it was called.
    combined: Option<Rc<C>>,
    index: usize,
}

/// Forgets a part whose function panics.
struct Unstarted<'a, R: 'static> {
    whole: &'a Whole<R>,
    index: usize,
}

/// Starts an operation as a part of a whole.
///
/// One that calls back before it has returned breaks the wing's first rule, and loses nothing: its
/// result comes from the queue.
pub(super) fn begin<C: Combined>(
    combined: &Rc<C>,
    index: usize,
    operation: impl FnOnce(Completion<C::Value, C::Error>) -> Operation,
) {
    let whole = combined.whole();
    whole.set(index, Stage::Starting);
    let unstarted = Unstarted { whole, index };
    let part = Part { combined: Some(combined.clone()), index };
    let operation = operation(Box::new(move |result| part.end(result)));
    mem::forget(unstarted);
    match whole.take(index) {
        Some(Stage::Starting) if operation.has_ended() => whole.set(index, Stage::Ended),
        Some(Stage::Starting) => whole.set(index, Stage::Running(operation)),
        Some(Stage::ToCancel) => {
            whole.set(index, Stage::Cancelled);
            let cancelled = contain(whole.handle(), "a cancel", || operation.cancel());
            // It may have arrived meanwhile.
            if cancelled != Some(true) && whole.is_cancelled(index) {
                whole.take(index);
                whole.set(index, Stage::Ended);
                deliver_when_quiet(combined);
            }
        }
        Some(Stage::Dropped) => lost(combined),
        Some(stage) => whole.set(index, stage),
        None => {}
    }
}

/// A part has called back.
fn arrive<C: Combined>(combined: &Rc<C>, index: usize, result: Result<C::Value, C::Error>) {
    let whole = combined.whole();
    whole.take(index);
    if whole.is_over() {
        discard(whole.handle(), result);
        return deliver_when_quiet(combined);
    }
    combined.settle(index, result);
}

/// A part will never end.
fn lost<C: Combined>(combined: &Rc<C>) {
    if combined.whole().is_over() {
        deliver_when_quiet(combined);
    } else if combined.needs_all() {
        abandon(combined, true);
    }
}

impl<C: Combined> Part<C> {
    fn end(mut self, result: Result<C::Value, C::Error>) {
        let Some(combined) = self.combined.take() else { return };
        let (whole, index) = (combined.whole(), self.index);
        match whole.take(index) {
            Some(Stage::Starting | Stage::ToCancel) => {
                // The operation has not returned: the rule of the wing is kept for it.
                whole.set(index, Stage::Ended);
                Part::arrive_soon(combined, index, result);
            }
            Some(stage) => {
                whole.set(index, stage);
                arrive(&combined, index, result);
                release(combined);
            }
            None => {
                arrive(&combined, index, result);
                release(combined);
            }
        }
    }

    fn arrive_soon(combined: Rc<C>, index: usize, result: Result<C::Value, C::Error>) {
        let handle = combined.whole().handle().clone();
        Operation::queue_unreported(&handle, move || {
            arrive(&combined, index, result);
            release(combined);
        });
    }

    /// The completion is dropped by a panic, of which the loop hears where it is caught.
    fn panic(combined: &Rc<C>, index: usize) {
        let message = "the callback of the operation panicked".to_owned();
        let whole = combined.whole();
        match C::panicked(Panicked { message }) {
            Some(error) => {
                whole.note_panic();
                whole.set(index, Stage::Ended);
                Part::arrive_soon(combined.clone(), index, Err(error));
            }
            None => abandon(combined, true),
        }
    }
}

impl<C: Combined> Drop for Part<C> {
    fn drop(&mut self) {
        let Some(combined) = self.combined.take() else { return };
        let whole = combined.whole();
        match whole.take(self.index) {
            None => {}
            Some(Stage::Starting | Stage::ToCancel) => whole.set(self.index, Stage::Dropped),
            Some(_) if whole.is_over() => {
                whole.call_back_soon();
                deliver_when_quiet(&combined);
            }
            Some(_) if thread::panicking() => Part::panic(&combined, self.index),
            Some(_) => lost(&combined),
        }
        release(combined);
    }
}

impl<R: 'static> Drop for Unstarted<'_, R> {
    fn drop(&mut self) {
        self.whole.take(self.index);
    }
}
