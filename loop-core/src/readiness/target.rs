//! What the kernel watches for the loop: a socket that lives on it, or a raw descriptor.

use std::cell::{Cell, Ref, RefCell};
use std::panic::Location;
use std::rc::Rc;

use mio::Token;
use slab::Slab;

use crate::readiness::descriptors::Watch;
use crate::readiness::direction::Direction;
use crate::readiness::waiters::Readiness;

/// What a row of the loop's table stands for. An enum and no trait object: every event passes here.
#[derive(Clone)]
pub(crate) enum Target {
    /// A socket, which parks what waits for it.
    Socket(Rc<Readiness>),
    /// A raw descriptor, which calls whoever watches it.
    Watch(Rc<Watch>),
}

impl Target {
    /// Returns where the target was created.
    pub(crate) fn created_at(&self) -> &'static Location<'static> {
        match self {
            Target::Socket(readiness) => readiness.created_at(),
            Target::Watch(watch) => watch.created_at(),
        }
    }

    /// Tells whether something waits in this direction.
    pub(crate) fn is_parked(&self, direction: Direction) -> bool {
        match self {
            Target::Socket(readiness) => readiness.is_parked(direction),
            Target::Watch(watch) => watch.is_watched(direction),
        }
    }
}

/// A row of the table.
pub(crate) struct Row {
    /// The upper half of the token: a stale event does not meet the row's next owner.
    generation: u32,
    target: Target,
}

/// The table's rows, borrowed for a batch of events.
pub(crate) type Rows<'a> = Ref<'a, Slab<Row>>;

/// The table of what the kernel watches; a token names a row of it.
#[derive(Default)]
pub(crate) struct Targets {
    rows: RefCell<Slab<Row>>,
    generation: Cell<u32>,
}

/// Returns the target that a token names, if that still lives.
#[inline(always)]
pub(crate) fn named_by<'a>(token: Token, rows: &'a Rows<'_>) -> Option<&'a Target> {
    let (generation, row) = ((token.0 >> 32) as u32, token.0 & 0xffff_ffff);
    rows.get(row).filter(|row| row.generation == generation).map(|row| &row.target)
}

impl Targets {
    /// Enters a target and returns its row and token.
    pub(crate) fn insert(&self, target: Target) -> (usize, Token) {
        let generation = self.generation.get().wrapping_add(1) & 0x7fff_ffff;
        self.generation.set(generation);
        let row = self.rows.borrow_mut().insert(Row { generation, target });
        (row, Token((generation as usize) << 32 | row))
    }

    /// Takes a target out.
    pub(crate) fn remove(&self, row: usize) {
        // A closed loop has emptied its table already.
        let removed = self.rows.borrow_mut().try_remove(row);
        drop(removed);
    }

    /// Borrows the rows.
    pub(crate) fn borrow(&self) -> Rows<'_> {
        self.rows.borrow()
    }

    /// Returns the targets.
    pub(crate) fn all(&self) -> Vec<Target> {
        self.rows.borrow().iter().map(|(_, row)| row.target.clone()).collect()
    }

    /// Takes all rows out.
    pub(crate) fn take(&self) -> Slab<Row> {
        self.rows.take()
    }
}
