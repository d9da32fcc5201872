//! What the kernel watches for the loop: a socket that lives on it, or a raw descriptor.

use std::panic::Location;
use std::rc::Rc;

use crate::descriptors::Watch;
use crate::ready::ReadyQueue;
use crate::waiters::{Direction, Readiness};

/// What a row of the loop's table stands for. An enum and no trait object: every event passes here.
#[derive(Clone)]
pub(crate) enum Target {
    /// A socket, which parks what waits for it.
    Socket(Rc<Readiness>),
    /// A raw descriptor, which calls whoever watches it.
    Watch(Rc<Watch>),
}

impl Target {
    /// The loop is closing: the operation that waits in this direction is to end. One direction a
    /// call: a waker or a destructor that panics does not take the other along.
    pub(crate) fn cancel(&self, direction: Direction, ready: &ReadyQueue) {
        match self {
            Target::Socket(readiness) => readiness.cancel(direction, ready),
            // A watcher is no pending operation: it is dropped with its loop, as in asyncio.
            Target::Watch(watch) => drop(watch.replace(direction, None)),
        }
    }

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
