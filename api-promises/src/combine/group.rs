//! Promises that are consumed together.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use loop_core::LoopHandle;

use crate::promise::{Cancel, Outcome, Promise, Reason, Resolver};

/// Promises that are consumed together, and the resolver of the whole.
pub(super) struct Group<S, R: 'static, E: Reason, F: Reason> {
    parts: RefCell<Vec<Promise<(), E>>>,
    /// What the parts have come to so far.
    state: RefCell<S>,
    resolver: Cell<Option<Resolver<R, F>>>,
}

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

impl<S: 'static, R: 'static, E: Reason, F: Reason> Group<S, R, E, F> {
    /// Makes a group without parts.
    pub(super) fn new(state: S) -> Rc<Group<S, R, E, F>> {
        let (parts, resolver) = (RefCell::default(), Cell::new(None));
        Rc::new(Group { parts, state: RefCell::new(state), resolver })
    }

    /// Makes the promise of the whole.
    #[track_caller]
    pub(super) fn promise(self: &Rc<Self>, handle: &LoopHandle) -> Promise<R, F> {
        let (promise, resolver) = Promise::cancelling(handle, self.clone(), 0);
        self.resolver.set(Some(resolver));
        promise
    }

    /// Consumes every promise; each hands its outcome and its index to `settle`. Returns how many
    /// there were.
    pub(super) fn consume<V: 'static>(
        self: &Rc<Self>,
        promises: impl IntoIterator<Item = Promise<V, E>>,
        settle: impl Fn(&Group<S, R, E, F>, usize, Outcome<V, E>) + Copy + 'static,
    ) -> usize {
        let mut count = 0;
        for promise in promises {
            let (group, index) = (self.clone(), count);
            let part = promise.inspect_outcome(move |outcome| settle(&group, index, outcome));
            self.parts.borrow_mut().push(part);
            count += 1;
        }
        count
    }

    /// Settles the whole, and cancels what is pending still.
    pub(super) fn finish(&self, outcome: Outcome<R, F>) {
        let Some(resolver) = self.resolver.take() else { return };
        self.parts.take().into_iter().for_each(Promise::cancel_handled);
        resolver.settle_with(outcome);
    }
}

impl<T: 'static, R: 'static, E: Reason, F: Reason> Group<Slots<T>, R, E, F> {
    /// Waits for as many parts; tells whether there are none.
    pub(super) fn expect(&self, count: usize) -> bool {
        let mut slots = self.state.borrow_mut();
        slots.values.resize_with(count, || None);
        slots.missing = count;
        count == 0
    }

    /// Keeps what a part came to, and returns everything if it was the last that was missing.
    pub(super) fn put(&self, index: usize, value: T) -> Option<Vec<T>> {
        let mut slots = self.state.borrow_mut();
        slots.values[index] = Some(value);
        slots.missing -= 1;
        (slots.missing == 0)
            .then(|| std::mem::take(&mut slots.values).into_iter().flatten().collect())
    }
}

impl<S: 'static, R: 'static, E: Reason, F: Reason> Cancel for Group<S, R, E, F> {
    fn cancel(&self, _part: u64) {
        drop(self.resolver.take());
        self.parts.take().into_iter().for_each(Promise::cancel_handled);
    }
}
