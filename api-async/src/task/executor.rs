//! The executor: it puts a task into a slot, finds the slot that a waker means, and drops all tasks
//! of a loop that is closed. What runs a task is the loop, whose ready queue holds its slot.
//!
//! A waker may be sent anywhere, so that it can hold no more than the number of a row in the table of
//! its thread. The row knows its waker: where the two agree, the wake comes from the loop's own thread,
//! and is a push on the ready queue; everywhere else it goes through the loop's `Remote`.

use std::cell::RefCell;
use std::iter;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};

use loop_core::{LocalWake, LoopHandle};

use crate::task::current::{self, Inside};
use crate::task::erased::ErasedFuture;
use crate::task::loop_tasks::LoopTasks;
use crate::task::slot::Slot;
use crate::task::waker::TaskWaker;

/// All tasks of a thread, whichever of its loops they run on.
struct Table {
    /// A slot for each task of the peak; none where it was given back, or its loop was closed.
    rows: Vec<Option<Rc<Slot>>>,
    /// The rows without a slot, for the slots of loops to come.
    vacant: Vec<usize>,
    /// The loops of this thread that have run a task: few, so that they are searched.
    loops: Vec<Rc<LoopTasks>>,
    /// How many tasks there were; it numbers the next, and no number comes twice.
    spawned: u64,
}

thread_local! {
    static TABLE: RefCell<Table> = const { RefCell::new(Table::new()) };
}

/// Puts a task on its loop; one that is closing drops it, as aborted.
pub(crate) fn insert(
    handle: &LoopHandle,
    future: Pin<Box<dyn ErasedFuture>>,
    spawned_at: &'static Location<'static>,
) -> Rc<Slot> {
    let taken = TABLE.with_borrow_mut(|table| {
        table.spawned += 1;
        (table.take_free(handle.id()), table.spawned)
    });
    let (slot, number) = match taken {
        (Some(slot), number) => (slot, number),
        (None, number) => (new_slot(handle), number),
    };
    slot.fill(number, future, spawned_at);
    slot
}

/// Makes a slot in a row of its own.
fn new_slot(handle: &LoopHandle) -> Rc<Slot> {
    let loop_tasks = loop_tasks(handle);
    TABLE.with_borrow_mut(|table| {
        if handle.is_closing() {
            // It is in no row: nothing can wake what never runs.
            let slot = Slot::new(loop_tasks, usize::MAX);
            slot.lose_row();
            return Rc::new(slot);
        }
        let row = table.vacant.pop().unwrap_or_else(|| {
            table.rows.push(None);
            table.rows.len() - 1
        });
        let slot = Rc::new(Slot::new(loop_tasks, row));
        table.rows[row] = Some(slot.clone());
        slot
    })
}

/// Returns what the tasks of a loop share; the first call makes it.
pub(crate) fn loop_tasks(handle: &LoopHandle) -> Rc<LoopTasks> {
    let id = handle.id();
    let found = TABLE
        .with_borrow(|table| table.loops.iter().find(|tasks| tasks.handle.id() == id).cloned());
    found.unwrap_or_else(|| {
        let loop_tasks = Rc::new(LoopTasks::new(handle));
        if !handle.is_closing() {
            TABLE.with_borrow_mut(|table| table.loops.push(loop_tasks.clone()));
            let closing = loop_tasks.clone();
            handle.on_close(move || close(&closing));
            handle.give_back_with(give_back);
        }
        loop_tasks
    })
}

/// Returns the slots of a loop that hold a task, in the order of the spawning.
pub(crate) fn slots(loop_tasks: &Rc<LoopTasks>) -> Vec<Rc<Slot>> {
    let holds_task = |slot: &&Rc<Slot>| slot.is_of(loop_tasks) && slot.number() != 0;
    let mut slots: Vec<_> = TABLE
        .with_borrow(|table| table.rows.iter().flatten().filter(holds_task).cloned().collect());
    slots.sort_by_key(|slot| slot.number());
    slots
}

/// Returns how many rows have a slot of a loop, whether that holds a task or not.
pub(crate) fn row_count(loop_tasks: &Rc<LoopTasks>) -> usize {
    let of_loop = |slot: &&Rc<Slot>| slot.is_of(loop_tasks);
    TABLE.with_borrow(|table| table.rows.iter().flatten().filter(of_loop).count())
}

/// Drops all tasks of a loop; their futures are user code, so nothing is borrowed.
fn close(loop_tasks: &Rc<LoopTasks>) {
    let _inside = Inside::enter();
    for slot in remove(loop_tasks) {
        slot.abort();
    }
}

/// Forgets a loop, and returns the slots that held a task.
fn remove(loop_tasks: &Rc<LoopTasks>) -> Vec<Rc<Slot>> {
    let slots = slots(loop_tasks);
    let removed: Vec<_> = TABLE.with_borrow_mut(|table| {
        let Table { rows, vacant, loops, .. } = table;
        loops.retain(|other| !Rc::ptr_eq(other, loop_tasks));
        let numbered = rows.iter_mut().enumerate();
        let taken = numbered
            .filter_map(|(row, slot)| Some((row, slot.take_if(|slot| slot.is_of(loop_tasks))?)));
        taken
            .inspect(|(row, slot)| {
                slot.lose_row();
                vacant.push(*row);
            })
            .collect()
    });
    drop(removed);
    slots
}

/// Drops the slots that no task of a window of turns has needed. They hold none: no code of the program's
/// runs.
fn give_back() {
    let surplus = TABLE.try_with(|table| table.borrow_mut().take_surplus());
    drop(surplus);
}

/// Finds the task that is polled, if it is the one that `waker` wakes.
pub(crate) fn polled_by(waker: &Waker) -> Option<Rc<dyn LocalWake>> {
    let slot = polled();
    slot.filter(|slot| slot.is_woken_by(waker)).map(|slot| slot as Rc<dyn LocalWake>)
}

/// Returns the slot of the task that is polled.
pub(crate) fn polled() -> Option<Rc<Slot>> {
    let here = TABLE.try_with(|table| table.borrow().rows.get(current::row())?.clone());
    here.ok().flatten()
}

impl Table {
    const fn new() -> Table {
        Table { rows: Vec::new(), vacant: Vec::new(), loops: Vec::new(), spawned: 0 }
    }

    /// Takes a free slot of a loop, if it has one.
    fn take_free(&mut self, loop_id: u64) -> Option<Rc<Slot>> {
        let loop_tasks = self.loops.iter().find(|tasks| tasks.handle.id() == loop_id)?;
        let row = loop_tasks.take_free_row()?;
        let slot = self.rows[row].as_ref().expect("a free row has a slot");
        if slot.is_unique() {
            return Some(slot.clone());
        }
        // A waker of the task before is kept somewhere: the row begins anew, and does not know it.
        let fresh = Rc::new(Slot::new(slot.loop_tasks.clone(), row));
        slot.lose_row();
        self.rows[row].replace(fresh.clone());
        Some(fresh)
    }

    /// Takes out the slots that are more than the tasks need, and the rows at the table's end with them.
    fn take_surplus(&mut self) -> Vec<Rc<Slot>> {
        let mut surplus = Vec::new();
        for row in self.loops.iter().flat_map(|tasks| iter::from_fn(|| tasks.take_surplus_row())) {
            let slot = self.rows[row].take().expect("a free row has a slot");
            slot.lose_row();
            surplus.push(slot);
            self.vacant.push(row);
        }
        if !surplus.is_empty() {
            let used = self.rows.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
            self.rows.truncate(used);
            self.rows.shrink_to(2 * used);
            self.vacant.retain(|row| *row < used);
            self.vacant.shrink_to(self.rows.len());
        }
        surplus
    }
}

impl TaskWaker {
    /// Returns the slot, if this is the thread of its loop.
    fn slot(self: &Arc<Self>) -> Option<Rc<Slot>> {
        let knows = |slot: &&Rc<Slot>| Arc::ptr_eq(&slot.task_waker, self);
        let here = TABLE.try_with(|table| {
            let table = table.borrow();
            table.rows.get(self.row())?.as_ref().filter(knows).cloned()
        });
        here.ok().flatten()
    }

    fn wake_remotely(self: &Arc<Self>) {
        if !self.submit() {
            let task_waker = self.clone();
            // A closed loop has no task left to wake.
            let _ = self.remote().call_soon_threadsafe(move |_handle| {
                task_waker.arrive();
                task_waker.slot().iter().for_each(Slot::wake);
            });
        }
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        match self.slot() {
            Some(slot) => slot.wake(),
            None => self.wake_remotely(),
        }
    }
}
