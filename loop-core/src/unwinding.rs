//! What a panic drops on its way may hear what the panic said, once something has caught it.

use std::cell::RefCell;
use std::mem;

type Tell = Box<dyn FnOnce(&str)>;

thread_local! {
    static WAITING: RefCell<Vec<Tell>> = const { RefCell::new(Vec::new()) };
}

/// Calls `tell` with what the panic said that unwinds this thread now, when the loop, or what calls
/// [`panic_caught`], has caught it.
///
/// # Limits
/// A panic that something else catches is not known here: `tell` hears of the next one then.
pub fn when_panic_caught(tell: impl FnOnce(&str) + 'static) {
    let _ = WAITING.try_with(|waiting| waiting.borrow_mut().push(Box::new(tell)));
}

/// Tells what a panic has dropped on its way what it said: for who catches panics of its users itself.
pub fn panic_caught(message: &str) {
    // Inside of another unwinding, what waits may wait for that one.
    if !std::thread::panicking() {
        let waiting = WAITING.try_with(|waiting| mem::take(&mut *waiting.borrow_mut()));
        waiting.unwrap_or_default().into_iter().for_each(|tell| tell(message));
    }
}
