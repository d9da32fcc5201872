//! What a program has given, run and dropped so that neither its panic nor its depth does harm.
//!
//! A destructor that panics while something else unwinds would end the process, and one that owns a
//! long chain of wholes would use the stack up. So what a program has given is dropped here, one at
//! a time.

use std::any::Any;
use std::cell::RefCell;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use loop_core::{Abort, Context, LoopHandle, Panicked, panic_message};

/// Values of the program's, each with the loop that hears of its panic.
type Discarded = Vec<(LoopHandle, Box<dyn Any>)>;

thread_local! {
    /// What waits to be dropped, while something is.
    static DISCARDED: RefCell<Option<Discarded>> = const { RefCell::new(None) };
}

/// Runs `work`, which may be a program's, and reports its panic. An [`Abort`] leaves the run from the
/// queue, once what is under way is done.
pub(crate) fn contain<R>(handle: &LoopHandle, what: &str, work: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => Some(result),
        Err(payload) => {
            report_panic(handle, what, payload);
            None
        }
    }
}

/// Reports a panic that was caught, as [`contain`] does, and returns what it said.
pub(crate) fn report_panic(
    handle: &LoopHandle,
    what: &str,
    payload: Box<dyn Any + Send>,
) -> Panicked {
    let message = panic_message(&*payload).to_owned();
    if !left(handle, &*payload) {
        let text = format!("{what} panicked: {message}");
        tell(handle, &Context { message: text, scheduled_at: None, by: None });
    }
    dispose(payload);
    Panicked { message }
}

/// Tells the exception handler, whatever that does.
pub(crate) fn tell(handle: &LoopHandle, context: &Context) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| handle.report(context))) {
        left(handle, &*payload);
        dispose(payload);
    }
}

/// Has the run left from the queue, if a panic asks for that; tells whether it does.
fn left(handle: &LoopHandle, payload: &(dyn Any + Send)) -> bool {
    let leaves = payload.is::<Abort>();
    if leaves {
        let _ = handle.try_call_soon(|| resume_unwind(Box::new(Abort)));
    }
    leaves
}

/// Drops what a panic carried; its destructor may panic as well, and what that carries is leaked.
pub(crate) fn dispose(payload: Box<dyn Any + Send>) {
    if let Err(further) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(further);
    }
}

/// Drops what a program has given, contained. What is discarded by its destructors waits until they
/// have returned, so that a chain of any length takes no stack.
pub(crate) fn discard<T: 'static>(handle: &LoopHandle, value: T) {
    discard_given(handle, &mut Some(value));
}

/// A value on its way out. These two functions are all that each type has of its own.
trait Given {
    /// Drops the value where it lies.
    fn drop_here(&mut self);

    /// Moves the value to the heap.
    fn boxed(&mut self) -> Box<dyn Any>;
}

impl<T: 'static> Given for Option<T> {
    fn drop_here(&mut self) {
        *self = None;
    }

    fn boxed(&mut self) -> Box<dyn Any> {
        Box::new(self.take())
    }
}

fn discard_given(handle: &LoopHandle, value: &mut dyn Given) {
    if is_discarding() {
        return put_off(handle, value.boxed());
    }
    discard_all(handle, value);
}

/// Tells whether something is dropped already.
fn is_discarding() -> bool {
    DISCARDED.try_with(|discarded| discarded.borrow().is_some()).unwrap_or(false)
}

fn put_off(handle: &LoopHandle, value: Box<dyn Any>) {
    DISCARDED.with_borrow_mut(|waiting| {
        waiting.get_or_insert_default().push((handle.clone(), value));
    });
}

/// Drops the first value, then what was put off meanwhile.
fn discard_all(handle: &LoopHandle, first: &mut dyn Given) {
    // The list is gone while its thread ends.
    let lists = DISCARDED.try_with(|discarded| discarded.replace(Some(Vec::new()))).is_ok();
    contain(handle, "a destructor", || first.drop_here());
    if !lists {
        return;
    }
    let next = || DISCARDED.with_borrow_mut(|waiting| waiting.as_mut().and_then(Vec::pop));
    while let Some((handle, value)) = next() {
        contain(&handle, "a destructor", || drop(value));
    }
    DISCARDED.take();
}
