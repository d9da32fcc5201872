//! The tasks of a thread, and the wakers that find their way back to them.
//!
//! A waker may be sent anywhere, so that it can hold no more than the number of a row. The row knows
//! its waker: where the two agree, the wake comes from the loop's own thread, and is a push on the
//! ready queue; everywhere else it goes through the loop's `Remote`.

use std::cell::RefCell;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};

use loop_core::{LocalWake, LoopHandle};

use crate::task::current::{self, Inside};
use crate::task::executor::Executor;
use crate::task::slot::Slot;
use crate::task::waker::TaskWaker;
use crate::task::work::Work;

/// All tasks of a thread, whichever of its loops they run on.
struct Table {
    rows: Vec<Option<Rc<Slot>>>,
    /// The rows that were a closed loop's.
    vacant: Vec<usize>,
    executors: Vec<Rc<Executor>>,
    /// How many tasks there were.
    number: u64,
}

thread_local! {
    static TABLE: RefCell<Table> = const { RefCell::new(Table::new()) };
}

/// Puts a task on its loop; one that is closing drops it, as aborted.
pub(crate) fn insert(
    handle: &LoopHandle,
    work: Pin<Box<dyn Work>>,
    spawned_at: &'static Location<'static>,
) -> Rc<Slot> {
    let taken = TABLE.with_borrow_mut(|table| {
        table.number += 1;
        (table.take_free(handle.id()), table.number)
    });
    let (slot, number) = match taken {
        (Some(slot), number) => (slot, number),
        (None, number) => (new_slot(handle), number),
    };
    slot.fill(number, work, spawned_at);
    slot
}

/// Makes a slot in a row of its own.
#[cold]
fn new_slot(handle: &LoopHandle) -> Rc<Slot> {
    let executor = executor(handle);
    TABLE.with_borrow_mut(|table| {
        if handle.is_closing() {
            // It is in no row: nobody can wake what never runs.
            let slot = Slot::new(executor, usize::MAX);
            slot.lose_row();
            return Rc::new(slot);
        }
        let row = table.vacant.pop().unwrap_or_else(|| {
            table.rows.push(None);
            table.rows.len() - 1
        });
        let slot = Rc::new(Slot::new(executor, row));
        table.rows[row] = Some(slot.clone());
        slot
    })
}

/// Returns the executor of a loop; the first call makes it.
pub(crate) fn executor(handle: &LoopHandle) -> Rc<Executor> {
    let id = handle.id();
    let found = TABLE.with_borrow(|table| {
        table.executors.iter().find(|executor| executor.handle.id() == id).cloned()
    });
    found.unwrap_or_else(|| {
        let executor = Rc::new(Executor::new(handle));
        if !handle.is_closing() {
            TABLE.with_borrow_mut(|table| table.executors.push(executor.clone()));
            let closing = executor.clone();
            handle.on_close(move || close(&closing));
        }
        executor
    })
}

/// Returns the slots of a loop that hold a task.
pub(crate) fn slots(executor: &Rc<Executor>) -> Vec<Rc<Slot>> {
    let of_loop = |slot: &&Rc<Slot>| Rc::ptr_eq(&slot.executor, executor) && slot.number() != 0;
    let mut slots: Vec<_> =
        TABLE.with_borrow(|table| table.rows.iter().flatten().filter(of_loop).cloned().collect());
    slots.sort_by_key(|slot| slot.number());
    slots
}

/// Drops all tasks of a loop; their futures may be anybody's code, so nothing is borrowed.
fn close(executor: &Rc<Executor>) {
    let _inside = Inside::enter();
    for slot in remove(executor) {
        slot.abort();
    }
}

/// Forgets a loop, and returns the slots that held a task.
fn remove(executor: &Rc<Executor>) -> Vec<Rc<Slot>> {
    let slots = slots(executor);
    let removed: Vec<_> = TABLE.with_borrow_mut(|table| {
        let Table { rows, vacant, executors, .. } = table;
        executors.retain(|other| !Rc::ptr_eq(other, executor));
        let of_loop = |slot: &mut Rc<Slot>| Rc::ptr_eq(&slot.executor, executor);
        let numbered = rows.iter_mut().enumerate();
        let taken = numbered.filter_map(|(row, slot)| Some((row, slot.take_if(of_loop)?)));
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

/// Finds the task that is polled, if it is the one that `waker` wakes.
#[cold]
pub(crate) fn find(waker: &Waker) -> Option<Rc<dyn LocalWake>> {
    let slot = polled();
    slot.filter(|slot| slot.is_woken_by(waker)).map(|slot| slot as Rc<dyn LocalWake>)
}

/// Returns the slot of the task that is polled.
#[cold]
pub(crate) fn polled() -> Option<Rc<Slot>> {
    let here = TABLE.try_with(|table| table.borrow().rows.get(current::row())?.clone());
    here.ok().flatten()
}

impl Table {
    const fn new() -> Table {
        Table { rows: Vec::new(), vacant: Vec::new(), executors: Vec::new(), number: 0 }
    }

    /// Takes a free slot of a loop, if it has one.
    #[inline]
    fn take_free(&mut self, loop_id: u64) -> Option<Rc<Slot>> {
        let executor = self.executors.iter().find(|executor| executor.handle.id() == loop_id)?;
        let row = executor.free.borrow_mut().pop()?;
        let slot = self.rows[row].as_ref().expect("a free row has a slot");
        if slot.is_unique() {
            return Some(slot.clone());
        }
        // Somebody keeps a waker of the task before: the row begins anew, and does not know it.
        let fresh = Rc::new(Slot::new(slot.executor.clone(), row));
        slot.lose_row();
        self.rows[row].replace(fresh.clone());
        Some(fresh)
    }
}

impl TaskWaker {
    /// Returns the slot, if this is the thread of its loop.
    #[inline]
    fn slot(self: &Arc<Self>) -> Option<Rc<Slot>> {
        let knows = |slot: &&Rc<Slot>| Arc::ptr_eq(&slot.task_waker, self);
        let here = TABLE.try_with(|table| {
            let table = table.borrow();
            table.rows.get(self.row())?.as_ref().filter(knows).cloned()
        });
        here.ok().flatten()
    }

    #[cold]
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

    #[inline]
    fn wake_by_ref(self: &Arc<Self>) {
        match self.slot() {
            Some(slot) => slot.wake(),
            None => self.wake_remotely(),
        }
    }
}
