//! What several parts come to, each at its index.

use crate::promise::{Origin, discard};

/// One place for each part.
pub(super) struct Slots<T> {
    values: Vec<Option<T>>,
    missing: usize,
}

impl<T> Default for Slots<T> {
    fn default() -> Slots<T> {
        Slots { values: Vec::new(), missing: 0 }
    }
}

impl<T: 'static> Slots<T> {
    /// Makes room for one more.
    pub(super) fn expect(&mut self) {
        self.values.push(None);
        self.missing += 1;
    }

    /// Keeps what a part came to, and returns everything if it was the last that was missing.
    pub(super) fn put(&mut self, index: usize, value: T) -> Option<Vec<T>> {
        self.values[index] = Some(value);
        self.missing -= 1;
        (self.missing == 0)
            .then(|| std::mem::take(&mut self.values).into_iter().flatten().collect())
    }

    /// Drops the values one by one: two that panic in one drop would end the process.
    pub(super) fn discard(self, origin: Origin<'_>) {
        for value in self.values {
            discard(value, origin);
        }
    }
}
