//! The heap of deadlines.
//!
//! The heap orders `(deadline, sequence)`. What is to run lives in a slab beside it. Cancelling takes it
//! out of the slab at once and leaves a dead entry in the heap, which is dropped when it reaches the top,
//! or in a sweep when more than half of over 100 are dead. No cancel scans. The heap is two, of which one
//! is small ([`heaps`]).

mod heaps;

use std::cell::RefCell;
use std::cmp::Reverse;
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;

use slab::Slab;

use self::heaps::Heaps;
use crate::job::Job;
use crate::kit::loop_time::LoopTime;
use crate::spares::stack::{shrink, shrink_slab};

/// Below this many entries a sweep is not worth its while (asyncio: `_MIN_SCHEDULED_TIMER_HANDLES`).
const SWEEP_MIN: usize = 100;

/// The number in a row without a timer.
const VACANT: u64 = u64::MAX;

/// Names a timer: a stale key never meets a reused row, since sequence numbers are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey {
    row: usize,
    sequence: u64,
}

/// What a timer does when its turn comes.
pub(crate) enum Action {
    /// Runs a closure.
    Call(Box<dyn FnOnce()>),
    /// Runs a part of a shared job.
    Job(Rc<dyn Job>, u64),
    /// Wakes a task.
    Wake(Waker),
}

/// A timer that has not run.
struct Timer {
    /// What it does.
    action: Action,
    /// As in the heap; for a snapshot of the timers.
    deadline: LoopTime,
    /// Whether it has left the heap for the ready queue; the count of the dead leaves it out then.
    due: bool,
    /// For the report of its failure, and for a snapshot of the timers.
    scheduled_at: &'static Location<'static>,
}

/// What the heap orders: a timer's deadline, its number, its row.
type HeapEntry = Reverse<(LoopTime, u64, usize)>;

/// The heap, and the rows beside it.
#[derive(Default)]
struct Schedule {
    /// The earliest deadline on top; dead entries among the others.
    heap: Heaps<HeapEntry>,
    /// What is to run, so that a cancel takes it out without a search of the heap.
    rows: Slab<Timer>,
    /// The number of the timer that is in each row, or [`VACANT`]. Apart from the rows, since a
    /// sweep asks nothing else of them, and numbers alone stay in the cache.
    owners: Vec<u64>,
    /// The number of the next timer: equal deadlines expire in the order of their numbers.
    sequence: u64,
    /// How many entries of the heap have lost their row.
    dead: usize,
}

/// Every outstanding timer of a loop.
#[derive(Default)]
pub(crate) struct Timers {
    schedule: RefCell<Schedule>,
}

impl Timers {
    /// Adds a timer.
    pub(crate) fn insert(
        &self,
        deadline: LoopTime,
        action: Action,
        scheduled_at: &'static Location<'static>,
    ) -> TimerKey {
        let mut schedule = self.schedule.borrow_mut();
        let sequence = schedule.sequence;
        schedule.sequence += 1;
        let row = schedule.rows.insert(Timer { action, deadline, due: false, scheduled_at });
        if row == schedule.owners.len() {
            schedule.owners.push(sequence);
        } else {
            schedule.owners[row] = sequence;
        }
        schedule.heap.push(Reverse((deadline, sequence, row)));
        TimerKey { row, sequence }
    }

    /// Takes a timer's action out, if it has neither run nor been cancelled.
    pub(crate) fn take(&self, key: TimerKey) -> Option<(Action, &'static Location<'static>)> {
        let mut schedule = self.schedule.borrow_mut();
        if *schedule.owners.get(key.row)? != key.sequence {
            return None;
        }
        schedule.owners[key.row] = VACANT;
        let row = schedule.rows.remove(key.row);
        if !row.due {
            schedule.dead += 1;
            schedule.sweep();
        }
        Some((row.action, row.scheduled_at))
    }

    /// Tells whether no deadline is outstanding; that of a cancelled timer is not.
    pub(crate) fn is_empty(&self) -> bool {
        let schedule = self.schedule.borrow();
        schedule.heap.len() == schedule.dead
    }

    /// Returns the earliest deadline.
    pub(crate) fn next_deadline(&self) -> Option<LoopTime> {
        let mut schedule = self.schedule.borrow_mut();
        schedule.drop_dead_top();
        schedule.heap.peek().map(|&Reverse((deadline, ..))| deadline)
    }

    /// Moves the earliest timer out of the heap if its deadline is not after `now`.
    pub(crate) fn pop_due(&self, now: LoopTime) -> Option<TimerKey> {
        let mut schedule = self.schedule.borrow_mut();
        schedule.drop_dead_top();
        let &Reverse((deadline, sequence, row)) = schedule.heap.peek()?;
        if deadline > now {
            return None;
        }
        schedule.heap.pop();
        schedule.rows[row].due = true;
        Some(TimerKey { row, sequence })
    }

    /// Takes all timers out, so that the caller can end or drop them outside every borrow.
    pub(crate) fn clear(&self) -> Vec<Action> {
        let mut schedule = self.schedule.borrow_mut();
        schedule.heap.clear();
        schedule.owners.clear();
        schedule.dead = 0;
        schedule.rows.drain().map(|row| row.action).collect()
    }

    /// Gives back the room of timers that went.
    pub(crate) fn shrink(&self) {
        let schedule = &mut *self.schedule.borrow_mut();
        shrink_slab(&mut schedule.rows);
        schedule.owners.truncate(schedule.rows.capacity());
        shrink(&mut schedule.owners);
        schedule.heap.shrink();
    }

    /// Calls `see` with the deadline and the place of scheduling of every timer in the heap.
    pub(crate) fn for_each(&self, mut see: impl FnMut(LoopTime, &'static Location<'static>)) {
        for (_, row) in self.schedule.borrow().rows.iter().filter(|(_, row)| !row.due) {
            see(row.deadline, row.scheduled_at);
        }
    }
}

impl Schedule {
    /// Drops dead entries from the top of the heap.
    fn drop_dead_top(&mut self) {
        while self.heap.peek().is_some_and(|top| is_dead(&self.owners, top)) {
            self.heap.pop();
            self.dead -= 1;
        }
    }

    /// Rebuilds the heap when more than half of it is dead.
    fn sweep(&mut self) {
        if self.heap.len() > SWEEP_MIN && self.dead > self.heap.len() / 2 {
            self.heap.retain(|entry| !is_dead(&self.owners, entry));
            self.dead = 0;
        }
    }
}

/// Tells whether an entry of the heap has lost its row.
fn is_dead(owners: &[u64], &Reverse((_, sequence, row)): &HeapEntry) -> bool {
    // The row may be gone by now.
    owners.get(row) != Some(&sequence)
}
#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(millis: u64) -> LoopTime {
        LoopTime::ORIGIN + Duration::from_millis(millis)
    }

    fn insert(timers: &Timers, millis: u64) -> TimerKey {
        let action = Action::Call(Box::new(|| ()));
        timers.insert(at(millis), action, Location::caller())
    }

    #[test]
    fn equal_deadlines_expire_in_the_order_of_scheduling() {
        let timers = Timers::default();
        let keys: Vec<TimerKey> = (0..8).map(|_| insert(&timers, 5)).collect();
        let due: Vec<TimerKey> = std::iter::from_fn(|| timers.pop_due(at(5))).collect();
        assert_eq!(due, keys);
    }

    #[test]
    fn a_cancelled_timer_leaves_the_count_of_the_dead_right() {
        let timers = Timers::default();
        let due = insert(&timers, 1);
        let pending = insert(&timers, 2);
        assert_eq!(timers.pop_due(at(1)), Some(due));
        assert!(timers.take(due).is_some(), "cancelled after its deadline");
        assert_eq!(timers.schedule.borrow().dead, 0, "it had left the heap");
        assert!(timers.take(pending).is_some());
        assert_eq!(timers.schedule.borrow().dead, 1);
        assert_eq!(timers.next_deadline(), None);
        assert_eq!(timers.schedule.borrow().dead, 0);
    }

    #[test]
    fn a_stale_key_does_not_meet_the_next_owner_of_its_row() {
        let timers = Timers::default();
        let first = insert(&timers, 1);
        assert!(timers.take(first).is_some());
        let second = insert(&timers, 1);
        assert_eq!(first.row, second.row);
        assert!(timers.take(first).is_none());
        assert!(timers.take(second).is_some());
    }

    #[test]
    fn mass_cancelling_sweeps_the_heap() {
        let timers = Timers::default();
        let keys: Vec<TimerKey> = (0..1_000).map(|i| insert(&timers, i)).collect();
        for key in &keys[..900] {
            timers.take(*key);
        }
        let schedule = timers.schedule.borrow();
        assert!(schedule.heap.len() <= 2 * (1_000 - 900) + 1, "{} left", schedule.heap.len());
        assert_eq!(schedule.heap.len() - schedule.dead, 100);
    }

    #[test]
    fn sweeps_look_at_a_few_entries_for_each_cancel_however_many_are_outstanding() {
        for outstanding in [1_000, 100_000] {
            let timers = Timers::default();
            let keys: Vec<TimerKey> = (0..outstanding).map(|i| insert(&timers, i)).collect();
            let mut looked_at = 0;
            for key in &keys {
                let before = timers.schedule.borrow().heap.len();
                timers.take(*key);
                // A cancel that did not shrink the heap did not look at it.
                if timers.schedule.borrow().heap.len() < before {
                    looked_at += before;
                }
            }
            assert!(looked_at <= 2 * keys.len(), "{looked_at} of {outstanding}");
            assert!(timers.schedule.borrow().heap.len() <= SWEEP_MIN);
        }
    }
}
