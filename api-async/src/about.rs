//! What is told of a task, and what few tasks have.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use loop_core::{Context, Handle};

use crate::contain;
use crate::current::Wait;
use crate::slot::Slot;

/// What is told of a task.
pub(crate) struct About {
    pub(crate) spawned_at: Cell<&'static Location<'static>>,
    pub(crate) polls: Cell<u32>,
    pub(crate) wakes: Cell<u32>,
    pub(crate) waits: Cell<Wait>,
    /// Since when it waits, if the loop's polls are watched.
    pub(crate) since: Cell<Option<Duration>>,
    /// What is seldom there.
    pub(crate) rare: Cell<Option<Box<Rare>>>,
}

/// What few tasks have.
#[derive(Default)]
pub(crate) struct Rare {
    pub(crate) name: Option<String>,
    /// What its panic said.
    pub(crate) panicked: Option<String>,
    /// How long the end of a run waits for the task.
    pub(crate) shield: Option<Duration>,
    /// The timer that aborts the task, from the moment when it was cancelled.
    late: Option<Handle>,
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

    /// Takes the timer back that would abort the task.
    pub(crate) fn cancel_late(&self) {
        if let Some(late) = self.look(|rare| rare.late.take()) {
            late.cancel();
        }
    }
}

/// Aborts a task after a while, if it has not ended by then, and tells the loop. A task that was
/// cancelled before keeps the limit of that moment, which ends earlier.
pub(crate) fn abort_late(slot: &Rc<Slot>, limit: Duration) {
    if slot.about.look(|rare| rare.late.as_ref().map(drop)).is_some() {
        return;
    }
    let (late, handle) = (slot.clone(), slot.executor.handle.clone());
    let timer = handle.call_later(limit, move || {
        let (task, place) = (late.describe(), late.about.spawned_at.get());
        let message = format!("{task} goes on {limit:?} after it was cancelled: it is aborted");
        contain::tell(&late.executor.handle, &Context::new(message).created_at(place));
        late.abort();
    });
    slot.about.rare(|rare| rare.late = Some(timer));
}
