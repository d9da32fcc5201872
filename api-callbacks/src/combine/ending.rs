//! How a whole ends: by its result, given up, or cancelled; its parts end before it.

use std::rc::Rc;
use std::vec;

use loop_core::LoopHandle;

use super::whole::{Combined, Stage, release};
use crate::calling::call_in_bounds;
use crate::cancelling::{CancelParts, CancelTarget, Cancelling, Ticket, cancel_all};
use crate::pending::report_dropped;
use crate::user_code::discard;

/// Gives a whole up whose caller unwinds.
pub(super) struct AbandonOnPanic<'a, C: Combined>(pub(super) &'a Rc<C>);

/// The cancelling of a whole's parts.
struct PartsOfWhole<C: Combined> {
    combined: Rc<C>,
    /// The parts that are still to be asked.
    left: vec::IntoIter<usize>,
    /// The part that is being asked.
    at: usize,
    /// Whether one of them was pending.
    any: bool,
    /// Whether the whole ends anyway, so that only its parts are to be cancelled.
    ending: bool,
}

/// Ends the whole: cancels what is pending still, and calls back behind all of that.
pub(super) fn finish<C: Combined>(combined: &Rc<C>, output: C::Output) {
    let whole = combined.whole();
    if whole.end() {
        return discard(whole.handle(), output);
    }
    whole.keep(output);
    combined.give_up();
    cancel_rest(combined);
    deliver_when_quiet(combined);
}

/// Ends a whole that has panicked, and was reported; its callback comes from the queue.
pub(super) fn finish_panicked<C: Combined>(combined: &Rc<C>, output: C::Output) {
    combined.whole().call_back_soon();
    finish(combined, output);
}

/// Gives a whole up: cancels what is pending, and drops the callback, which is reported or not.
pub(super) fn abandon<C: Combined>(combined: &Rc<C>, reported: bool) {
    let whole = combined.whole();
    if whole.end() {
        return;
    }
    let callback = whole.callback.take();
    combined.give_up();
    cancel_rest(combined);
    if reported {
        report_dropped(whole.handle(), whole.callback.called_at());
    }
    discard(whole.handle(), callback);
}

/// Cancels what is pending still of a whole that ends; tells whether something was. Mostly nothing is, and
/// nothing is made for it.
pub(super) fn cancel_rest<C: Combined>(combined: &Rc<C>) -> bool {
    !combined.whole().is_idle() && cancel_all(PartsOfWhole::step(combined, true))
}

/// Calls back, unless a part that was cancelled has not.
pub(super) fn deliver_when_quiet<C: Combined>(combined: &Rc<C>) {
    let whole = combined.whole();
    let Some(output) = whole.take_when_quiet() else { return };
    if whole.calls_back_soon() {
        whole.callback.soon(|| output);
    } else if let Some(callback) = whole.callback.take() {
        let call = move || callback(output);
        call_in_bounds(whole.handle(), whole.callback.called_at(), call);
    }
}

/// Names the step that cancels a whole, unless its result is on its way.
pub(super) fn cancel<C: Combined>(combined: &Rc<C>) -> Cancelling {
    if combined.whole().is_over() { false.into() } else { PartsOfWhole::step(combined, false) }
}

impl<C: Combined> Drop for AbandonOnPanic<'_, C> {
    fn drop(&mut self) {
        abandon(self.0, false);
    }
}

impl<C: Combined> PartsOfWhole<C> {
    fn step(combined: &Rc<C>, ending: bool) -> Cancelling {
        let (combined, left) = (combined.clone(), combined.whole().parts().into_iter());
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
                    // One that is gone is forgotten: nothing can tell whether it ever calls back.
                    if let Some(target) = operation.target() {
                        whole.set(index, Stage::Ended);
                        self.at = index;
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

    fn failed(&mut self) {
        // As one that is gone.
        self.combined.whole().take(self.at);
    }

    fn end(self: Box<Self>) -> bool {
        let whole = self.combined.whole();
        if self.any {
            whole.call_back_soon();
        }
        let cancelled = if self.ending { self.any } else { self.combined.cancelled(self.any) };
        release(self.combined);
        cancelled
    }
}
