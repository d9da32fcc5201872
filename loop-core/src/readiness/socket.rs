//! A socket as the loop knows it: what the kernel has told of it, what waits, what it may still move.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;

use crate::job::Job;
use crate::readiness::direction::Direction;
use crate::readiness::flags::Flags;
use crate::readiness::signs::Signs;
use crate::readiness::sleeper::Sleeper;

/// How many bytes one socket may move in one direction and one turn, in every style.
///
/// A socket that has used this up is ready again in the next turn, after the others had theirs.
pub const BYTES_PER_TURN: usize = 64 * 1024;

/// What an attempt in one direction would come to: the one answer to "is it worth a try?".
pub(crate) enum Outlook {
    /// The kernel has said "ready", and so many bytes are left of the share of this turn.
    Open(usize),
    /// The kernel has said "ready", and the share of this turn is used up.
    NextTurn,
    /// The kernel has no more, or no more room. It will tell.
    Blocked,
    /// The loop is closing: an attempt ends as cancelled.
    Cancelled,
}

/// What waits no more: its drop may run users' code, once the socket's state is in order.
pub(crate) type Displaced = (Option<(Rc<dyn Job>, u64)>, Option<Box<Sleeper>>);

/// The places for what waits in one direction: a job or a task, never both.
#[derive(Default)]
struct Waiter {
    /// A job that is parked, and which part of it.
    job: Cell<Option<(Rc<dyn Job>, u64)>>,
    /// A task. It stays when it has been woken, so that one which parks again and again on a socket
    /// does not clone its waker each time; a flag tells whether it is waiting. Boxed, since a socket
    /// for which jobs wait has none.
    task: Cell<Option<Box<Sleeper>>>,
}

/// What the loop knows of one socket.
///
/// Each direction is in one of these states; a closing loop makes both *cancelled*.
///
/// | state | the kernel has told | parked | outlook |
/// |---|---|---|---|
/// | quiet | no more | nothing | `Blocked` |
/// | parked | no more | a job or a task | `Blocked` |
/// | ready | ready | nothing | `Open`, or `NextTurn` if the share is used up |
/// | deferred | ready | a job or a task, on the reactor's list | as ready |
/// | muted | ready | a job, for news alone: none comes while this stands | as ready |
/// | cancelled | as if ready | nothing that was parked before | `Cancelled` |
///
/// | | from | to | by |
/// |--:|---|---|---|
/// | 1 | - | quiet; writing: ready | `Source::new`; `Source::unready`: quiet both ways |
/// | 2 | quiet | parked | `Source::park_job`, `park_task`, `queue_when_ready`, `park_job_for_news` |
/// | 3 | parked | ready | `LoopState::fire`, which queues or wakes what was parked |
/// | 4 | quiet | ready | `LoopState::fire` |
/// | 5 | ready | ready | `Socket::moved`, which takes from the share of the turn |
/// | 6 | ready | quiet | `Socket::drained`: a short read or write, or `WouldBlock` |
/// | 7 | ready | deferred | `Source::park_job`, `park_task`, `queue_when_ready` |
/// | 8 | deferred | ready | `LoopState::release_deferred`, in the next turn, as 3 |
/// | 9 | ready | muted | `Source::park_job_for_news` |
/// | 10 | deferred, muted | parked | `Socket::drained`; 8 lets what was deferred try once for nothing |
/// | 11 | parked; deferred, muted | quiet; ready | `Source::unpark` |
/// | 12 | any | cancelled | `LoopState::close`, which queues or wakes what was parked |
/// | 13 | any | - | the drop of the `Source`, which unparks first |
///
/// What is parked takes the place of what was.
pub(crate) struct Socket {
    /// What the kernel has told, less what an attempt has found to be over since.
    told: Cell<Signs>,
    /// What the loop knows besides.
    flags: Cell<Flags>,
    /// What waits to read, or to accept.
    reader: Waiter,
    /// What waits to write, or to be connected.
    writer: Waiter,
    /// The turn in which `read_bytes` and `written_bytes` were counted. Narrow: an idle connection is
    /// counted in bytes, and a turn that is taken for that of long ago defers, no more.
    turn: Cell<u32>,
    /// How much of the share for reading is used up in that turn.
    read_bytes: Cell<u32>,
    /// How much of the share for writing is.
    written_bytes: Cell<u32>,
    /// For a snapshot of the loop, and for reports.
    created_at: &'static Location<'static>,
}

impl Socket {
    /// Makes a socket of which `told` is known.
    pub(crate) fn new(told: Signs, created_at: &'static Location<'static>) -> Socket {
        Socket {
            told: Cell::new(told),
            flags: Cell::default(),
            reader: Waiter::default(),
            writer: Waiter::default(),
            turn: Cell::new(0),
            read_bytes: Cell::new(0),
            written_bytes: Cell::new(0),
            created_at,
        }
    }

    pub(crate) fn has(&self, flags: Flags) -> bool {
        self.flags.get().any(flags)
    }

    pub(crate) fn set(&self, flags: Flags) {
        self.flags.set(self.flags.get().with(flags));
    }

    pub(crate) fn clear(&self, flags: Flags) {
        self.flags.set(self.flags.get().without(flags));
    }

    /// Tells what an attempt in `turn` would come to.
    #[inline(always)]
    pub(crate) fn outlook(&self, direction: Direction, turn: u64) -> Outlook {
        if !self.told.get().any(Signs::ready(direction)) {
            return Outlook::Blocked;
        }
        if self.has(Flags::CANCELLED) {
            return Outlook::Cancelled;
        }
        let counted = self.turn.get() == turn as u32;
        let moved = if counted { self.bytes(direction).get() as usize } else { 0 };
        if moved < BYTES_PER_TURN {
            Outlook::Open(BYTES_PER_TURN - moved)
        } else {
            Outlook::NextTurn
        }
    }

    /// Takes note of what the kernel has told, and returns what of it is news. Nothing waits for what
    /// was known already: what parks at a ready socket is deferred, or waits for news alone.
    pub(crate) fn tell(&self, signs: Signs) -> Signs {
        let known = self.told.get();
        self.told.set(known.with(signs));
        signs.without(known)
    }

    /// Notes that the loop is closing. An attempt is worth a try from here on: it ends as cancelled.
    pub(crate) fn cancel(&self) {
        self.set(Flags::CANCELLED);
        self.told.set(self.told.get().with(Signs::READABLE).with(Signs::WRITABLE));
    }

    /// Notes that an attempt has moved `count` bytes, with room or bytes for `length`.
    ///
    /// A short one has drained the socket, or filled it, and does not count against its share. Not so
    /// a short read before an end of the stream, or before an urgent mark, at which a read ends
    /// whatever is behind it.
    #[inline(always)]
    pub(crate) fn moved(&self, direction: Direction, turn: u64, count: usize, length: usize) {
        let more = match direction {
            Direction::Read => self.told.get().any(Signs::READ_CLOSED.with(Signs::URGENT)),
            Direction::Write => false,
        };
        if count < length && !more && !self.has(Flags::VAGUE) {
            self.drained(direction);
        } else {
            self.spend(direction, turn, count);
        }
    }

    /// Notes that the kernel has no more, or no more room.
    pub(crate) fn drained(&self, direction: Direction) {
        let over = match direction {
            // Where there is nothing more to read, reading has passed the mark.
            Direction::Read => Signs::READABLE.with(Signs::URGENT),
            Direction::Write => Signs::WRITABLE,
        };
        self.told.set(self.told.get().without(over));
    }

    /// Counts bytes against the socket's share of `turn`.
    pub(crate) fn spend(&self, direction: Direction, turn: u64, bytes: usize) {
        if self.turn.replace(turn as u32) != turn as u32 {
            self.read_bytes.set(0);
            self.written_bytes.set(0);
        }
        let moved = self.bytes(direction);
        // A vectored write may go over the share; by how much does not matter, as none moves 2 GiB.
        moved.set(moved.get().wrapping_add(bytes as u32));
    }

    /// Parks a part of a job in the place of what was parked, and returns a job that was.
    pub(crate) fn park_job(
        &self,
        direction: Direction,
        job: Rc<dyn Job>,
        part: u64,
    ) -> Option<(Rc<dyn Job>, u64)> {
        self.clear(Flags::awaited(direction));
        self.waiter(direction).job.replace(Some((job, part)))
    }

    /// Parks the task that was parked here last, if it is the one that `waker` wakes: its waker is not
    /// cloned again then.
    #[inline(always)]
    pub(crate) fn park_again(&self, direction: Direction, waker: &Waker) -> bool {
        let waiter = self.waiter(direction);
        if let Some(job) = waiter.job.take() {
            waiter.job.set(Some(job));
            return false;
        }
        let Some(task) = waiter.task.take() else { return false };
        let again = task.waker.will_wake(waker);
        waiter.task.set(Some(task));
        if again {
            self.set(Flags::awaited(direction));
        }
        again
    }

    /// Parks a task where nothing is parked or kept.
    pub(crate) fn park_task(&self, direction: Direction, task: Sleeper) {
        self.waiter(direction).task.set(Some(Box::new(task)));
        self.set(Flags::awaited(direction));
    }

    /// Takes back what is parked or kept; tells whether something was waiting.
    pub(crate) fn unpark(&self, direction: Direction) -> (bool, Displaced) {
        let was_parked = self.is_parked(direction);
        self.clear(Flags::awaited(direction));
        let waiter = self.waiter(direction);
        (was_parked, (waiter.job.take(), waiter.task.take()))
    }

    /// Takes a job that waits out, to be queued.
    pub(crate) fn take_job(&self, direction: Direction) -> Option<(Rc<dyn Job>, u64)> {
        self.waiter(direction).job.take()
    }

    /// Takes a task that waits out, to be woken.
    pub(crate) fn take_task(&self, direction: Direction) -> Option<Box<Sleeper>> {
        if !self.has(Flags::awaited(direction)) {
            return None;
        }
        self.clear(Flags::awaited(direction));
        self.waiter(direction).task.take()
    }

    /// Keeps a task for the next time that was just taken and queued.
    pub(crate) fn put_back(&self, direction: Direction, task: Box<Sleeper>) {
        self.waiter(direction).task.set(Some(task));
    }

    /// Keeps a task that was woken for the next time, unless another one was parked meanwhile or the
    /// source was dropped; returns what goes.
    pub(crate) fn keep(&self, direction: Direction, task: Box<Sleeper>) -> Option<Box<Sleeper>> {
        if self.has(Flags::CLOSED) {
            return Some(task);
        }
        let place = &self.waiter(direction).task;
        match place.take() {
            None => place.replace(Some(task)),
            parked => {
                place.set(parked);
                Some(task)
            }
        }
    }

    /// Tells whether something waits in this direction.
    pub(crate) fn is_parked(&self, direction: Direction) -> bool {
        let place = &self.waiter(direction).job;
        let job = place.take();
        let is_parked = job.is_some() || self.has(Flags::awaited(direction));
        place.set(job);
        is_parked
    }

    pub(crate) fn created_at(&self) -> &'static Location<'static> {
        self.created_at
    }

    fn waiter(&self, direction: Direction) -> &Waiter {
        match direction {
            Direction::Read => &self.reader,
            Direction::Write => &self.writer,
        }
    }

    fn bytes(&self, direction: Direction) -> &Cell<u32> {
        match direction {
            Direction::Read => &self.read_bytes,
            Direction::Write => &self.written_bytes,
        }
    }
}
