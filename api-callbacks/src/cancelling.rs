//! How an operation is cancelled that is made of others: part by part, without recursion.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::thread;

use loop_core::LoopHandle;

use crate::user_code::{contain, dispose};

/// How deep cancels of the program's own operations call one another before the next one waits
/// until the first returns.
const CANCELS_MAX: usize = 16;

/// What can cancel an operation of its own.
pub(crate) trait CancelTarget {
    /// Cancels the operation if it is pending still; tells whether it was, or what its parts are.
    fn cancel(self: Rc<Self>, ticket: Ticket) -> Cancelling;

    /// Returns how many bytes the operation has moved, if it is pending still.
    fn transferred(&self, _ticket: Ticket) -> Option<usize> {
        None
    }
}

/// Which operation is meant: its part of the target, and its number there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) part: u64,
    pub(crate) number: u64,
}

/// What came of asking an operation to end.
pub(crate) enum Cancelling {
    /// Whether it was pending still.
    Told(bool),
    /// It is a whole, whose parts are to be asked.
    Whole(Box<dyn CancelParts>),
}

/// The cancelling of a whole, part by part.
pub(crate) trait CancelParts {
    /// Returns the handle of the loop that hears of a panic in a part's cancel.
    fn handle(&self) -> &LoopHandle;

    /// Returns what cancels the next part that may be pending.
    fn next(&mut self) -> Option<(Rc<dyn CancelTarget>, Ticket)>;

    /// Notes whether that part was pending.
    fn told(&mut self, cancelled: bool);

    /// Notes that the cancel of that part panicked: what becomes of the part is not known.
    fn failed(&mut self);

    /// Tells whether the whole was pending.
    fn end(self: Box<Self>) -> bool;
}

/// Ends a level of cancels, also when one panics.
struct Level;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// What is cancelled once the cancels have returned that it was asked from.
    static PUT_OFF: RefCell<Vec<(Rc<dyn CancelTarget>, Ticket)>> = const { RefCell::new(Vec::new()) };
}

impl From<bool> for Cancelling {
    fn from(cancelled: bool) -> Cancelling {
        Cancelling::Told(cancelled)
    }
}

/// Cancels an operation; tells whether it was pending. One that is asked from many cancels deep is
/// taken to be, and cancelled when they have returned.
pub(crate) fn cancel(target: Rc<dyn CancelTarget>, ticket: Ticket) -> bool {
    if DEPTH.get() == CANCELS_MAX {
        PUT_OFF.with_borrow_mut(|put_off| put_off.push((target, ticket)));
        return true;
    }
    DEPTH.set(DEPTH.get() + 1);
    let level = Level;
    let cancelled = cancel_all(target.cancel(ticket));
    drop(level);
    cancelled
}

/// Takes the steps of cancelling a whole, those of the wholes among its parts included.
pub(crate) fn cancel_all(first: Cancelling) -> bool {
    let mut above: Vec<Box<dyn CancelParts>> = Vec::new();
    let mut step = first;
    loop {
        let mut told = match step {
            Cancelling::Told(cancelled) => Some(cancelled),
            Cancelling::Whole(whole) => {
                above.push(whole);
                None
            }
        };
        step = loop {
            let Some(whole) = above.last_mut() else { return told == Some(true) };
            if let Some(cancelled) = told.take() {
                whole.told(cancelled);
            }
            match whole.next() {
                Some((part, ticket)) => {
                    match contain(whole.handle(), "a cancel", || part.cancel(ticket)) {
                        Some(asked) => break asked,
                        None => whole.failed(),
                    }
                }
                None => told = above.pop().map(CancelParts::end),
            }
        };
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        let mut panicked: Option<Box<dyn Any + Send>> = None;
        // At the outermost level what was put off is cancelled, whatever panics.
        while DEPTH.get() == 1
            && let Some((target, ticket)) = PUT_OFF.with_borrow_mut(Vec::pop)
        {
            let cancelled = catch_unwind(AssertUnwindSafe(|| cancel_all(target.cancel(ticket))));
            match cancelled {
                Err(payload) if panicked.is_none() && !thread::panicking() => {
                    panicked = Some(payload);
                }
                Err(payload) => dispose(payload),
                Ok(_) => {}
            }
        }
        DEPTH.set(DEPTH.get() - 1);
        if let Some(payload) = panicked {
            resume_unwind(payload);
        }
    }
}
