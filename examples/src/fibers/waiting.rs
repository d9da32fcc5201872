//! What a fiber waits for besides sockets: an operation of the callbacks, a time, and a limit on all of it.

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::Operation;
use loop_core::{Cancelled, Elapsed, LoopHandle};

use super::fiber::{Core, NONE, Unwinding, current};

/// What an operation that a fiber waits for calls back.
#[must_use = "the fiber waits for it"]
pub struct Resume<T> {
    fiber: Rc<Core>,
    answer: Rc<Cell<Option<io::Result<T>>>>,
}

/// Waits for an operation of `api_callbacks`, which `begin` begins.
///
/// # Errors
/// The operation's; [`Cancelled`] if it drops its callback.
///
/// # Panics
/// Outside of a fiber, as all that waits.
///
/// ```
/// use examples::fibers;
/// use std::time::Duration;
///
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// fibers::run(&mut event_loop, move || {
///     let short = Duration::from_millis(1);
///     fibers::wait(|resume| api_callbacks::sleep(&handle, short, |slept| resume.with(slept)))
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wait<T>(begin: impl FnOnce(Resume<T>) -> Operation) -> io::Result<T> {
    let (fiber, answer) = (current(), Rc::new(Cell::new(None)));
    fiber.go_on()?;
    let operation = begin(Resume { fiber: fiber.clone(), answer: answer.clone() });
    loop {
        if let Some(answer) = answer.take() {
            return answer;
        }
        fiber.suspend(|| _ = operation.cancel())?;
    }
}

/// Waits until `delay` has passed. With no delay it lets the others run once.
///
/// # Errors
/// None but [`Cancelled`], in a destructor.
pub fn sleep(handle: &LoopHandle, delay: Duration) -> io::Result<()> {
    wait(|resume| api_callbacks::sleep(handle, delay, |slept| resume.with(slept)))
}

/// Runs `body` in this fiber, and unwinds it from where it waits when it takes longer than `limit`. It may
/// borrow what is around it.
///
/// # Errors
/// The body's, and [`Elapsed`].
///
/// # Limits
/// A body that does not wait is not ended. trio: `fail_after`.
pub fn timeout<T, E: From<Elapsed>>(
    handle: &LoopHandle,
    limit: Duration,
    body: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let fiber = current();
    let scope = fiber.scopes.get() + 1;
    fiber.scopes.set(scope);
    let timer = handle.queue_at(handle.time() + limit, fiber.clone(), scope);
    let ended = catch_unwind(AssertUnwindSafe(body));
    timer.cancel();
    fiber.scopes.set(scope - 1);
    let has_elapsed = fiber.cancelled.get() == scope;
    if has_elapsed {
        fiber.cancelled.set(NONE);
    }
    match ended {
        Ok(result) => result,
        Err(payload) if has_elapsed && payload.is::<Unwinding>() => Err(Elapsed.into()),
        Err(payload) => resume_unwind(payload),
    }
}

impl<T> Resume<T> {
    /// Has the fiber go on with the result, from the queue.
    pub fn with(self, result: io::Result<T>) {
        self.answer.set(Some(result));
    }
}

impl<T> Drop for Resume<T> {
    fn drop(&mut self) {
        let answer = self.answer.take().unwrap_or_else(|| Err(Cancelled.into()));
        self.answer.set(Some(answer));
        self.fiber.wake();
    }
}
