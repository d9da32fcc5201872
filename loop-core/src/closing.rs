//! The end of a run, and of the loop: what is pending ends as cancelled, and the rest is dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Waker;

use crate::handle::{LoopHandle, LoopState};
use crate::job::Job;
use crate::readiness::direction::Direction;
use crate::readiness::reactor::Target;
use crate::ready::Entry;
use crate::report::stderr;
use crate::timers::Action;

/// How many entries of the queue closing looks at: a program that tries again for ever whatever the
/// error is cut short there.
const CLOSING_ENTRIES_MAX: usize = 1 << 20;

impl LoopHandle {
    /// Ends the present run when its turn is over; what is queued stays for the next run.
    ///
    /// Before a run it makes that run one turn long, without waiting. asyncio: `stop`.
    pub fn stop(&self) {
        self.state.ending().stop(true);
    }

    /// Tells whether [`LoopHandle::stop`] was called and the run that it ends goes on, or has not
    /// begun: an owner that makes single turns with [`EventLoop::run_once`](crate::EventLoop::run_once)
    /// leaves off then. The end of a run takes the flag back; single turns leave it.
    ///
    /// ```
    /// let mut event_loop = loop_core::EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// let stopped = handle.clone();
    /// handle.call_soon(move || stopped.stop());
    /// while !handle.is_stopping() {
    ///     event_loop.run_once()?;
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// asyncio: `BaseEventLoop._stopping`.
    pub fn is_stopping(&self) -> bool {
        self.state.ending().is_stopping()
    }

    /// Tells whether the loop is being closed, or is closed.
    pub fn is_closing(&self) -> bool {
        self.state.ending().is_closing()
    }

    /// Tells whether the loop is closed. asyncio: `BaseEventLoop.is_closed`.
    pub fn is_closed(&self) -> bool {
        self.state.ending().is_closed()
    }

    /// Runs `hook` first thing when the loop is closed; at once, if closing has begun. Its panic is
    /// reported.
    pub fn on_close(&self, hook: impl FnOnce() + 'static) {
        if self.is_closing() {
            return self.state.guard(hook);
        }
        self.state.ending().add_closer(Box::new(hook));
    }
}

impl LoopState {
    /// Ends the loop: hooks first, then every pending operation ends as cancelled, then all that
    /// is left is dropped. Nothing is borrowed while users' code runs or is dropped.
    pub(crate) fn close(self: &Rc<Self>) {
        if !self.ending().begin() {
            return;
        }
        for closer in self.ending().take_closers() {
            self.guard(closer);
        }
        for target in self.reactor().targets() {
            self.guard(|| self.cancel_target(&target, Direction::Read));
            self.guard(|| self.cancel_target(&target, Direction::Write));
            // It may be the last to refer to the owner of a descriptor.
            self.guard(|| drop(target));
        }
        for action in self.timers().clear() {
            self.guard(|| match action {
                Action::Job(job, part) => job.run(part),
                Action::Wake(waker) => self.with(waker, Waker::wake_by_ref),
                Action::Call(call) => drop(call),
            });
        }
        self.cancel_offloaded();
        self.end_jobs();
        self.refuse_pushes();
        self.drop_all();
        self.end_exception_handler();
        stderr::tell_left_out();
    }

    /// Ends the operation that waits in this direction. One direction a call: a waker or a destructor
    /// that panics does not take the other along.
    fn cancel_target(self: &Rc<Self>, target: &Target, direction: Direction) {
        match target {
            Target::Socket(socket) => {
                socket.cancel();
                self.release(socket, direction);
            }
            // A watcher is no pending operation: it is dropped with its loop, as in asyncio.
            Target::Watch(watch) => drop(watch.replace(direction, None)),
        }
    }

    /// Runs the jobs that are queued, since they bring the end of an operation to what waits for it.
    fn end_jobs(self: &Rc<Self>) {
        for _ in 0..CLOSING_ENTRIES_MAX {
            match self.ready().pop() {
                Some(Entry::Job(job, part)) => self.guard(|| self.end_job(job, part)),
                Some(other) => self.guard(|| drop(other)),
                None => break,
            }
        }
    }

    /// Runs a job; a report of its panic names what the job says, as in a turn.
    fn end_job(self: &Rc<Self>, job: Rc<dyn Job>, part: u64) {
        self.reporting().runs_job();
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| job.run(part))) {
            self.panicked(payload);
        }
    }

    /// Drops all that waits. Destructors may panic: each is on its own.
    fn drop_all(self: &Rc<Self>) {
        let hook = self.set_ready_hook(None);
        self.guard(|| drop(hook));
        self.signals().take().into_iter().for_each(|signal| self.guard(|| drop(signal)));
        self.inbox().close().into_iter().for_each(|call| self.guard(|| drop(call)));
        self.timers().clear().into_iter().for_each(|action| self.guard(|| drop(action)));
        let (rows, watches, deferred) = self.reactor().take();
        rows.into_iter().for_each(|row| self.guard(|| drop(row)));
        watches.into_iter().for_each(|watch| self.guard(|| drop(watch)));
        deferred.into_iter().for_each(|socket| self.guard(|| drop(socket)));
        while let Some(entry) = self.ready().pop() {
            self.guard(|| drop(entry));
        }
    }
}
