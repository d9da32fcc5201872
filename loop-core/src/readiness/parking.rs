//! Waiting at a socket: what parks there, what the next turn releases, and wakers.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::task::Waker;

use crate::handle::LoopState;
use crate::job::Job;
use crate::readiness::direction::Direction;
use crate::readiness::reactor::Target;
use crate::readiness::signs::Signs;
use crate::readiness::sleeper::{LocalWake, Sleeper};
use crate::readiness::socket::{Displaced, Outlook, Socket};
use crate::readiness::source::{Rest, Source};

impl<S> Source<S> {
    /// Queues a part of `job` when the socket is ready in this direction.
    ///
    /// One thing waits per direction: it takes the place of what was parked before.
    #[inline(always)]
    pub fn park_job(&self, direction: Direction, job: Rc<dyn Job>, part: u64) {
        self.park_job_for_news(direction, job, part);
        self.defer_if_ready(direction);
    }

    /// Queues a part of `job` when an attempt in this direction may succeed, which may be now.
    #[inline(always)]
    pub fn queue_when_ready(&self, direction: Direction, job: Rc<dyn Job>, part: u64) {
        match self.outlook(direction) {
            Outlook::Open(_) | Outlook::Cancelled => self.handle().queue(job, part),
            Outlook::NextTurn => self.park_job(direction, job, part),
            Outlook::Blocked => self.park_job_for_news(direction, job, part),
        }
    }

    /// Queues a part of `job` when the kernel has news of this direction, or when the loop is closed.
    ///
    /// Unlike [`Source::park_job`] it lets a socket be that is known to be ready: for what wants to
    /// hear of no byte for now, but of the end.
    #[inline]
    pub fn park_job_for_news(&self, direction: Direction, job: Rc<dyn Job>, part: u64) {
        if let Some(before) = self.socket().park_job(direction, job, part) {
            self.displaced((Some(before), None));
        }
    }

    /// Wakes a task when the socket is ready in this direction: by its waker, or by a shorter way if
    /// `local` knows one to the task that `waker` wakes. It is asked when the task parks here for the
    /// first time.
    ///
    /// One that waited here, and has another waker, is woken: it polls again, or waits no more. Two tasks
    /// that go on polling one direction wake each other in turn, and keep the loop busy with that.
    #[inline(always)]
    pub fn park_task(
        &self,
        direction: Direction,
        waker: &Waker,
        local: impl FnOnce() -> Option<Rc<dyn LocalWake>>,
    ) {
        if !self.socket().park_again(direction, waker) {
            // Made while nothing of the socket is borrowed: a waker's clone may be users' code.
            self.take_place(direction, Sleeper { waker: waker.clone(), local: local() });
        }
        self.defer_if_ready(direction);
    }

    /// Parks a task in the place of what was parked.
    #[cold]
    fn take_place(&self, direction: Direction, task: Sleeper) {
        let (was_parked, (job, before)) = self.socket().unpark(direction);
        self.socket().park_task(direction, task);
        let waits = before.iter().filter(|_| was_parked);
        waits.for_each(|task| self.handle().state.guard(|| task.waker.wake_by_ref()));
        self.displaced((job, before));
    }

    /// Takes back what is parked in this direction; tells whether something was waiting.
    pub fn unpark(&self, direction: Direction) -> bool {
        let (was_parked, displaced) = self.socket().unpark(direction);
        self.displaced(displaced);
        was_parked
    }

    /// Drops what waited here, outside of what its destructor may use.
    #[cold]
    fn displaced(&self, (job, task): Displaced) {
        self.handle().state.guard(|| drop(job));
        self.handle().state.guard(|| drop(task));
    }

    /// Sees to it that what was just parked runs in the next turn, if the kernel has told already that
    /// the socket is ready: it does not tell again.
    fn defer_if_ready(&self, direction: Direction) {
        if !matches!(self.outlook(direction), Outlook::Blocked) {
            self.handle().state.reactor().defer(self.socket().clone(), direction);
        }
    }
}

impl LoopState {
    /// Queues or wakes what waits at a socket.
    pub(crate) fn release(self: &Rc<Self>, socket: &Socket, direction: Direction) {
        let task = self.queue(socket, direction);
        task.into_iter().for_each(|task| self.wake(socket, direction, task));
    }

    #[cold]
    pub(crate) fn wake_rest(self: &Rc<Self>, Rest { socket, news, direction, task }: Rest) {
        self.wake(&socket, direction, task);
        if direction == Direction::Read && news.any(Signs::WRITABLE) {
            self.release(&socket, Direction::Write);
        }
    }

    /// Wakes a task by its waker, which is users' code: it may submit, park, or drop the source. The
    /// task is kept for the next time.
    fn wake(self: &Rc<Self>, socket: &Socket, direction: Direction, task: Box<Sleeper>) {
        // If the waker panics, it is not dropped while that unwinds: a destructor that panics then
        // ends the process.
        let woken = catch_unwind(AssertUnwindSafe(|| task.waker.wake_by_ref()));
        let goes = socket.keep(direction, task);
        self.guard(|| drop(goes));
        if let Err(payload) = woken {
            resume_unwind(payload);
        }
        self.collect();
    }

    /// Tells a socket what the loop itself has to say of it, as [`LoopState::fire`] does for the
    /// kernel.
    pub(crate) fn tell(self: &Rc<Self>, socket: &Rc<Socket>, signs: Signs) {
        self.queue_news(socket, signs).into_iter().for_each(|rest| self.wake_rest(rest));
    }

    /// Releases the sockets that had used up their share of the turn before.
    pub(crate) fn release_deferred(self: &Rc<Self>) {
        if !self.reactor().has_deferred() {
            return;
        }
        self.collect();
        let mut deferred = self.reactor().take_deferred();
        for (socket, direction) in deferred.drain(..) {
            // Moved in, so that the last drop of a socket is guarded as well.
            self.guard(move || self.release(&socket, direction));
        }
        self.reactor().put_back_deferred(deferred);
    }

    /// Defers all that is parked at sockets that are ready. A waker that panicked has left its event
    /// half done, and the kernel does not report it again.
    #[cold]
    pub(crate) fn defer_all_ready(&self) {
        let turn = self.counters().turns.value();
        for target in self.reactor().targets() {
            let Target::Socket(socket) = target else { continue };
            for direction in [Direction::Read, Direction::Write] {
                let ready = !matches!(socket.outlook(direction, turn), Outlook::Blocked);
                if ready && socket.is_parked(direction) {
                    self.reactor().defer(socket.clone(), direction);
                }
            }
        }
    }
}
