//! What the kernel watches for the loop: sockets that live on it, and raw descriptors.

use std::cell::{Cell, Ref, RefCell};
use std::collections::HashMap;
use std::io;
use std::os::fd::RawFd;
use std::rc::{Rc, Weak};

use mio::{Registry, Token, event};
use slab::Slab;

use crate::readiness::direction::Direction;
use crate::readiness::signs::INTEREST;
use crate::readiness::socket::Socket;
use crate::readiness::watch::Watch;
use crate::spares::stack::{shrink, shrink_slab};

/// The token of the self-pipe; rows of the table never reach it.
pub(crate) const PIPE: Token = Token(usize::MAX);

/// What a row of the reactor's table stands for. An enum and no trait object: every event passes here.
#[derive(Clone)]
pub(crate) enum Target {
    /// A socket, which parks what waits for it.
    Socket(Rc<Socket>),
    /// A raw descriptor, which calls what watches it.
    Watch(Rc<Watch>),
}

/// A row of the table.
pub(crate) struct Row {
    /// The upper half of the token: a stale event does not meet the row's next owner.
    generation: u32,
    /// What the token leads to.
    target: Target,
}

/// A socket that has used up its share of a turn, and the direction in which something waits there.
type Deferred = (Rc<Socket>, Direction);

/// What waits for the kernel. A token names a row of its table.
pub(crate) struct Reactor {
    /// Adds to what the kernel watches, while the loop's owner has the poll.
    registry: Registry,
    /// What an event's token leads to.
    rows: RefCell<Slab<Row>>,
    /// That of the row which was entered last.
    generation: Cell<u32>,
    /// The raw descriptors that `add_reader` and `add_writer` watch, by their numbers.
    watches: RefCell<HashMap<RawFd, Rc<Watch>>>,
    /// Those of them that fired and must be armed again before the next poll. Weak: a watch that is
    /// removed lets go of its descriptor.
    fired: RefCell<Vec<Weak<Watch>>>,
    /// Sockets that are ready again in the next turn.
    deferred: RefCell<Vec<Deferred>>,
}

impl Reactor {
    /// Makes a reactor that watches nothing.
    pub(crate) fn new(registry: Registry) -> Reactor {
        Reactor {
            registry,
            rows: RefCell::default(),
            generation: Cell::new(0),
            watches: RefCell::default(),
            fired: RefCell::default(),
            deferred: RefCell::default(),
        }
    }

    /// Enters a socket and has the kernel watch it; returns its row.
    pub(crate) fn register(
        &self,
        io: &mut impl event::Source,
        socket: &Rc<Socket>,
    ) -> io::Result<usize> {
        let (row, token) = self.insert(Target::Socket(socket.clone()));
        match self.registry.register(io, token, INTEREST) {
            Ok(()) => Ok(row),
            Err(error) => {
                self.remove(row);
                Err(error)
            }
        }
    }

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

    /// Returns the target that a token names, if that still lives. The table is borrowed for as long
    /// as the caller keeps it.
    #[inline(always)]
    pub(crate) fn look_up(&self, token: Token) -> Option<Ref<'_, Target>> {
        let (generation, row) = ((token.0 >> 32) as u32, token.0 & 0xffff_ffff);
        Ref::filter_map(self.rows.borrow(), |rows| {
            rows.get(row).filter(|row| row.generation == generation).map(|row| &row.target)
        })
        .ok()
    }

    /// Returns all targets.
    pub(crate) fn targets(&self) -> Vec<Target> {
        self.rows.borrow().iter().map(|(_, row)| row.target.clone()).collect()
    }

    /// Returns what adds to, changes, and ends what the kernel watches.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Returns the watch of a raw descriptor.
    pub(crate) fn watch(&self, descriptor: RawFd) -> Option<Rc<Watch>> {
        self.watches.borrow().get(&descriptor).cloned()
    }

    /// Keeps the watch of a raw descriptor for as long as it has a reader or a writer.
    pub(crate) fn keep_watch(&self, descriptor: RawFd, watch: Rc<Watch>) {
        self.watches.borrow_mut().insert(descriptor, watch);
    }

    /// Lets go of the watch of a raw descriptor. The caller has it still: its drop may run users' code.
    pub(crate) fn forget_watch(&self, descriptor: RawFd, watch: &Rc<Watch>) {
        self.watches.borrow_mut().remove(&descriptor);
        self.remove(watch.row());
    }

    /// Notes that a watch has fired and must be armed again.
    pub(crate) fn has_fired(&self, watch: &Rc<Watch>) {
        self.fired.borrow_mut().push(Rc::downgrade(watch));
    }

    /// Takes the watches that have fired.
    pub(crate) fn take_fired(&self) -> Vec<Weak<Watch>> {
        // Most turns fire none, and the vector keeps its room.
        if self.fired.borrow().is_empty() { Vec::new() } else { self.fired.take() }
    }

    /// Releases what waits at a socket, and is ready, in the next turn.
    pub(crate) fn defer(&self, socket: Rc<Socket>, direction: Direction) {
        self.deferred.borrow_mut().push((socket, direction));
    }

    /// Tells whether a socket is ready in the next turn.
    pub(crate) fn has_deferred(&self) -> bool {
        !self.deferred.borrow().is_empty()
    }

    /// Takes the sockets that were deferred.
    pub(crate) fn take_deferred(&self) -> Vec<Deferred> {
        self.deferred.take()
    }

    /// Gives the emptied list of the deferred back, which keeps its room, under what came meanwhile.
    pub(crate) fn put_back_deferred(&self, mut emptied: Vec<Deferred>) {
        let mut deferred = self.deferred.borrow_mut();
        emptied.append(&mut deferred);
        *deferred = emptied;
    }

    /// Gives back the room of rows that went.
    pub(crate) fn shrink(&self) {
        shrink_slab(&mut self.rows.borrow_mut());
        shrink(&mut self.deferred.borrow_mut());
    }

    /// Takes everything out, so that the caller can drop it outside of every borrow.
    pub(crate) fn take(&self) -> (Slab<Row>, HashMap<RawFd, Rc<Watch>>, Vec<Deferred>) {
        (self.rows.take(), self.watches.take(), self.deferred.take())
    }
}
