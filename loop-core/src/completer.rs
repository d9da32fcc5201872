//! A run that ends with a result, and who gives it.

use std::cell::Cell;
use std::rc::{Rc, Weak};

use crate::core::LoopHandle;
use crate::event_loop::EventLoop;
use crate::report::errors::RunError;

/// Gives [`EventLoop::run_until_complete`] its result.
#[must_use = "a completer that is dropped ends the run with an error"]
pub struct Completer<T> {
    handle: LoopHandle,
    /// Gone when the run is over: who completes late does not stop a later run.
    outcome: Weak<Cell<Outcome<T>>>,
}

/// Where a run's result stands.
enum Outcome<T> {
    Pending,
    Complete(T),
    Abandoned,
}

impl EventLoop {
    /// Runs until the completer that `start` is given has a value, and returns the value.
    ///
    /// The value is delivered one turn after it was set, as asyncio delivers a future's.
    ///
    /// # Errors
    /// [`RunError::Stopped`] when the loop is stopped first, [`RunError::Abandoned`] when the
    /// completer is dropped, [`RunError::Poll`] as [`EventLoop::run_once`].
    ///
    /// asyncio: `BaseEventLoop.run_until_complete`.
    pub fn run_until_complete<T: 'static>(
        &mut self,
        start: impl FnOnce(Completer<T>),
    ) -> Result<T, RunError> {
        let outcome = Rc::new(Cell::new(Outcome::Pending));
        start(Completer { handle: self.handle(), outcome: Rc::downgrade(&outcome) });
        self.run_forever()?;
        match outcome.replace(Outcome::Pending) {
            Outcome::Complete(value) => Ok(value),
            Outcome::Abandoned => Err(RunError::Abandoned),
            Outcome::Pending => Err(RunError::Stopped),
        }
    }
}

impl<T> Completer<T> {
    /// Ends the run with `value`.
    pub fn complete(self, value: T) {
        if let Some(outcome) = self.outcome.upgrade() {
            outcome.set(Outcome::Complete(value));
        }
    }
}

impl<T> Drop for Completer<T> {
    fn drop(&mut self) {
        let Some(outcome) = self.outcome.upgrade() else { return };
        match outcome.replace(Outcome::Abandoned) {
            Outcome::Pending => {}
            settled => outcome.set(settled),
        }
        let handle = self.handle.clone();
        // On a closed loop there is no run left to end.
        let _ = self.handle.try_call_soon(move || handle.stop());
    }
}
