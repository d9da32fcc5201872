//! What happens, in its order, on a clock that a test moves.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use loop_core::{EventLoop, LoopHandle, ManualClock};

/// Things in the order of their happening.
#[derive(Clone, Default)]
pub(super) struct Trace(pub(super) Rc<RefCell<Vec<&'static str>>>);

impl Trace {
    pub(super) fn note(&self, what: &'static str) {
        self.0.borrow_mut().push(what);
    }

    pub(super) fn take(&self) -> Vec<&'static str> {
        self.0.take()
    }
}

/// Makes a loop on a clock that jumps to the next deadline when the loop is idle.
pub(super) fn lab() -> (EventLoop, LoopHandle) {
    let clock = ManualClock::new().autojump(Duration::ZERO);
    let event_loop = EventLoop::with_clock(clock).unwrap();
    let handle = event_loop.handle();
    (event_loop, handle)
}
