//! What one case draws from, keeps and counts.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::panic::resume_unwind;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use api_callbacks::combine::Completion;
use loop_core::{Abort, Cancelled, LoopHandle, LoopTime};

pub(super) type Done = Completion<Tracked, io::Error>;

/// Random numbers, what is alive, and what the program keeps.
pub(super) struct World {
    pub(super) handle: LoopHandle,
    random: Cell<u64>,
    /// Whether destructors and the like may panic.
    panics: bool,
    pub(super) alive: Cell<i64>,
    pub(super) kept: RefCell<Vec<Done>>,
    pub(super) dropped_reports: Cell<usize>,
    /// Parts that were pending when their tree had ended.
    pub(super) missed: RefCell<Vec<String>>,
    /// How many sleeps have begun: each gets a deadline of its own.
    sleeps: Cell<u64>,
}

/// The parts of one tree that have begun.
#[derive(Default)]
pub(super) struct Tree {
    /// Whether a part of it may complete from inside its cancel, against the rule: what a map begins
    /// for that is not among the parts that the cancel goes through.
    pub(super) breaks_the_rule: Cell<bool>,
    parts: RefCell<Vec<Rc<Part>>>,
}

/// A part of a tree that has begun.
#[derive(Debug)]
pub(super) struct Part {
    /// The deadline of its timer, which is gone once the part is cancelled; the program ends a part
    /// without one.
    deadline: Option<LoopTime>,
    /// Whether it has ended, or was asked to.
    reached: Cell<bool>,
}

/// Notes that a part has ended, also when its completion is dropped.
pub(super) struct End(pub(super) Rc<Part>);

/// Something captured; it counts, and it may panic when it is dropped.
pub(super) struct Tracked {
    world: Rc<World>,
    panics: bool,
}

impl World {
    /// Makes the world of one case, and has it hear what its loop reports.
    pub(super) fn new(handle: &LoopHandle, seed: u64) -> Rc<World> {
        let world = Rc::new(World {
            handle: handle.clone(),
            random: Cell::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            panics: !seed.is_multiple_of(4),
            alive: Cell::new(0),
            kept: RefCell::default(),
            dropped_reports: Cell::new(0),
            missed: RefCell::default(),
            sleeps: Cell::new(0),
        });
        let told = Rc::downgrade(&world);
        handle.set_exception_handler(move |_, context| {
            if let Some(world) = told.upgrade()
                && context.message.contains("dropped uncalled")
            {
                world.dropped_reports.set(world.dropped_reports.get() + 1);
            }
        });
        world
    }

    pub(super) fn below(&self, bound: u64) -> u64 {
        let mut random = self.random.get();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random.set(random);
        (random >> 16) % bound
    }

    /// Panics without a word, once in so many times.
    pub(super) fn may_panic(&self, once_in: u64) {
        if self.panics && self.below(once_in) == 0 {
            match self.below(40) {
                0 => resume_unwind(Box::new(Abort)),
                _ => resume_unwind(Box::new("on purpose")),
            }
        }
    }

    pub(super) fn track(self: &Rc<World>) -> Tracked {
        self.alive.set(self.alive.get() + 1);
        Tracked { world: self.clone(), panics: self.panics && self.below(12) == 0 }
    }

    /// A value: several of them in one vector would end the process if two panicked, as in plain Rust.
    pub(super) fn value(self: &Rc<World>) -> Tracked {
        let mut value = self.track();
        value.panics = false;
        value
    }

    /// Draws a delay; no two sleeps that begin at one time have the same deadline.
    pub(super) fn delay(&self) -> Duration {
        self.sleeps.set(self.sleeps.get() + 1);
        Duration::from_millis(self.below(30)) + Duration::from_nanos(self.sleeps.get())
    }

    /// Looks for parts of a tree that has ended which nothing has asked to end.
    pub(super) fn look_for_missed(&self, why: &str, tree: &Tree) {
        let parts = tree.parts.take();
        if parts.is_empty() || tree.breaks_the_rule.get() {
            return;
        }
        let timed = self.handle.snapshot().timed;
        for part in parts {
            let has_timer = |deadline| timed.iter().any(|timer| timer.deadline == deadline);
            if !part.reached.get() && part.deadline.is_none_or(has_timer) {
                self.missed.borrow_mut().push(format!("{part:?} of a tree that {why}"));
            }
        }
    }

    pub(super) fn result(self: &Rc<World>) -> io::Result<Tracked> {
        match self.below(4) {
            0 => Err(ErrorKind::NotFound.into()),
            1 if self.below(4) == 0 => Err(Cancelled.into()),
            _ => Ok(self.value()),
        }
    }
}

impl Tree {
    /// Notes a part that begins.
    pub(super) fn add(&self, deadline: Option<LoopTime>) -> Rc<Part> {
        let part = Rc::new(Part { deadline, reached: Cell::new(false) });
        self.parts.borrow_mut().push(part.clone());
        part
    }
}

impl Part {
    /// Notes that the part was asked to end.
    pub(super) fn reach(&self) {
        self.reached.set(true);
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.0.reach();
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.world.alive.set(self.world.alive.get() - 1);
        if self.panics && !thread::panicking() {
            resume_unwind(Box::new("a destructor"));
        }
    }
}
