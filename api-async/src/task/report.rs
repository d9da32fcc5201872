//! Telling a loop's exception handler, in places where nothing may unwind.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};

use loop_core::{Abort, Context, LoopHandle, panic_message};

/// How often the destructor of a payload may throw another payload before that one is leaked.
const PAYLOADS_MAX: usize = 16;

/// What a panic has thrown.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Makes what is told of a task.
pub(crate) fn context(message: String, spawned_at: &'static Location<'static>) -> Context {
    Context::new(message).created_at(spawned_at)
}

/// Tells a loop's exception handler of a panic that goes no further.
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

/// Tells a loop's exception handler; if the handler panics, that goes no further either.
pub(crate) fn tell(handle: &LoopHandle, context: &Context) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| handle.report(context))) {
        leave(handle, payload);
    }
}

/// Leaves the run, if that is what was asked for, from the queue: here nothing may unwind.
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
