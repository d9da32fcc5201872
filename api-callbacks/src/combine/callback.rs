//! The callback of a whole.

use std::cell::Cell;
use std::panic::Location;

use loop_core::LoopHandle;

use crate::operation::Operation;
use crate::pending::{Caller, report_dropped};
use crate::user_code::discard;

pub(super) type Boxed<R> = Box<dyn FnOnce(R)>;

/// The callback of a whole, which is called once or reported.
pub(crate) struct Callback<R: 'static> {
    callback: Cell<Option<Boxed<R>>>,
    handle: LoopHandle,
    called_at: Caller,
}

impl<R: 'static> Callback<R> {
    #[track_caller]
    pub(crate) fn new(handle: &LoopHandle, callback: impl FnOnce(R) + 'static) -> Callback<R> {
        let (callback, called_at): (Boxed<R>, _) = (Box::new(callback), Location::caller());
        Callback { callback: Cell::new(Some(callback)), handle: handle.clone(), called_at }
    }

    /// Takes the callback, to be called now.
    pub(crate) fn take(&self) -> Option<Boxed<R>> {
        self.callback.take()
    }

    pub(crate) fn handle(&self) -> &LoopHandle {
        &self.handle
    }

    /// Returns where the whole was called.
    pub(crate) fn called_at(&self) -> Caller {
        self.called_at
    }

    /// Calls back from the queue.
    pub(super) fn soon(&self, result: impl FnOnce() -> R + 'static) -> Operation {
        match self.take() {
            Some(callback) => {
                Operation::ended_at(&self.handle, self.called_at, move || callback(result()))
            }
            None => Operation::ended(),
        }
    }
}

impl<R: 'static> Drop for Callback<R> {
    fn drop(&mut self) {
        if let Some(callback) = self.callback.take() {
            report_dropped(&self.handle, self.called_at);
            discard(&self.handle, callback);
        }
    }
}
