//! A fiber: a body with a stack of its own, which is a job of the loop.

use std::cell::{Cell, RefCell};
use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::process;
use std::rc::Rc;
use std::thread;

use loop_core::{Cancelled, Context, Job, LoopHandle, Panicked};
use loop_core::{is_cancelled, panic_message, report_to_stderr};

use super::stack::{self, Body, Pause, Stack};

/// How many bytes a stack has unless another size is asked for. What was never touched takes no memory.
pub const STACK_BYTES: usize = 64 * 1024;

/// The part of the job that goes on; any other number is a scope whose deadline has come.
pub(super) const WAKE: u64 = 0;

/// What is cancelled of a fiber: nothing, or all of it. Between them are its scopes.
pub(super) const NONE: u64 = u64::MAX;
const ALL: u64 = 0;

/// A fiber that was spawned.
///
/// Dropping it lets the fiber run on, as [`Fiber::detach`] does; a failure is reported then.
#[must_use = "a fiber that is not joined is to be detached"]
pub struct Fiber<T> {
    core: Rc<Core>,
    /// What it ended with; the body holds it too, until it has ended.
    ended: Rc<Cell<Option<io::Result<T>>>>,
}

/// A fiber as the loop has it. While it waits, its own stack holds it, and so does what it waits for.
pub(super) struct Core {
    pub(super) handle: LoopHandle,
    /// What it is to run; there until it begins.
    body: Cell<Option<Body>>,
    /// Where its frames are; there while it waits.
    stack: Cell<Option<Stack>>,
    stack_bytes: usize,
    has_ended: Cell<bool>,
    /// How many scopes are open, one inside the other.
    pub(super) scopes: Cell<u64>,
    /// The outermost scope that is cancelled: each wait unwinds the stack, up to there.
    pub(super) cancelled: Cell<u64>,
    /// What waits for the end.
    joiner: Cell<Option<Rc<Core>>>,
    /// What a report names.
    spawned_at: &'static Location<'static>,
}

/// What unwinds a fiber that is cancelled. It is no panic: no hook is told of it.
pub(super) struct Unwinding;

thread_local! {
    static CURRENT: RefCell<Option<Rc<Core>>> = const { RefCell::new(None) };
}

/// Runs a body on a stack of its own, from the loop's next turn on.
///
/// # Errors
/// [`Fiber::join`] gives the body's, and `OutOfMemory` if the system had no stack for it.
#[track_caller]
pub fn spawn<T: 'static>(
    handle: &LoopHandle,
    body: impl FnOnce() -> io::Result<T> + 'static,
) -> Fiber<T> {
    spawn_with(handle, STACK_BYTES, body)
}

/// As [`spawn`], on a stack of so many bytes, rounded up to pages.
///
/// # Limits
/// A stack that overflows ends the process, with a line that names its size and the place of this call.
#[track_caller]
pub fn spawn_with<T: 'static>(
    handle: &LoopHandle,
    stack_bytes: usize,
    body: impl FnOnce() -> io::Result<T> + 'static,
) -> Fiber<T> {
    let ended = Rc::new(Cell::new(None));
    let (end, loop_handle, spawned_at) = (ended.clone(), handle.clone(), Location::caller());
    let body: Body = Box::new(move |begun| {
        end.set(Some(contained(|| begun.and_then(|()| body()))));
        if Rc::strong_count(&end) == 1 {
            // Nothing will join.
            report(&loop_handle, spawned_at, end.take());
        }
    });
    let core = Rc::new(Core {
        handle: handle.clone(),
        body: Cell::new(Some(body)),
        stack: Cell::default(),
        stack_bytes,
        has_ended: Cell::default(),
        scopes: Cell::default(),
        cancelled: Cell::new(NONE),
        joiner: Cell::default(),
        spawned_at,
    });
    core.wake();
    Fiber { core, ended }
}

/// Returns the fiber that runs.
///
/// # Panics
/// Outside of a fiber.
pub(super) fn current() -> Rc<Core> {
    let current = CURRENT.with_borrow(Clone::clone);
    current.expect("only a fiber can wait: this runs on the stack of the loop")
}

/// Lets what is ready run before the fiber goes on.
///
/// # Errors
/// As [`Core::go_on`].
pub(super) fn give_way() -> io::Result<()> {
    let fiber = current();
    fiber.wake();
    fiber.suspend(|| ())
}

/// Runs a body until it returns, panics or unwinds.
pub(super) fn contained<T>(body: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| match payload.is::<Unwinding>() {
        true => Err(Cancelled.into()),
        false => Err(Panicked { message: panic_message(&*payload).to_owned() }.into()),
    })
}

fn report<T>(handle: &LoopHandle, at: &'static Location<'static>, ended: Option<io::Result<T>>) {
    if let Some(Err(error)) = ended.filter(|ended| !ended.as_ref().is_err_and(is_cancelled)) {
        handle.report(&Context::new(format!("a fiber failed: {error}")).created_at(at));
    }
}

impl<T> Fiber<T> {
    /// Waits for the fiber's end.
    ///
    /// # Errors
    /// The body's; [`Panicked`] if it panicked, [`Cancelled`] if it was cancelled or its loop was closed.
    pub fn join(self) -> io::Result<T> {
        self.ended()?;
        self.ended.take().unwrap_or_else(|| Err(Cancelled.into()))
    }

    /// Waits for the fiber's end, and leaves what it ended with to [`Fiber::join`]. One fiber waits at a time.
    ///
    /// # Errors
    /// None but [`Cancelled`], in a destructor.
    pub fn ended(&self) -> io::Result<()> {
        let joiner = current();
        while !self.is_finished() {
            self.core.joiner.set(Some(joiner.clone()));
            joiner.suspend(|| ())?;
        }
        Ok(())
    }

    /// Ends the fiber where it waits, or will wait next: its stack unwinds and drops what it holds. Tells whether
    /// it was still to end.
    pub fn cancel(&self) -> bool {
        let was_to_end = !self.is_finished();
        self.core.cancelled.set(ALL);
        self.core.wake();
        was_to_end
    }

    /// Tells whether the fiber has ended: joining it takes no time then.
    pub fn is_finished(&self) -> bool {
        self.core.has_ended.get()
    }

    /// Lets the fiber run on its own. A failure is reported to the loop's exception handler.
    pub fn detach(self) {
        drop(self);
    }
}

impl Core {
    /// Has the fiber go on, from the queue; on a loop that is closed it does so here, and unwinds.
    pub(super) fn wake(self: &Rc<Self>) {
        match self.handle.is_closed() {
            true => self.clone().run(WAKE),
            false if self.has_ended.get() => {}
            false => self.handle.queue(self.clone(), WAKE),
        }
    }

    /// Suspends the fiber, which is the one that runs, until something wakes it, perhaps for nothing. If it may
    /// not go on, it gives up what it waits for.
    ///
    /// # Errors
    /// As [`Core::go_on`].
    pub(super) fn suspend(&self, give_up: impl FnOnce()) -> io::Result<()> {
        if self.may_go_on() {
            stack::suspend();
        }
        if self.may_go_on() {
            return Ok(());
        }
        give_up();
        self.go_on()
    }

    /// Lets the fiber go on, unless it is cancelled: it unwinds then, up to the scope that is.
    ///
    /// # Errors
    /// [`Cancelled`], where it unwinds already: a destructor cannot wait.
    pub(super) fn go_on(&self) -> io::Result<()> {
        match self.may_go_on() {
            true => Ok(()),
            false if thread::panicking() => Err(Cancelled.into()),
            false => resume_unwind(Box::new(Unwinding)),
        }
    }

    fn may_go_on(&self) -> bool {
        self.cancelled.get() == NONE && !self.handle.is_closing() && !thread::panicking()
    }

    fn begin(self: Rc<Self>, body: Body) {
        let open = if self.may_go_on() { Ok(()) } else { Err(Cancelled.into()) };
        match open.and_then(|()| Stack::take(&self.handle, self.stack_bytes)) {
            Ok(stack) => self.enter(stack, Some(body)),
            Err(error) => {
                body(Err(error));
                self.end();
            }
        }
    }

    fn enter(self: Rc<Self>, mut stack: Stack, body: Option<Body>) {
        let around = CURRENT.replace(Some(self));
        let paused = stack.resume(body);
        let fiber = CURRENT.replace(around).expect("a fiber leaves what it found");
        match paused {
            Some(Pause::Suspended) => fiber.stack.set(Some(stack)),
            Some(Pause::Ended) => {
                stack.keep();
                fiber.end();
            }
            None => fiber.overflowed(),
        }
    }

    fn end(&self) {
        self.has_ended.set(true);
        if let Some(joiner) = self.joiner.take() {
            joiner.wake();
        }
    }

    /// Ends the process: frames that cannot be unwound may hold anything, a lock of the allocator too.
    #[cold]
    fn overflowed(&self) -> ! {
        let (bytes, place) = (self.stack_bytes, self.spawned_at);
        report_to_stderr(format_args!(
            "a fiber overflowed its stack of {bytes} bytes (spawned at {place})"
        ));
        process::abort();
    }
}

impl Job for Core {
    fn run(self: Rc<Self>, scope: u64) {
        // When the loop is closed, its timers run before their time.
        if scope != WAKE && !self.handle.is_closing() {
            self.cancelled.set(self.cancelled.get().min(scope));
        }
        if let Some(stack) = self.stack.take() {
            self.enter(stack, None);
        } else if let Some(body) = self.body.take() {
            self.begin(body);
        }
    }

    fn kind(&self) -> &'static str {
        "fiber"
    }
}

impl<T> Drop for Fiber<T> {
    fn drop(&mut self) {
        report(&self.core.handle, self.core.spawned_at, self.ended.take());
    }
}
