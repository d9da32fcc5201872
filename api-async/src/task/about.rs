//! What reports and dumps tell of a task, and what few tasks have.

use std::cell::Cell;
use std::panic::Location;
use std::time::Duration;

use loop_core::{Handle, LoopTime};

use crate::task::current::Wait;

/// What reports and dumps tell of a task.
pub(crate) struct About {
    /// What names a task that was given no name.
    pub(crate) spawned_at: Cell<&'static Location<'static>>,
    /// How often it was polled: none is told of, where polls are watched.
    pub(crate) polls: Cell<u32>,
    /// How often it was woken; more than it was polled, if several wakes were one poll.
    pub(crate) wakes: Cell<u32>,
    /// What the last poll came to wait for.
    pub(crate) waits: Cell<Wait>,
    /// Since when it waits, if the loop's polls are watched.
    pub(crate) since: Cell<Option<LoopTime>>,
    /// What is seldom there; boxed, so that it takes one word of every slot.
    pub(crate) rare: Cell<Option<Box<Rare>>>,
}

/// What few tasks have.
#[derive(Default)]
pub(crate) struct Rare {
    /// What the program calls it.
    pub(crate) name: Option<String>,
    /// What its panic said.
    pub(crate) panicked: Option<String>,
    /// How long the end of a run waits for the task.
    pub(crate) shield: Option<Duration>,
    /// The timer that aborts the task, from the moment when it was cancelled.
    pub(crate) late: Option<Handle>,
}

impl About {
    /// Makes what is told of no task yet.
    pub(crate) fn new() -> About {
        About {
            spawned_at: Cell::new(Location::caller()),
            polls: Cell::new(0),
            wakes: Cell::new(0),
            waits: Cell::default(),
            since: Cell::default(),
            rare: Cell::default(),
        }
    }

    /// Begins anew for the next task of the slot.
    pub(crate) fn begin(&self, spawned_at: &'static Location<'static>) {
        self.spawned_at.set(spawned_at);
        self.polls.set(0);
        self.wakes.set(0);
        self.waits.set(Wait::Yielding);
    }

    /// Looks at, or changes, what few tasks have.
    pub(crate) fn rare<R>(&self, change: impl FnOnce(&mut Rare) -> R) -> R {
        let mut rare = self.rare.take().unwrap_or_default();
        let changed = change(&mut rare);
        self.rare.set(Some(rare));
        changed
    }

    /// Looks at what few tasks have, if this one has it.
    fn look<R>(&self, look: impl FnOnce(&mut Rare) -> Option<R>) -> Option<R> {
        let mut rare = self.rare.take();
        let seen = rare.as_deref_mut().and_then(look);
        self.rare.set(rare);
        seen
    }

    /// Returns the task's name.
    pub(crate) fn name(&self) -> Option<String> {
        self.look(|rare| rare.name.clone())
    }

    /// Returns how long the end of a run waits for the task, if it does.
    pub(crate) fn shield(&self) -> Option<Duration> {
        self.look(|rare| rare.shield)
    }

    /// Tells whether a timer will abort the task.
    pub(crate) fn ends_late(&self) -> bool {
        self.look(|rare| rare.late.as_ref().map(drop)).is_some()
    }

    /// Takes the timer back that would abort the task.
    pub(crate) fn cancel_late(&self) {
        if let Some(late) = self.look(|rare| rare.late.take()) {
            late.cancel();
        }
    }
}

/// Says which task it is, for a report.
pub(crate) fn describe(name: Option<String>) -> String {
    name.map_or("a task".into(), |name| format!("the task {name:?}"))
}
