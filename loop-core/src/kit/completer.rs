//! A run that ends with a result, and what gives it.

use std::cell::Cell;
use std::rc::{Rc, Weak};

use crate::event_loop::EventLoop;
use crate::handle::LoopHandle;
use crate::report::errors::RunError;

/// Gives [`EventLoop::run_until_complete`] its result.
#[must_use = "a completer that is dropped ends the run with an error"]
pub struct Completer<T> {
    /// Stops the run.
    handle: LoopHandle,
    /// Gone when the run is over: a late completer does not stop a later run.
    answer: Weak<Cell<Answer<T>>>,
}

/// Where a run's result stands.
enum Answer<T> {
    /// The completer is still to give it.
    Awaited,
    /// The run ends with this.
    Given(T),
    /// The completer was dropped.
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
        let answer = Rc::new(Cell::new(Answer::Awaited));
        start(Completer { handle: self.handle(), answer: Rc::downgrade(&answer) });
        self.run_forever()?;
        match answer.replace(Answer::Awaited) {
            Answer::Given(value) => Ok(value),
            Answer::Abandoned => Err(RunError::Abandoned),
            Answer::Awaited => Err(RunError::Stopped),
        }
    }
}

impl<T> Completer<T> {
    /// Ends the run with `value`.
    pub fn complete(self, value: T) {
        if let Some(answer) = self.answer.upgrade() {
            answer.set(Answer::Given(value));
        }
    }
}

impl<T> Drop for Completer<T> {
    fn drop(&mut self) {
        let Some(answer) = self.answer.upgrade() else { return };
        match answer.replace(Answer::Abandoned) {
            Answer::Awaited => {}
            settled => answer.set(settled),
        }
        let handle = self.handle.clone();
        // On a closed loop there is no run left to end.
        let _ = self.handle.try_call_soon(move || handle.stop());
    }
}
