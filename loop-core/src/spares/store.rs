//! What a loop keeps to use again, and what gives back what its styles keep.

use std::cell::{Cell, RefCell};

use crate::net::chunk::Pool;

/// What a loop keeps to use again.
pub(crate) struct Store {
    /// What bytes are read into, lent while there are bytes to hold.
    pub(crate) chunks: Pool,
    /// What gives back the surplus of the styles; they keep their spares for a thread.
    givers: RefCell<Vec<fn()>>,
    /// How many entries of the ready queue were ready at once in this window.
    ready_most: Cell<usize>,
}

impl Default for Store {
    fn default() -> Store {
        // With room for one of each style: where a style makes what it keeps, nothing else is allocated.
        let givers = RefCell::new(Vec::with_capacity(4));
        Store { chunks: Pool::default(), givers, ready_most: Cell::new(0) }
    }
}

impl Store {
    /// Adds what gives back the surplus of a style, unless it is there.
    pub(crate) fn add_giver(&self, giver: fn()) {
        let mut givers = self.givers.borrow_mut();
        if !givers.iter().any(|known| std::ptr::fn_addr_eq(*known, giver)) {
            givers.push(giver);
        }
    }

    /// Returns what gives back the surplus of the styles.
    pub(crate) fn giver(&self, index: usize) -> Option<fn()> {
        self.givers.borrow().get(index).copied()
    }

    /// Notes how many entries of the ready queue are ready at once.
    pub(crate) fn note_ready(&self, entries: usize) {
        if entries > self.ready_most.get() {
            self.ready_most.set(entries);
        }
    }

    /// Returns how many were ready at once since the last call.
    pub(crate) fn take_ready_most(&self) -> usize {
        self.ready_most.take()
    }
}
