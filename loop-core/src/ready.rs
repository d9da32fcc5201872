//! The ready queue: what runs next, first in, first out, and what can be taken out again.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::Location;
use std::rc::Rc;

use crate::job::Job;
use crate::timers::TimerKey;

/// One entry of the ready queue.
pub(crate) enum Entry {
    /// A shared job, and which part of it.
    Job(Rc<dyn Job>, u64),
    /// A closure, and where it was scheduled.
    Call(Box<dyn FnOnce()>, &'static Location<'static>),
    /// A timer whose deadline has passed. What it runs stays among the timers until then, so that one
    /// handle cancels it before and after its deadline.
    Timed(TimerKey),
    /// What was cancelled in the queue: its place stays, so that the numbers behind it hold.
    Cancelled,
}

/// The FIFO of all that is ready.
///
/// Entries are numbered in the order of their coming. The number of an entry less the number of the
/// front is its index, so that cancelling needs neither a scan nor a map.
#[derive(Default)]
pub(crate) struct ReadyQueue {
    /// Borrowed for a push or a pop, and never while an entry runs or is dropped.
    entries: RefCell<VecDeque<Entry>>,
    /// The number of the entry at the front, which is how many have left.
    front: Cell<u64>,
}

impl ReadyQueue {
    /// Appends an entry and returns its number.
    // In line: an entry that is built on the stack and copied in halves makes the processor wait.
    #[inline(always)]
    pub(crate) fn push(&self, entry: Entry) -> u64 {
        let mut entries = self.entries.borrow_mut();
        let number = self.front.get() + entries.len() as u64;
        entries.push_back(entry);
        number
    }

    /// Appends a part of a job, as [`ReadyQueue::push`] does.
    #[inline(always)]
    pub(crate) fn push_job(&self, job: Rc<dyn Job>, part: u64) {
        self.entries.borrow_mut().push_back(Entry::Job(job, part));
    }

    /// Takes the entry at the front.
    pub(crate) fn pop(&self) -> Option<Entry> {
        let entry = self.entries.borrow_mut().pop_front()?;
        self.front.set(self.front.get() + 1);
        Some(entry)
    }

    /// Takes what is queued under `number` out of the queue.
    pub(crate) fn cancel(&self, number: u64) -> Option<Entry> {
        let index = usize::try_from(number.checked_sub(self.front.get())?).ok()?;
        match std::mem::replace(self.entries.borrow_mut().get_mut(index)?, Entry::Cancelled) {
            Entry::Cancelled => None,
            entry => Some(entry),
        }
    }

    /// Returns how many entries wait.
    pub(crate) fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// Tells whether nothing is ready.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.borrow().is_empty()
    }

    /// Returns how many entries have ever been queued.
    pub(crate) fn hops(&self) -> u64 {
        self.front.get() + self.len() as u64
    }

    /// Gives back room beyond so many entries, as far as it is empty.
    pub(crate) fn shrink_to(&self, entries: usize) {
        self.entries.borrow_mut().shrink_to(entries);
    }

    /// Calls `see` with every waiting entry, front first.
    pub(crate) fn for_each(&self, see: impl FnMut(&Entry)) {
        self.entries.borrow().iter().for_each(see);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Entry {
        Entry::Call(Box::new(|| ()), Location::caller())
    }

    #[test]
    fn a_number_finds_its_entry_wherever_the_front_is() {
        let queue = ReadyQueue::default();
        let numbers: Vec<u64> = (0..5).map(|_| queue.push(call())).collect();
        queue.pop();
        queue.pop();
        assert!(queue.cancel(numbers[1]).is_none(), "it has left");
        assert!(queue.cancel(numbers[3]).is_some());
        assert!(queue.cancel(numbers[3]).is_none(), "it is cancelled already");
        assert!(queue.cancel(99).is_none(), "it has not come yet");
        assert!(matches!(queue.pop(), Some(Entry::Call(..))));
        assert!(matches!(queue.pop(), Some(Entry::Cancelled)));
        assert_eq!(queue.hops(), 5);
    }
}
