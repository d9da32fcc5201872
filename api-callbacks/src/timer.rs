//! Sleeping with callbacks.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use loop_core::{Cancelled, Job, LoopHandle};

use crate::operation::{Cancel, Operation, Pending, Ticket};

type SleepCallback = Box<dyn FnOnce(io::Result<()>)>;

struct Sleep {
    handle: LoopHandle,
    sleeping: Pending<(loop_core::Handle, SleepCallback)>,
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
    let sleep = Rc::new(Sleep { handle: handle.clone(), sleeping: Pending::default() });
    let timer = handle.queue_at(handle.time().saturating_add(delay), sleep.clone(), 0);
    let number = sleep.sleeping.start((timer, Box::new(callback)));
    let number = number.ok().expect("a new sleep is the only one here");
    Operation::pending(&sleep, Ticket { part: 0, number })
}

impl Job for Sleep {
    fn run(self: Rc<Self>, _part: u64) {
        let Some((_timer, callback)) = self.sleeping.take() else { return };
        let cancelled = self.sleeping.is_cancelled() || self.handle.is_closing();
        callback(if cancelled { Err(Cancelled.into()) } else { Ok(()) });
    }

    fn kind(&self) -> &'static str {
        "sleep with a callback"
    }
}

impl Cancel for Sleep {
    fn cancel(self: Rc<Self>, ticket: Ticket) -> bool {
        if !self.sleeping.cancel(ticket.number) {
            return false;
        }
        let Some((timer, callback)) = self.sleeping.take() else { return false };
        if timer.cancel() {
            self.handle.queue(self.clone(), 0);
        }
        self.sleeping.put_back((timer, callback));
        true
    }
}
