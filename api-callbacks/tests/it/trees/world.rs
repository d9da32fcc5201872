//! What one case draws from, keeps and counts.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::panic::resume_unwind;
use std::rc::Rc;
use std::thread;

use api_callbacks::combine::Completion;
use loop_core::{Abort, Cancelled, LoopHandle};

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
}

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

    pub(super) fn result(self: &Rc<World>) -> io::Result<Tracked> {
        match self.below(4) {
            0 => Err(ErrorKind::NotFound.into()),
            1 if self.below(4) == 0 => Err(Cancelled.into()),
            _ => Ok(self.value()),
        }
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
