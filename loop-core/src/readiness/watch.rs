//! Raw descriptors that are watched on behalf of their owners.
//!
//! mio reports edges; `add_reader` promises levels. A descriptor that fired is armed again before
//! the next poll, so that its callback runs as long as there is something to read.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::panic::Location;
use std::rc::Rc;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use crate::job::Job;
use crate::readiness::direction::Direction;
use crate::readiness::signs::Signs;
use crate::ready::ReadyQueue;

/// What is called again and again, until it is cancelled.
pub(crate) trait Watching: Job {
    /// Keeps it from running again, even if it is queued.
    fn cancel(&self);
}

/// A descriptor with a reader, a writer, or both.
pub(crate) struct Watch {
    /// Owns the descriptor, so that its number cannot be closed while it is registered.
    _owner: Rc<dyn AsFd>,
    /// Its number, asked for once: the owner might answer differently later.
    descriptor: RawFd,
    /// What runs when there is something to read.
    reader: RefCell<Option<Rc<dyn Watching>>>,
    /// What runs when there is room to write.
    writer: RefCell<Option<Rc<dyn Watching>>>,
    /// Where the watch stands in the reactor's table, which is known once it is there.
    row: Cell<usize>,
    /// What the kernel's events name it by.
    token: Cell<Token>,
    /// For the report of a failure, and for a snapshot of the loop.
    created_at: &'static Location<'static>,
}

impl Watch {
    /// Makes a watch with neither reader nor writer.
    pub(crate) fn new(owner: Rc<dyn AsFd>, created_at: &'static Location<'static>) -> Rc<Watch> {
        Rc::new(Watch {
            descriptor: owner.as_fd().as_raw_fd(),
            _owner: owner,
            reader: RefCell::default(),
            writer: RefCell::default(),
            row: Cell::new(0),
            token: Cell::new(Token(0)),
            created_at,
        })
    }

    /// Remembers where the watch stands in the reactor's table.
    pub(crate) fn placed(&self, (row, token): (usize, Token)) {
        self.row.set(row);
        self.token.set(token);
    }

    /// Returns the watch's row in the reactor's table.
    pub(crate) fn row(&self) -> usize {
        self.row.get()
    }

    /// Returns what the kernel's events name the watch by.
    pub(crate) fn token(&self) -> Token {
        self.token.get()
    }

    /// Registers the descriptor with the kernel.
    pub(crate) fn register(&self, registry: &Registry, interest: Interest) -> io::Result<()> {
        registry.register(&mut SourceFd(&self.descriptor), self.token.get(), interest)
    }

    /// Brings the kernel's interest in line with the watchers, which also arms the edge again.
    pub(crate) fn update(&self, registry: &Registry) -> io::Result<()> {
        let mut source = SourceFd(&self.descriptor);
        match self.interest() {
            Some(interest) => registry.reregister(&mut source, self.token.get(), interest),
            None => registry.deregister(&mut source),
        }
    }

    /// Tells whether anything is watched.
    pub(crate) fn interest(&self) -> Option<Interest> {
        let reader = self.reader.borrow().as_ref().map(|_| Interest::READABLE);
        let writer = self.writer.borrow().as_ref().map(|_| Interest::WRITABLE);
        match (reader, writer) {
            (Some(reader), Some(writer)) => Some(reader | writer),
            (reader, writer) => reader.or(writer),
        }
    }

    /// Puts a watcher in the place of the one before, which is cancelled and returned.
    pub(crate) fn replace(
        &self,
        direction: Direction,
        watcher: Option<Rc<dyn Watching>>,
    ) -> Option<Rc<dyn Watching>> {
        let before = self.slot(direction).replace(watcher);
        if let Some(before) = &before {
            before.cancel();
        }
        before
    }

    /// Queues what watches for what the kernel said, reader before writer.
    pub(crate) fn fire(&self, signs: Signs, ready: &ReadyQueue) {
        let sides = [(Signs::READABLE, &self.reader), (Signs::WRITABLE, &self.writer)];
        for (sign, slot) in sides {
            if let (true, Some(watcher)) = (signs.any(sign), &*slot.borrow()) {
                ready.push_job(watcher.clone(), 0);
            }
        }
    }

    /// Returns where the watch was created.
    pub(crate) fn created_at(&self) -> &'static Location<'static> {
        self.created_at
    }

    /// Tells whether something watches this direction.
    pub(crate) fn is_watched(&self, direction: Direction) -> bool {
        self.slot(direction).borrow().is_some()
    }

    fn slot(&self, direction: Direction) -> &RefCell<Option<Rc<dyn Watching>>> {
        match direction {
            Direction::Read => &self.reader,
            Direction::Write => &self.writer,
        }
    }
}
