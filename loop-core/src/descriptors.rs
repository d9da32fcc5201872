//! Raw descriptors that are watched on behalf of their owners.
//!
//! mio reports edges; `add_reader` promises levels. A descriptor that fired is armed again before
//! the next poll, so that its callback runs as long as there is something to read.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::Rc;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use crate::core::LoopHandle;
use crate::direction::Direction;
use crate::failures::Work;
use crate::job::Job;
use crate::ready::{Entry, ReadyQueue};
use crate::signs::Signs;

/// A descriptor with a reader, a writer, or both.
pub(crate) struct Watch {
    /// Owns the descriptor, so that its number cannot be closed while it is registered.
    _owner: Rc<dyn AsFd>,
    /// Its number, asked for once: the owner might answer differently later.
    descriptor: RawFd,
    reader: RefCell<Option<Rc<Watcher>>>,
    writer: RefCell<Option<Rc<Watcher>>>,
    row: Cell<usize>,
    token: Cell<Token>,
    created_at: &'static Location<'static>,
}

/// A callback that runs again and again, until it is cancelled.
pub(crate) struct Watcher {
    handle: LoopHandle,
    /// Whose work it is, and where it was added, for the report of its failure.
    work: Work,
    added_at: &'static Location<'static>,
    /// Out of its cell while it runs.
    callback: RefCell<Option<Box<dyn FnMut()>>>,
    cancelled: Cell<bool>,
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

    /// Remembers where the watch stands in the loop's table.
    pub(crate) fn placed(&self, (row, token): (usize, Token)) {
        self.row.set(row);
        self.token.set(token);
    }

    /// Returns the watch's row in the loop's table.
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
        watcher: Option<Rc<Watcher>>,
    ) -> Option<Rc<Watcher>> {
        let before = self.slot(direction).replace(watcher);
        if let Some(before) = &before {
            before.cancel();
        }
        before
    }

    /// Queues who watches what the kernel said, reader before writer.
    pub(crate) fn fire(&self, signs: Signs, ready: &ReadyQueue) {
        let sides = [(Signs::READABLE, &self.reader), (Signs::WRITABLE, &self.writer)];
        for (sign, slot) in sides {
            if let (true, Some(watcher)) = (signs.any(sign), &*slot.borrow()) {
                ready.push(Entry::Job(watcher.clone(), 0));
            }
        }
    }

    /// Returns where the watch was created.
    pub(crate) fn created_at(&self) -> &'static Location<'static> {
        self.created_at
    }

    /// Tells whether somebody watches this direction.
    pub(crate) fn is_watched(&self, direction: Direction) -> bool {
        self.slot(direction).borrow().is_some()
    }

    fn slot(&self, direction: Direction) -> &RefCell<Option<Rc<Watcher>>> {
        match direction {
            Direction::Read => &self.reader,
            Direction::Write => &self.writer,
        }
    }
}

impl Watcher {
    /// Makes a watcher that calls `callback`.
    pub(crate) fn new(
        handle: LoopHandle,
        work: Work,
        added_at: &'static Location<'static>,
        callback: impl FnMut() + 'static,
    ) -> Rc<Watcher> {
        let callback: Box<dyn FnMut()> = Box::new(callback);
        let callback = RefCell::new(Some(callback));
        Rc::new(Watcher { handle, work, added_at, callback, cancelled: Cell::new(false) })
    }

    /// Keeps the callback from running again, even if it is queued.
    pub(crate) fn cancel(&self) {
        self.cancelled.set(true);
    }
}

impl Job for Watcher {
    fn run(self: Rc<Self>, _part: u64) {
        if self.cancelled.get() {
            return;
        }
        let Some(mut callback) = self.callback.take() else { return };
        let core = &self.handle.core;
        core.runs(self.work, self.added_at);
        let outcome = catch_unwind(AssertUnwindSafe(&mut callback));
        if !self.cancelled.get() {
            self.callback.replace(Some(callback));
        } else {
            // Before the unwinding goes on: a destructor that panics meanwhile ends the process.
            core.guard(|| drop(callback));
        }
        if let Err(payload) = outcome {
            resume_unwind(payload);
        }
    }

    fn kind(&self) -> &'static str {
        "watcher"
    }
}
