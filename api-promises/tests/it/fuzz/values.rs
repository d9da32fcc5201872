//! Values, reasons and handlers that are counted, and may panic.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::resume_unwind;

use api_promises::Fault;
use loop_core::Elapsed;

thread_local! {
    static ALIVE: Cell<isize> = const { Cell::new(0) };
    static NEXT: Cell<u64> = const { Cell::new(0) };
    static RAISED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// Whether anything panics in this program.
    static SPITE: Cell<bool> = const { Cell::new(false) };
}

/// Something that is counted while it lives.
pub(super) struct Held {
    spiteful: bool,
}

/// What promises resolve to.
pub(super) struct Value {
    _held: Held,
}

/// What promises are rejected with.
pub(super) struct Reason {
    name: String,
    _held: Held,
}

/// Begins a program.
pub(super) fn begin(seed: u64) {
    fastrand::seed(seed);
    SPITE.set(!seed.is_multiple_of(4));
    ALIVE.set(0);
    RAISED.take();
}

/// Returns how many values are alive, and the names of the panics that were raised.
pub(super) fn end() -> (isize, Vec<String>) {
    (ALIVE.get(), RAISED.take())
}

/// Panics, without a word on stderr, if this is a program that does, and not while it does.
pub(super) fn panic_rarely(one_in: u8) {
    if SPITE.get() && fastrand::u8(0..one_in) == 0 {
        raise();
    }
}

fn raise() {
    if !std::thread::panicking() {
        let name = format!("!{}", number());
        RAISED.with_borrow_mut(|raised| raised.push(name.clone()));
        resume_unwind(Box::new(name + "."));
    }
}

fn number() -> u64 {
    NEXT.replace(NEXT.get() + 1)
}

impl Held {
    pub(super) fn new() -> Held {
        ALIVE.set(ALIVE.get() + 1);
        Held { spiteful: SPITE.get() && fastrand::u8(0..16) == 0 }
    }

    /// Makes one whose destructor does not panic.
    pub(super) fn calm() -> Held {
        ALIVE.set(ALIVE.get() + 1);
        Held { spiteful: false }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
        if self.spiteful {
            raise();
        }
    }
}

impl Value {
    pub(super) fn new() -> Value {
        Value { _held: Held::new() }
    }
}

impl Clone for Value {
    fn clone(&self) -> Value {
        panic_rarely(12);
        Value::new()
    }
}

impl Reason {
    pub(super) fn new() -> Reason {
        Reason { name: format!("?{}.", number()), _held: Held::new() }
    }
}

impl Clone for Reason {
    fn clone(&self) -> Reason {
        panic_rarely(12);
        Reason::new()
    }
}

impl From<Fault> for Reason {
    fn from(fault: Fault) -> Reason {
        Reason { name: format!("{fault}"), _held: Held::new() }
    }
}

impl From<Elapsed> for Reason {
    fn from(_: Elapsed) -> Reason {
        Reason::new()
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
