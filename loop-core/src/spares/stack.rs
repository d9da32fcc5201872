//! A stack of what has served and waits to be used again.

use slab::Slab;

/// Less room than this, in entries, is not given back: it would be asked for again.
pub(crate) const ROOM_LEAST: usize = 64;

/// Things of one kind that have served and wait to be used again.
///
/// The stack keeps what comes back, without a bound, and knows how few lay in it since its last
/// surplus was taken: so many were not needed in all that time. A loop has them taken when a window of its turns ends ([`LoopHandle::give_back_with`](crate::LoopHandle::give_back_with)).
///
/// TCMalloc: the low-water mark of a thread's cache.
///
/// ```
/// use loop_core::Spares;
///
/// let mut spares = Spares::new();
/// ["a", "b", "c"].into_iter().for_each(|spare| spares.keep(spare));
/// assert_eq!(spares.take_surplus(), None);
/// let used = spares.take().unwrap();
/// spares.keep(used);
/// assert_eq!(std::iter::from_fn(|| spares.take_surplus()).count(), 2);
/// ```
#[derive(Debug)]
pub struct Spares<T> {
    /// What came back last is used first: it is in the processor's cache.
    stack: Vec<T>,
    /// The fewest that lay here since surplus was asked for.
    least: usize,
}

impl<T> Spares<T> {
    /// Makes an empty stack.
    pub const fn new() -> Spares<T> {
        Spares { stack: Vec::new(), least: 0 }
    }

    /// Takes what came back last.
    #[inline]
    pub fn take(&mut self) -> Option<T> {
        let spare = self.stack.pop()?;
        if self.stack.len() < self.least {
            self.least = self.stack.len();
        }
        Some(spare)
    }

    /// Takes the last of those that `suits`, where things of several kinds lie in one stack.
    pub fn take_if(&mut self, suits: impl FnMut(&T) -> bool) -> Option<T> {
        let index = self.stack.iter().rposition(suits)?;
        self.least = self.least.min(self.stack.len() - 1);
        Some(self.stack.swap_remove(index))
    }

    /// Keeps what has served.
    #[inline]
    pub fn keep(&mut self, spare: T) {
        self.stack.push(spare);
    }

    /// Takes one of those that nothing has needed, to be dropped outside of a borrow; `None` when none is
    /// left, and from then on it is counted anew what is needed.
    pub fn take_surplus(&mut self) -> Option<T> {
        if self.least == 0 {
            self.least = self.stack.len();
            return None;
        }
        self.least -= 1;
        let surplus = self.stack.swap_remove(0);
        if self.least == 0 {
            shrink(&mut self.stack);
        }
        Some(surplus)
    }
}

impl<T> Default for Spares<T> {
    fn default() -> Spares<T> {
        Spares::new()
    }
}

/// Gives back the room of a vector of which less than a quarter is used; twice what is used is left.
pub(crate) fn shrink<T>(vector: &mut Vec<T>) {
    if is_roomy(vector.len(), vector.capacity()) {
        vector.shrink_to((2 * vector.len()).max(ROOM_LEAST));
    }
}

/// Gives back the room of a table of which less than a quarter is used, as far as its last rows are free.
pub(crate) fn shrink_slab<T>(slab: &mut Slab<T>) {
    if is_roomy(slab.len(), slab.capacity()) {
        slab.shrink_to_fit();
    }
}

fn is_roomy(used: usize, room: usize) -> bool {
    room > ROOM_LEAST && used < room / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends a window; returns how many were surplus.
    fn end_window<T>(spares: &mut Spares<T>) -> usize {
        std::iter::from_fn(|| spares.take_surplus()).count()
    }

    #[test]
    fn what_a_window_needed_is_kept_and_the_rest_goes() {
        let mut spares = Spares::new();
        (0..1_000).for_each(|number| spares.keep(number));
        assert_eq!(end_window(&mut spares), 0, "all came in this window");
        for _ in 0..10 {
            let used: Vec<i32> = (0..3).map(|_| spares.take().unwrap()).collect();
            used.into_iter().for_each(|spare| spares.keep(spare));
        }
        assert_eq!(end_window(&mut spares), 997);
        assert_eq!(spares.stack.capacity(), ROOM_LEAST);
        assert_eq!(end_window(&mut spares), 3, "a window that needs none leaves none");
    }

    #[test]
    fn a_stack_that_runs_empty_has_no_surplus() {
        let mut spares = Spares::new();
        spares.keep('a');
        end_window(&mut spares);
        assert_eq!(spares.take(), Some('a'));
        assert_eq!(spares.take(), None);
        spares.keep('a');
        spares.keep('b');
        assert_eq!(end_window(&mut spares), 0);
    }

    #[test]
    fn one_of_several_kinds_is_found_below_the_others() {
        let mut spares = Spares::new();
        [1, 2, 3].into_iter().for_each(|number| spares.keep(number));
        assert_eq!(spares.take_if(|number| *number == 1), Some(1));
        assert_eq!(spares.take_if(|number| *number == 1), None);
        assert_eq!(spares.take(), Some(2), "the last took the place of the one that went");
    }
}
