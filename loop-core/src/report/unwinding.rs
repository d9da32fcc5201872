//! What a panic drops on its way may hear what the panic said, once something has caught it.

use std::any::Any;
use std::cell::RefCell;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};

use crate::report::errors::panic_message;

/// How many payloads, each thrown by the drop of the one before, are dropped before one is leaked.
const PAYLOADS_MAX: usize = 8;

/// Something that a panic has dropped on its way, and that is to hear what the panic said.
pub trait Unwound {
    /// The panic was caught, and said this.
    fn caught(&self, message: &str);
}

thread_local! {
    /// Weak, since a panic that something else catches is not known here: what waits for it goes when
    /// its owner gives it up, and does not pile up here.
    static WAITING: RefCell<Vec<Weak<dyn Unwound>>> = const { RefCell::new(Vec::new()) };
}

/// Tells `unwound`, if it is there still, what the panic said that unwinds this thread now, when the
/// loop, or what calls [`panic_caught`], has caught it.
///
/// # Limits
/// A panic that something else catches is not known here: `unwound` hears of the next one then, unless
/// its owner has dropped it before.
pub fn when_panic_caught<U: Unwound + 'static>(unwound: &Rc<U>) {
    let waits = Rc::downgrade(unwound);
    let _ = WAITING.try_with(|waiting| {
        let mut waiting = waiting.borrow_mut();
        // No more often than the list would grow.
        if waiting.len() == waiting.capacity() {
            waiting.retain(|unwound| unwound.strong_count() > 0);
        }
        waiting.push(waits);
    });
}

/// Tells what a panic has dropped on its way what it said: for code that catches its users' panics itself.
pub fn panic_caught(message: &str) {
    // Inside of another unwinding, what waits may wait for that one.
    if !std::thread::panicking() {
        let waiting = WAITING.try_with(|waiting| mem::take(&mut *waiting.borrow_mut()));
        let waiting = waiting.unwrap_or_default();
        waiting.iter().filter_map(Weak::upgrade).for_each(|unwound| unwound.caught(message));
    }
}

/// Drops what a panic has thrown; returns what its destructor said if that panicked.
///
/// A destructor may throw the like of itself, for ever: the last is leaked then.
pub(crate) fn drop_payload(payload: Box<dyn Any + Send>) -> Option<String> {
    let mut thrown = catch_unwind(AssertUnwindSafe(|| drop(payload))).err()?;
    let message = panic_message(&*thrown).to_owned();
    for _ in 0..PAYLOADS_MAX {
        match catch_unwind(AssertUnwindSafe(|| drop(thrown))) {
            Ok(()) => return Some(message),
            Err(next) => thrown = next,
        }
    }
    mem::forget(thrown);
    Some(message)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::panic::{catch_unwind, resume_unwind};

    use super::*;

    #[derive(Default)]
    struct Told(Cell<u32>);

    impl Unwound for Told {
        fn caught(&self, _message: &str) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn what_waits_for_panics_that_others_catch_does_not_pile_up() {
        for _ in 0..1_000 {
            let told = Rc::new(Told::default());
            let _ = catch_unwind(|| resume_unwind(Box::new(())));
            when_panic_caught(&told);
        }
        assert!(WAITING.with_borrow(Vec::len) <= 8, "{}", WAITING.with_borrow(Vec::len));
        let told = Rc::new(Told::default());
        when_panic_caught(&told);
        panic_caught("said");
        panic_caught("said of another");
        assert_eq!(told.0.get(), 1);
    }
}
