//! Dropping what is left of a task. Its destructor may drop or abort another task, whose destructor does
//! the same, and so on: only so many are dropped one inside the other, or the stack would not suffice.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;

use loop_core::LoopHandle;

use crate::task::erased::ErasedFuture;
use crate::task::report::tell_panic;

/// How many tasks are dropped within each other before the next ones wait until these are gone.
const DEPTH_MAX: usize = 16;

/// What a task has left, and what is told if its destructor panics.
struct Remains {
    /// The future, or its output.
    future: Pin<Box<dyn ErasedFuture>>,
    /// The loop that is told.
    handle: LoopHandle,
    /// What the report names the task by.
    spawned_at: &'static Location<'static>,
}

/// The drops that are under way on a thread.
struct Drops {
    /// How many tasks are being dropped, one within the other.
    depth: Cell<usize>,
    /// What is to be dropped when these are gone.
    later: RefCell<VecDeque<Remains>>,
    /// The loop of the task that is being dropped: it is told of panics within.
    handle: RefCell<Option<LoopHandle>>,
}

thread_local! {
    static DROPS: Drops = const {
        Drops {
            depth: Cell::new(0),
            later: RefCell::new(VecDeque::new()),
            handle: RefCell::new(None),
        }
    };
}

/// Returns the loop of the task that is being dropped on this thread.
pub(crate) fn dropping_for() -> Option<LoopHandle> {
    DROPS.try_with(|drops| drops.handle.borrow().clone()).ok().flatten()
}

/// Drops what a task has left, now or, [`DEPTH_MAX`] deep, when the tasks around it are gone. A panic is
/// told to the task's loop and goes no further.
pub(crate) fn discard(
    future: Pin<Box<dyn ErasedFuture>>,
    handle: &LoopHandle,
    spawned_at: &'static Location<'static>,
) {
    let remains = Remains { future, handle: handle.clone(), spawned_at };
    let Ok(depth) = DROPS.try_with(|drops| drops.depth.get()) else {
        // The thread ends, and has no list any more.
        return drop(remains);
    };
    DROPS.with(|drops| {
        if depth >= DEPTH_MAX {
            return drops.later.borrow_mut().push_back(remains);
        }
        let mut next = Some(remains);
        while let Some(remains) = next.take() {
            drop_at(drops, depth, remains);
            if depth == 0 {
                next = drops.later.borrow_mut().pop_front();
            }
        }
    });
}

fn drop_at(drops: &Drops, depth: usize, remains: Remains) {
    let Remains { future, handle, spawned_at } = remains;
    drops.depth.set(depth + 1);
    let before = drops.handle.replace(Some(handle.clone()));
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(future))) {
        tell_panic(&handle, "a task's destructor panicked", payload, Some(spawned_at));
    }
    drops.handle.replace(before);
    drops.depth.set(depth);
}
