//! Panics where nobody expects one: in destructors, wakers and reports.
//!
//! Each is caught on its own, so that what stands beside it is dropped and woken all the same, and
//! each is told once. What is left of a task is dropped here too: one inside the other only so deep.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::mem;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;

use loop_core::{Abort, Context, LoopHandle, panic_message};

use crate::task::work::Work;

/// How many tasks are dropped within each other before the next ones wait until these are gone.
const DEPTH_MAX: usize = 16;

/// How often the destructor of a payload may throw another payload before that one is leaked.
const PAYLOADS_MAX: usize = 16;

/// What a panic has thrown.
pub(crate) type Payload = Box<dyn Any + Send>;

/// What a task has left, and what is told if its destructor panics.
struct Remains {
    work: Pin<Box<dyn Work>>,
    handle: LoopHandle,
    spawned_at: &'static Location<'static>,
}

struct Burials {
    /// How many tasks are being dropped on this thread, one within the other.
    depth: Cell<usize>,
    /// What is to be dropped when these are gone.
    later: RefCell<VecDeque<Remains>>,
    /// The loop of the task that is being dropped.
    handle: RefCell<Option<LoopHandle>>,
}

thread_local! {
    static BURIALS: Burials = const {
        Burials {
            depth: Cell::new(0),
            later: RefCell::new(VecDeque::new()),
            handle: RefCell::new(None),
        }
    };
}

/// Tells a loop's exception handler of a panic that goes no further.
#[cold]
pub(crate) fn tell_panic(
    handle: &LoopHandle,
    what: &str,
    payload: Payload,
    place: Option<&'static Location<'static>>,
) {
    if payload.is::<Abort>() {
        return leave(handle, payload);
    }
    let mut context = Context::new(format!("{what}: {}", panic_message(&*payload)));
    context.scheduled_at = place;
    discard_payload(payload);
    tell(handle, &context);
}

/// Tells a loop's exception handler, in a place where nothing may unwind.
#[cold]
pub(crate) fn tell(handle: &LoopHandle, context: &Context) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| handle.report(context))) {
        leave(handle, payload);
    }
}

/// Leaves the run, if that is what was asked for, from the queue: here nothing may unwind.
#[cold]
fn leave(handle: &LoopHandle, payload: Payload) {
    if payload.is::<Abort>() {
        let _ = handle.try_call_soon(|| resume_unwind(Box::new(Abort)));
    }
    discard_payload(payload);
}

/// Drops a payload, whose destructor may panic, and so may that of what it throws.
pub(crate) fn discard_payload(mut payload: Payload) {
    for _ in 0..PAYLOADS_MAX {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(next) => payload = next,
        }
    }
    mem::forget(payload);
}

/// Returns the loop of the task that is being dropped on this thread.
pub(crate) fn dropping_for() -> Option<LoopHandle> {
    BURIALS.try_with(|burials| burials.handle.borrow().clone()).ok().flatten()
}

/// Drops what a task has left. A panic is told to the task's loop and goes no further.
///
/// A destructor may drop or abort another task, whose destructor does the same, and so on: from
/// [`DEPTH_MAX`] on they are dropped one after the other, or the stack would not suffice.
pub(crate) fn discard(
    work: Pin<Box<dyn Work>>,
    handle: &LoopHandle,
    spawned_at: &'static Location<'static>,
) {
    let remains = Remains { work, handle: handle.clone(), spawned_at };
    let Ok(depth) = BURIALS.try_with(|burials| burials.depth.get()) else {
        // The thread ends, and has no list any more.
        return drop(remains);
    };
    BURIALS.with(|burials| {
        if depth >= DEPTH_MAX {
            return burials.later.borrow_mut().push_back(remains);
        }
        let mut next = Some(remains);
        while let Some(remains) = next.take() {
            bury(burials, depth, remains);
            if depth == 0 {
                next = burials.later.borrow_mut().pop_front();
            }
        }
    });
}

fn bury(burials: &Burials, depth: usize, remains: Remains) {
    let Remains { work, handle, spawned_at } = remains;
    burials.depth.set(depth + 1);
    let before = burials.handle.replace(Some(handle.clone()));
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(work))) {
        let what = "a task's destructor panicked";
        tell_panic(&handle, what, payload, Some(spawned_at));
    }
    burials.handle.replace(before);
    burials.depth.set(depth);
}
