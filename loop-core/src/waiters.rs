//! What is parked per socket and direction, and what the kernel last said of the socket.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;

use crate::job::Job;
use crate::ready::{Entry, ReadyQueue};

/// How many bytes one socket may move in one direction and one turn, in every style.
///
/// A socket that has used this up is ready again in the next turn, after the others had theirs.
pub const BYTES_PER_TURN: usize = 64 * 1024;

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Towards the program: reading, accepting.
    Read,
    /// Away from the program: writing, connecting.
    Write,
}

/// What the kernel said of a descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signs(u8);

/// What waits for a socket to become ready.
#[derive(Default)]
pub(crate) enum Waiter {
    /// Nothing waits.
    #[default]
    Empty,
    /// A part of a job: queued when the socket is ready.
    Job(Rc<dyn Job>, u64),
    /// A task's waker. It stays when it has been used, so that a task which parks again and again
    /// on one socket does not clone it each time; `armed` tells whether it is waiting.
    Wake { waker: Waker, armed: bool },
}

/// The readiness of one socket, and its two waiters.
pub(crate) struct Readiness {
    signs: Cell<Signs>,
    reader: Cell<Waiter>,
    writer: Cell<Waiter>,
    /// The turn in which `read_bytes` and `written_bytes` were counted.
    turn: Cell<u64>,
    read_bytes: Cell<usize>,
    written_bytes: Cell<usize>,
    created_at: &'static Location<'static>,
}

impl Signs {
    /// Bytes can be read, or the peer has shut down.
    pub(crate) const READABLE: Signs = Signs(1);
    /// Bytes can be written.
    pub(crate) const WRITABLE: Signs = Signs(2);
    /// The peer has shut its writing side down: reading never blocks again.
    pub(crate) const READ_CLOSED: Signs = Signs(4);
    /// The loop is closing.
    pub(crate) const CANCELLED: Signs = Signs(8);
    /// A listener does not accept for a while, since descriptors have run out.
    pub(crate) const RESTING: Signs = Signs(16);
    /// The exception handler was told so.
    pub(crate) const TOLD: Signs = Signs(32);

    /// Reads a kernel event. An error or a hang-up concerns both directions, as in asyncio.
    pub(crate) fn of(event: &mio::event::Event) -> Signs {
        let mut signs = Signs(0);
        let error = event.is_error();
        if event.is_readable() || event.is_read_closed() || error {
            signs = signs.with(Signs::READABLE);
        }
        if event.is_writable() || event.is_write_closed() || error {
            signs = signs.with(Signs::WRITABLE);
        }
        if event.is_read_closed() || error {
            signs = signs.with(Signs::READ_CLOSED);
        }
        signs
    }

    /// Returns the signs of both.
    pub(crate) fn with(self, other: Signs) -> Signs {
        Signs(self.0 | other.0)
    }

    /// Returns these signs without the other ones.
    pub(crate) fn without(self, other: Signs) -> Signs {
        Signs(self.0 & !other.0)
    }

    /// Tells whether one of `other` is among these.
    pub(crate) fn any(self, other: Signs) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns the sign that says "ready" in a direction.
    fn ready(direction: Direction) -> Signs {
        match direction {
            Direction::Read => Signs::READABLE,
            Direction::Write => Signs::WRITABLE,
        }
    }
}

impl Readiness {
    /// Makes the readiness of a socket of which `signs` is known.
    pub(crate) fn new(signs: Signs, created_at: &'static Location<'static>) -> Readiness {
        Readiness {
            signs: Cell::new(signs),
            reader: Cell::default(),
            writer: Cell::default(),
            turn: Cell::new(0),
            read_bytes: Cell::new(0),
            written_bytes: Cell::new(0),
            created_at,
        }
    }

    /// Tells whether one of `signs` is known of the socket.
    pub(crate) fn has(&self, signs: Signs) -> bool {
        self.signs.get().any(signs)
    }

    /// Tells whether the kernel's last word on a direction was "ready".
    pub(crate) fn is_ready(&self, direction: Direction) -> bool {
        self.has(Signs::ready(direction).with(Signs::CANCELLED))
    }

    /// Adds to what is known of the socket.
    pub(crate) fn set(&self, signs: Signs) {
        self.signs.set(self.signs.get().with(signs));
    }

    /// Takes away from what is known of the socket.
    pub(crate) fn clear(&self, signs: Signs) {
        self.signs.set(self.signs.get().without(signs));
    }

    /// Notes that the kernel has no more, or no more room.
    pub(crate) fn drained(&self, direction: Direction) {
        self.clear(Signs::ready(direction));
    }

    /// Returns how much of its share of `turn` the socket has left.
    pub(crate) fn share(&self, direction: Direction, turn: u64) -> usize {
        let moved = if self.turn.get() == turn { self.moved(direction).get() } else { 0 };
        BYTES_PER_TURN.saturating_sub(moved)
    }

    /// Counts bytes against the socket's share of `turn`.
    pub(crate) fn spend(&self, direction: Direction, turn: u64, bytes: usize) {
        if self.turn.replace(turn) != turn {
            self.read_bytes.set(0);
            self.written_bytes.set(0);
        }
        let moved = self.moved(direction);
        moved.set(moved.get() + bytes);
    }

    /// Parks a part of a job in the place of what was parked.
    pub(crate) fn park_job(&self, direction: Direction, job: Rc<dyn Job>, part: u64) {
        self.waiter(direction).set(Waiter::Job(job, part));
    }

    /// Parks a waker; one that wakes the same task is used again.
    pub(crate) fn park_waker(&self, direction: Direction, new: &Waker) {
        let waker = match self.waiter(direction).take() {
            Waiter::Wake { waker, .. } if waker.will_wake(new) => waker,
            _ => new.clone(),
        };
        self.waiter(direction).set(Waiter::Wake { waker, armed: true });
    }

    /// Takes back what is parked; tells whether something was waiting.
    pub(crate) fn unpark(&self, direction: Direction) -> bool {
        match self.waiter(direction).take() {
            Waiter::Empty => false,
            Waiter::Job(..) => true,
            Waiter::Wake { armed, .. } => armed,
        }
    }

    /// Queues or wakes what is parked.
    #[inline(always)]
    pub(crate) fn release(&self, direction: Direction, ready: &ReadyQueue) {
        match self.waiter(direction).take() {
            Waiter::Empty => {}
            Waiter::Job(job, part) => {
                ready.push(Entry::Job(job, part));
            }
            Waiter::Wake { waker, armed } => self.wake(direction, waker, armed),
        }
    }

    /// Wakes what was taken out of its slot, if it waits, and keeps the waker for the next time.
    fn wake(&self, direction: Direction, waker: Waker, armed: bool) {
        if armed {
            // A waker may be anybody's code: the slot is empty, nothing is borrowed.
            waker.wake_by_ref();
        }
        let slot = self.waiter(direction);
        match slot.take() {
            Waiter::Empty => slot.set(Waiter::Wake { waker, armed: false }),
            parked_meanwhile => slot.set(parked_meanwhile),
        }
    }

    /// Takes note of what the kernel said and queues what waited for it, reader before writer.
    #[inline(always)]
    pub(crate) fn fire(&self, signs: Signs, ready: &ReadyQueue) {
        // Nobody waits for what was known already: who parks at a ready socket, because its share
        // is used up, is released by the next turn.
        let news = signs.without(self.signs.get());
        self.set(signs);
        if news.any(Signs::READABLE) {
            self.release(Direction::Read, ready);
        }
        if news.any(Signs::WRITABLE) {
            self.release(Direction::Write, ready);
        }
    }

    /// The loop is closing: what waits in this direction is to end, and nothing begins any more.
    pub(crate) fn cancel(&self, direction: Direction, ready: &ReadyQueue) {
        self.set(Signs::CANCELLED);
        self.release(direction, ready);
    }

    /// Returns where the socket was created.
    pub(crate) fn created_at(&self) -> &'static Location<'static> {
        self.created_at
    }

    /// Tells whether something waits in this direction.
    pub(crate) fn is_parked(&self, direction: Direction) -> bool {
        let slot = self.waiter(direction);
        let waiter = slot.take();
        let parked = matches!(waiter, Waiter::Job(..) | Waiter::Wake { armed: true, .. });
        slot.set(waiter);
        parked
    }

    fn waiter(&self, direction: Direction) -> &Cell<Waiter> {
        match direction {
            Direction::Read => &self.reader,
            Direction::Write => &self.writer,
        }
    }

    fn moved(&self, direction: Direction) -> &Cell<usize> {
        match direction {
            Direction::Read => &self.read_bytes,
            Direction::Write => &self.written_bytes,
        }
    }
}
