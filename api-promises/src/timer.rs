//! Sleeping with promises.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use loop_core::{Handle, Job, LoopHandle, LoopTime};

use crate::promise::{Cancel, Fault, Promise, Reason, Resolver};

struct Sleep<E: Reason> {
    handle: LoopHandle,
    timer: Cell<Option<Handle>>,
    sleeping: Cell<Option<Resolver<(), E>>>,
}

/// Is fulfilled when `delay` has passed.
///
/// # Errors
/// Only `Cancelled`, when the loop is closed first.
#[track_caller]
pub fn sleep(handle: &LoopHandle, delay: Duration) -> Promise<(), io::Error> {
    sleep_for(handle, delay)
}

/// Is fulfilled when the loop's time is `deadline`.
///
/// A moment is no span, nor a span a moment:
///
/// ```compile_fail,E0308
/// # let handle = loop_core::EventLoop::new().unwrap().handle();
/// let _ = api_promises::sleep(&handle, handle.time());
/// ```
/// ```compile_fail,E0308
/// # let handle = loop_core::EventLoop::new().unwrap().handle();
/// let _ = api_promises::sleep_until(&handle, std::time::Duration::from_secs(1));
/// ```
///
/// # Errors
/// As [`sleep`].
#[track_caller]
pub fn sleep_until(handle: &LoopHandle, deadline: LoopTime) -> Promise<(), io::Error> {
    wake_at(handle, deadline)
}

/// Sleeps in a chain whose reason is `E`.
#[track_caller]
pub(crate) fn sleep_for<E: Reason>(handle: &LoopHandle, delay: Duration) -> Promise<(), E> {
    wake_at(handle, handle.time() + delay)
}

/// As [`sleep_until`], in a chain whose reason is `E`.
#[track_caller]
pub(crate) fn wake_at<E: Reason>(handle: &LoopHandle, deadline: LoopTime) -> Promise<(), E> {
    if handle.is_closed() {
        return Promise::reject(handle, Fault::Cancelled.into());
    }
    let (timer, sleeping) = (Cell::new(None), Cell::new(None));
    let sleep = Rc::new(Sleep { handle: handle.clone(), timer, sleeping });
    let (promise, resolver) = Promise::cancelling(handle, sleep.clone(), 0);
    sleep.sleeping.set(Some(resolver));
    sleep.timer.set(Some(handle.queue_at(deadline, sleep.clone(), 0)));
    promise
}

impl<E: Reason> Job for Sleep<E> {
    fn run(self: Rc<Self>, _part: u64) {
        drop(self.timer.take());
        let Some(resolver) = self.sleeping.take() else { return };
        match self.handle.is_closing() {
            true => resolver.fail(Fault::Cancelled),
            false => resolver.resolve(()),
        }
    }

    fn kind(&self) -> &'static str {
        "sleep with a promise"
    }
}

impl<E: Reason> Cancel for Sleep<E> {
    fn cancel(&self, _part: u64, _handled: bool) {
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
        if let Some(resolver) = self.sleeping.take() {
            resolver.give_up();
        }
    }
}
