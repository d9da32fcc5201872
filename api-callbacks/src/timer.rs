//! Sleeping with callbacks.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use loop_core::{Cancelled, Job, LoopHandle};

use crate::cancelling::{CancelTarget, Cancelling, Ticket};
use crate::operation::Operation;
use crate::pending::Pending;

struct Sleep<F: 'static> {
    handle: LoopHandle,
    sleeping: Pending<(loop_core::Handle, F)>,
}

/// Calls `callback` when `delay` has passed.
///
/// # Errors
/// Only `Cancelled`.
#[track_caller]
pub fn sleep(
    handle: &LoopHandle,
    delay: Duration,
    callback: impl FnOnce(io::Result<()>) + 'static,
) -> Operation {
    sleep_until(handle, handle.time().saturating_add(delay), callback)
}

/// Calls `callback` when the loop's time is `deadline`; one that has passed is now.
///
/// # Errors
/// Only `Cancelled`.
#[track_caller]
pub fn sleep_until(
    handle: &LoopHandle,
    deadline: Duration,
    callback: impl FnOnce(io::Result<()>) + 'static,
) -> Operation {
    if handle.is_closed() {
        return Operation::refused(handle, callback);
    }
    let sleep = Rc::new(Sleep { handle: handle.clone(), sleeping: Pending::default() });
    let timer = handle.queue_at(deadline, sleep.clone(), 0);
    let number = sleep.sleeping.put((timer, callback));
    Operation::pending(&sleep, Ticket { part: 0, number })
}

impl<F: FnOnce(io::Result<()>) + 'static> Job for Sleep<F> {
    fn run(self: Rc<Self>, _part: u64) {
        let Some((_timer, callback)) = self.sleeping.take() else { return };
        let cancelled = self.sleeping.is_cancelled() || self.handle.is_closing();
        callback(if cancelled { Err(Cancelled.into()) } else { Ok(()) });
    }

    fn kind(&self) -> &'static str {
        "sleep with a callback"
    }
}

impl<F: FnOnce(io::Result<()>) + 'static> CancelTarget for Sleep<F> {
    fn cancel(self: Rc<Self>, ticket: Ticket) -> Cancelling {
        let cancelled = self.sleeping.cancel(ticket.number);
        if cancelled {
            self.sleeping.with(|(timer, callback)| {
                if timer.cancel() {
                    self.handle.queue(self.clone(), 0);
                }
                (Some((timer, callback)), ())
            });
        }
        cancelled.into()
    }
}

impl<F: 'static> Drop for Sleep<F> {
    fn drop(&mut self) {
        self.sleeping.drop_uncalled(&self.handle);
    }
}
