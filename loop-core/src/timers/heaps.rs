//! Two heaps that are one.
//!
//! Rule: each entry of `first`, which is small, is greater than each of `many`. In a single heap the greatest
//! would climb the whole of it, and be taken out through all of its depth: what is soon due would cost more beside
//! a hundred thousand idle timeouts than beside a thousand.

use std::collections::BinaryHeap;

use crate::spares::stack::ROOM_LEAST;

/// How many entries may come before the many. More of them join the many, each once, and the greatest of all is
/// then what the next ones are compared with.
const FIRST_MAX: usize = 1_024;

/// A heap of many entries, and one of those that came before all of them.
pub(super) struct Heaps<T> {
    many: BinaryHeap<T>,
    first: BinaryHeap<T>,
}

impl<T: Ord> Heaps<T> {
    pub(super) fn push(&mut self, entry: T) {
        let is_one_of_many =
            self.many.peek().map_or(self.first.is_empty(), |greatest| entry <= *greatest);
        if is_one_of_many {
            self.many.push(entry);
        } else if self.first.len() < FIRST_MAX {
            self.first.push(entry);
        } else {
            self.many.append(&mut self.first);
            self.push(entry);
        }
    }

    /// Returns the greatest entry.
    pub(super) fn peek(&self) -> Option<&T> {
        self.first.peek().or_else(|| self.many.peek())
    }

    /// Takes the greatest entry out.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.first.pop().or_else(|| self.many.pop())
    }

    pub(super) fn len(&self) -> usize {
        self.many.len() + self.first.len()
    }

    /// Rebuilds both of those entries that are to be kept.
    pub(super) fn retain(&mut self, mut is_kept: impl FnMut(&T) -> bool) {
        self.many.retain(&mut is_kept);
        self.first.retain(is_kept);
    }

    pub(super) fn clear(&mut self) {
        self.many.clear();
        self.first.clear();
    }

    /// Gives back the room of entries that went.
    pub(super) fn shrink(&mut self) {
        for heap in [&mut self.many, &mut self.first] {
            heap.shrink_to(2 * heap.len() + ROOM_LEAST);
        }
    }
}

// A derived one would ask for `T: Default`.
impl<T: Ord> Default for Heaps<T> {
    fn default() -> Heaps<T> {
        Heaps { many: BinaryHeap::new(), first: BinaryHeap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_leave_in_order_whichever_heap_they_went_into() {
        let mut heaps = Heaps::default();
        let numbers = || (0..10_000).map(|number| number * 7_919 % 10_007);
        numbers().for_each(|number| heaps.push(number));
        assert!(!heaps.many.is_empty() && !heaps.first.is_empty());
        heaps.retain(|number| number % 3 != 0);
        let mut kept: Vec<_> = numbers().filter(|number| number % 3 != 0).collect();
        kept.sort_unstable();
        assert_eq!(heaps.len(), kept.len());
        while let Some(number) = kept.pop() {
            assert_eq!(heaps.peek(), Some(&number));
            assert_eq!(heaps.pop(), Some(number));
        }
        assert_eq!((heaps.pop(), heaps.len()), (None, 0));
    }

    #[test]
    fn what_comes_when_the_many_have_gone_keeps_its_order() {
        let mut heaps = Heaps::default();
        [1, 5].into_iter().for_each(|number| heaps.push(number));
        heaps.retain(|number| *number != 1);
        [9, 3].into_iter().for_each(|number| heaps.push(number));
        let left: Vec<_> = std::iter::from_fn(|| heaps.pop()).collect();
        assert_eq!(left, [9, 5, 3]);
    }

    /// What an entry costs is the depth of the heap that it passes through.
    #[test]
    fn what_comes_first_meets_as_few_entries_beside_many_others_as_beside_few() {
        for others in [10_000, 100_000] {
            let orders: [fn(u32, u32) -> u32; 3] = [
                |_, number| number,
                |others, number| others - number,
                |others, number| number * 7_919 % others,
            ];
            for order in orders {
                let mut heaps = Heaps::default();
                // The one that is least is there before all others.
                heaps.push(0);
                (0..others).for_each(|number| heaps.push(1 + order(others, number)));
                assert!(heaps.first.len() <= FIRST_MAX && heaps.len() == others as usize + 1);
                for _ in 0..FIRST_MAX {
                    let entries = [2, 3, 4, 5].map(|more| others + more);
                    entries.iter().for_each(|entry| heaps.push(*entry));
                    assert!(heaps.first.len() <= FIRST_MAX);
                    entries.iter().rev().for_each(|entry| assert_eq!(heaps.pop(), Some(*entry)));
                }
            }
        }
    }
}
