//! What the task that is polled at this moment may still do, and what it has come to wait for.
//!
//! One task is polled at a time on a thread, so that a thread-local is enough, and code that is
//! handed nothing but a `Context` finds it.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::task::{Context, Poll};

/// How many operations a task may complete in one poll (tokio: 128).
const BUDGET: i32 = 128;

/// What a poll adds to the depth.
const POLL: u32 = 1 << 16;

/// The row where no task is polled.
const NO_ROW: usize = usize::MAX;

/// What a task waits for, as far as the operations of this crate tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// Something that is no operation of this crate: a channel, a lock.
    #[default]
    Other,
    /// Bytes to read, or a connection to accept.
    Reading,
    /// Room to write, or a connection to be made.
    Writing,
    /// A deadline.
    Sleeping,
    /// The end of another task.
    Joining,
    /// A callback, or a thread.
    Suspended,
    /// Its turn: it gave way to the others.
    Yielding,
}

struct Current {
    /// How many operations are left in this poll. Signed: to take one more than there are is one step, and
    /// shows below zero.
    budget: Cell<i32>,
    /// What the poll has come to wait for.
    waits: Cell<Wait>,
    /// How many runs are under way on this thread, one within the other, and, each counting for
    /// [`POLL`], how many polls.
    depth: Cell<u32>,
    /// The row of the task that is polled, or was last.
    row: Cell<usize>,
}

thread_local! {
    static CURRENT: Current = const {
        Current {
            budget: Cell::new(BUDGET),
            waits: Cell::new(Wait::Other),
            depth: Cell::new(0),
            row: Cell::new(NO_ROW),
        }
    };
}

/// A loop runs on this thread: to block it would keep everything from going on, and what is waited
/// for might never come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InsideLoop;

/// Marks a thread as running a loop, for as long as it lives.
pub(crate) struct Inside(());

/// Marks a task as polled, for as long as it lives.
pub(crate) struct Polling<'a> {
    /// Where it leaves what the task waits for then.
    waits: &'a Cell<Wait>,
}

/// Returns the row of the task that is polled, or, after a poll within its poll, of that one; a row
/// that there is not, if none is polled.
pub(crate) fn row() -> usize {
    CURRENT.with(|current| if is_polling(current) { current.row.get() } else { NO_ROW })
}

/// Tells whether a task of this crate is being polled.
fn is_polling(current: &Current) -> bool {
    current.depth.get() >= POLL
}

/// Notes what is waited for.
pub(crate) fn wait(wait: Wait) {
    CURRENT.with(|current| current.waits.set(wait));
}

/// Takes what an operation costs out of the budget, before it is tried; tells whether there was any left.
/// With none the task [gives way](give_way), and what else it polls in this poll as well, or it would
/// never rest.
pub(crate) fn take_budget() -> bool {
    CURRENT.with(|current| {
        current.budget.set(current.budget.get() - 1);
        current.budget.get() >= 0
    })
}

/// Gives back what was taken: the operation has not completed.
pub(crate) fn return_budget() {
    CURRENT.with(|current| current.budget.set(current.budget.get() + 1));
}

/// Queues the task again, since its budget is used up.
#[cold]
pub(crate) fn give_way<T>(cx: &Context<'_>) -> Poll<T> {
    CURRENT.with(|current| {
        // What polls without a task, as another executor does, begins anew here.
        current.budget.set(if is_polling(current) { 0 } else { BUDGET });
        current.waits.set(Wait::Yielding);
    });
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Refuses what blocks the thread, if a loop runs there, as far as this crate runs it.
///
/// # Errors
/// What to do instead.
pub(crate) fn refuse_inside() -> Result<(), InsideLoop> {
    if CURRENT.with(|current| current.depth.get() > 0) { Err(InsideLoop) } else { Ok(()) }
}

impl Inside {
    /// Enters a run.
    pub(crate) fn enter() -> Inside {
        CURRENT.with(|current| current.depth.set(current.depth.get() + 1));
        Inside(())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        CURRENT.with(|current| current.depth.set(current.depth.get() - 1));
    }
}

impl<'a> Polling<'a> {
    /// Begins the poll of the task in a row.
    pub(crate) fn begin(row: usize, waits: &'a Cell<Wait>) -> Polling<'a> {
        CURRENT.with(|current| {
            current.row.set(row);
            current.budget.set(BUDGET);
            current.waits.set(Wait::Other);
            current.depth.set(current.depth.get() + POLL);
        });
        Polling { waits }
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        CURRENT.with(|current| {
            current.depth.set(current.depth.get() - POLL);
            self.waits.set(current.waits.get());
        });
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wait::Other => "something else",
            Wait::Reading => "bytes or a connection to come in",
            Wait::Writing => "room to write or a connection to be made",
            Wait::Sleeping => "a deadline",
            Wait::Joining => "the end of a task",
            Wait::Suspended => "a callback or a thread",
            Wait::Yielding => "its turn",
        })
    }
}

impl fmt::Display for InsideLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a loop runs on this thread, and blocking would stop it: await the future, or spawn it \
             as a task; what blocks belongs into `offload` or `spawn_blocking`",
        )
    }
}

impl Error for InsideLoop {}
