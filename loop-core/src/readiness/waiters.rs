//! What is parked per socket and direction, and what the kernel last said of the socket.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;

use crate::job::Job;
use crate::readiness::direction::Direction;
use crate::readiness::signs::Signs;
use crate::readiness::sleeper::Sleeper;
use crate::ready::{Entry, ReadyQueue};

/// How many bytes one socket may move in one direction and one turn, in every style.
///
/// A socket that has used this up is ready again in the next turn, after the others had theirs.
pub const BYTES_PER_TURN: usize = 64 * 1024;

/// News that a task waits for which only its waker can wake.
///
/// `Core::release_left_over` takes them. To drop them would leave that task asleep for ever, and
/// does not compile: the crate denies `unused_must_use`.
#[must_use = "a task waits for these news; give them to `release_left_over`"]
pub(crate) struct LeftOver(Signs);

/// What waits for a socket to become ready in one direction: a job or a task, never both.
#[derive(Default)]
struct Waiter {
    /// A part of a job: queued when the socket is ready.
    job: Cell<Option<(Rc<dyn Job>, u64)>>,
    /// A task. It stays when it has been woken, so that one which parks again and again on a socket
    /// does not clone its waker each time; a sign tells whether it is waiting. Boxed, since a socket
    /// for which jobs wait has none.
    task: Cell<Option<Box<Sleeper>>>,
}

/// What waits no more: it may be anybody's, and is dropped when the socket's state is in order.
pub(crate) type Displaced = (Option<(Rc<dyn Job>, u64)>, Option<Box<Sleeper>>);

/// The readiness of one socket, and its two waiters.
pub(crate) struct Readiness {
    signs: Cell<Signs>,
    reader: Waiter,
    writer: Waiter,
    /// The turn in which `read_bytes` and `written_bytes` were counted. Narrow, since an idle
    /// connection is counted in bytes: a turn that is taken for that of long ago defers, no more.
    turn: Cell<u32>,
    read_bytes: Cell<u32>,
    written_bytes: Cell<u32>,
    created_at: &'static Location<'static>,
}

impl LeftOver {
    /// Returns the directions that there are news of.
    pub(crate) fn directions(self) -> impl Iterator<Item = Direction> {
        let both = [Direction::Read, Direction::Write].into_iter();
        both.filter(move |direction| self.0.any(Signs::ready(*direction)))
    }
}

impl Readiness {
    /// Makes the readiness of a socket of which `signs` is known.
    pub(crate) fn new(signs: Signs, created_at: &'static Location<'static>) -> Readiness {
        Readiness {
            signs: Cell::new(signs),
            reader: Waiter::default(),
            writer: Waiter::default(),
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

    /// Tells whether an attempt may be made in a direction, as far as the kernel and the loop say.
    #[inline(always)]
    pub(crate) fn admits(&self, direction: Direction) -> bool {
        let ready = Signs::ready(direction);
        self.signs.get().only(ready.with(Signs::CANCELLED)) == ready
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
        let urgent = match direction {
            // Where there is nothing more to read, reading has passed the mark.
            Direction::Read => Signs::URGENT,
            Direction::Write => Signs::default(),
        };
        self.clear(Signs::ready(direction).with(urgent));
    }

    /// Tells whether a read that left room has drained the socket: not if there is an end behind
    /// what was read, or an urgent mark, at which a read ends whatever is behind it.
    #[inline(always)]
    pub(crate) fn a_short_read_drains(&self) -> bool {
        !self.has(Signs::READ_CLOSED.with(Signs::URGENT).with(Signs::VAGUE))
    }

    /// Tells whether a write that was cut short has filled the socket.
    #[inline]
    pub(crate) fn a_short_write_fills(&self) -> bool {
        !self.has(Signs::VAGUE)
    }

    /// Returns how much of its share of `turn` the socket has left.
    pub(crate) fn share(&self, direction: Direction, turn: u64) -> usize {
        let moved = if self.turn.get() == turn as u32 { self.moved(direction).get() } else { 0 };
        BYTES_PER_TURN.saturating_sub(moved as usize)
    }

    /// Counts bytes against the socket's share of `turn`.
    pub(crate) fn spend(&self, direction: Direction, turn: u64, bytes: usize) {
        if self.turn.replace(turn as u32) != turn as u32 {
            self.read_bytes.set(0);
            self.written_bytes.set(0);
        }
        let moved = self.moved(direction);
        // A vectored write may go over the share, and by how much does not matter: no system call
        // moves 2 GiB, and none is made beyond the share.
        moved.set(moved.get().wrapping_add(bytes as u32));
    }

    /// Parks a part of a job in the place of what was parked, and returns a job that was.
    #[inline]
    pub(crate) fn park_job(
        &self,
        direction: Direction,
        job: Rc<dyn Job>,
        part: u64,
    ) -> Option<(Rc<dyn Job>, u64)> {
        self.clear(Signs::awaited(direction));
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
        let again = task.is_woken_by(waker);
        waiter.task.set(Some(task));
        if again {
            self.set(Signs::awaited(direction));
        }
        again
    }

    /// Parks a task in the place of what was parked, which is returned.
    pub(crate) fn park_task(&self, direction: Direction, task: Box<Sleeper>) -> Displaced {
        let waiter = self.waiter(direction);
        let displaced = (waiter.job.take(), waiter.task.replace(Some(task)));
        self.set(Signs::awaited(direction));
        displaced
    }

    /// Takes back what is parked; tells whether something was waiting.
    pub(crate) fn unpark(&self, direction: Direction) -> (bool, Displaced) {
        let waiter = self.waiter(direction);
        let awaited = self.has(Signs::awaited(direction));
        self.clear(Signs::awaited(direction));
        let (job, task) = (waiter.job.take(), waiter.task.take());
        (job.is_some() || awaited, (job, task))
    }

    /// Queues what is parked; `false` if that is a task which only its waker can wake.
    #[inline(always)]
    pub(crate) fn queue(&self, direction: Direction, ready: &ReadyQueue) -> bool {
        let waiter = self.waiter(direction);
        if let Some((job, part)) = waiter.job.take() {
            ready.push(Entry::Job(job, part));
            return true;
        }
        if !self.has(Signs::awaited(direction)) {
            return true;
        }
        let Some(task) = waiter.task.take() else { return true };
        let queued = task.queue(ready);
        if queued {
            self.clear(Signs::awaited(direction));
        }
        waiter.task.set(Some(task));
        queued
    }

    /// Takes the task out that waits, to be woken.
    pub(crate) fn take_task(&self, direction: Direction) -> Option<Box<Sleeper>> {
        self.clear(Signs::awaited(direction));
        self.waiter(direction).task.take()
    }

    /// Keeps a task for the next time, unless another one was parked meanwhile; returns what goes.
    pub(crate) fn keep_task(
        &self,
        direction: Direction,
        task: Box<Sleeper>,
    ) -> Option<Box<Sleeper>> {
        let place = &self.waiter(direction).task;
        let (stays, goes) = match place.take() {
            None => (task, None),
            Some(parked_meanwhile) => (parked_meanwhile, Some(task)),
        };
        place.set(Some(stays));
        goes
    }

    /// Takes note of what the kernel said and queues what waited for it, reader before writer.
    ///
    /// Returns the news that are left over, since a task waits for them that only its waker can wake.
    #[inline(always)]
    #[must_use = "a task waits for what is left over"]
    pub(crate) fn fire(&self, signs: Signs, ready: &ReadyQueue) -> Option<LeftOver> {
        // Nobody waits for what was known already: who parks at a ready socket, because its share
        // is used up, is released by the next turn.
        let news = signs.without(self.signs.get());
        self.set(signs);
        if news.any(Signs::READABLE) && !self.queue(Direction::Read, ready) {
            return Some(LeftOver(news));
        }
        if news.any(Signs::WRITABLE) && !self.queue(Direction::Write, ready) {
            return Some(LeftOver(Signs::WRITABLE));
        }
        None
    }

    /// Returns where the socket was created.
    pub(crate) fn created_at(&self) -> &'static Location<'static> {
        self.created_at
    }

    /// Tells whether something waits in this direction.
    pub(crate) fn is_parked(&self, direction: Direction) -> bool {
        let job = &self.waiter(direction).job;
        let parked = job.take();
        let is_parked = parked.is_some() || self.has(Signs::awaited(direction));
        job.set(parked);
        is_parked
    }

    fn waiter(&self, direction: Direction) -> &Waiter {
        match direction {
            Direction::Read => &self.reader,
            Direction::Write => &self.writer,
        }
    }

    fn moved(&self, direction: Direction) -> &Cell<u32> {
        match direction {
            Direction::Read => &self.read_bytes,
            Direction::Write => &self.written_bytes,
        }
    }
}
