//! One turn: poll the kernel, fire what it reports, expire timers, run what is ready.

use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::{Rc, Weak};
use std::task::Waker;
use std::time::Duration;

use mio::event::Event;

use crate::event_loop::EventLoop;
use crate::handle::{LoopState, TurnRule};
use crate::job::Job;
use crate::readiness::reactor::PIPE;
use crate::readiness::signs::Signs;
use crate::readiness::watch::Watch;
use crate::ready::Entry;
use crate::report::errors::{Context, closed};
use crate::report::running::Work;
use crate::threads::self_pipe;
use crate::timers::{Action, TimerKey};

/// No wait in the kernel is longer, in seconds (asyncio: `MAXIMUM_SELECT_TIMEOUT`).
const POLL_SECONDS_MAX: u64 = 86_400;

impl EventLoop {
    /// Makes one turn: poll the kernel, queue what it reported, queue the timers that are due, run
    /// what is ready.
    ///
    /// # Errors
    /// When the kernel's poll fails; an interrupted one reports nothing and is no failure. When the
    /// loop is closed.
    ///
    /// asyncio: `BaseEventLoop._run_once`.
    // ANCHOR: turn
    pub fn run_once(&mut self) -> io::Result<()> {
        if self.state.ending().is_closed() {
            return Err(closed());
        }
        self.state.begin_turn();
        self.state.arm_fired();
        self.poll(self.timeout())?;
        self.fire();
        self.state.leave_if_aborted();
        self.state.expire();
        self.state.run_ready();
        self.state.leave_if_aborted();
        Ok(())
    }
    // ANCHOR_END: turn

    /// Decides how long the poll waits; `None` is for ever.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        let state = &self.state;
        state.collect();
        if state.is_busy() {
            return Some(Duration::ZERO);
        }
        let ahead = state.timers().next_deadline()? - state.clock().time();
        let ahead = ahead.min(Duration::from_secs(POLL_SECONDS_MAX));
        match self.stand_in {
            Some(stand_in) if !ahead.is_zero() => (stand_in.wait)(self, ahead),
            _ => Some(ahead),
        }
    }

    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.state.counters().polls.count();
        match self.stand_in {
            None => self.poll_kernel(timeout),
            Some(stand_in) => (stand_in.poll)(self, timeout),
        }
    }

    /// Asks the kernel, unless another thread has told the loop not to sleep.
    pub(crate) fn poll_kernel(&mut self, mut timeout: Option<Duration>) -> io::Result<()> {
        if timeout != Some(Duration::ZERO) && !self.state.inbox().fall_asleep() {
            timeout = Some(Duration::ZERO);
        }
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.events.clear(),
            result => result?,
        }
        Ok(())
    }

    /// Turns what other threads, signals and the kernel said into ready entries, in this order.
    ///
    /// One `catch_unwind` serves the batch: after a panic it goes on behind the failed event.
    fn fire(&self) {
        self.state.collect();
        let mut events = self.events.iter();
        while let Err(payload) = catch_unwind(AssertUnwindSafe(|| {
            events.by_ref().for_each(|event| self.fire_one(event))
        })) {
            self.state.caught(payload);
            self.state.defer_all_ready();
            self.state.collect();
        }
        self.state.release_deferred();
    }

    fn fire_one(&self, event: &Event) {
        if event.token() == PIPE {
            // A signal, or the byte of a submission that was collected already.
            self_pipe::drain(&self.pipe);
            return self.state.fire_signals();
        }
        self.state.counters().events.count();
        self.state.fire(event.token(), Signs::of(event));
    }
}

impl LoopState {
    /// Arms the raw descriptors that fired in the turn before: mio reports edges, `add_reader`
    /// promises levels.
    pub(crate) fn arm_fired(self: &Rc<Self>) {
        let fired = self.reactor().take_fired();
        if fired.is_empty() {
            return;
        }
        for watch in fired.iter().filter_map(Weak::upgrade) {
            // The handler of a failure may abort the run, and a watch that it has removed may take its
            // descriptor's owner along: neither leaves the others unarmed.
            self.guard(|| self.arm(watch));
        }
        self.leave_if_aborted();
    }

    fn arm(self: &Rc<Self>, watch: Rc<Watch>) {
        if watch.interest().is_none() {
            return;
        }
        self.counters().registrations.count();
        if let Err(error) = watch.update(self.reactor().registry()) {
            let message = format!("a watched descriptor cannot be armed again: {error}");
            self.report(&Context::new(message).created_at(watch.created_at()));
        }
    }

    /// Moves the timers that are due into the ready queue.
    fn expire(self: &Rc<Self>) {
        if self.timers().is_empty() {
            return;
        }
        let now = self.clock().time();
        self.collect();
        while let Some(key) = self.timers().pop_due(now) {
            self.ready().push(Entry::Timed(key));
        }
    }

    /// Runs what is ready, as far as the turn rule goes, and returns how many entries it took.
    ///
    /// One `catch_unwind` serves the batch: after a panic it goes on behind the failed entry.
    // ANCHOR: batch
    pub(crate) fn run_ready(self: &Rc<Self>) -> usize {
        let snapshot = self.begin_pass();
        let limit = match self.turn_rule() {
            TurnRule::Snapshot => snapshot,
            TurnRule::Bounded(bound) => bound.max(snapshot),
        };
        let mut taken = 0;
        while taken < limit {
            let batch = catch_unwind(AssertUnwindSafe(|| {
                while taken < limit {
                    let Some(entry) = self.ready().pop() else { return false };
                    taken += 1;
                    self.run(entry);
                }
                true
            }));
            match batch {
                Ok(true) => {}
                Ok(false) => break,
                Err(payload) => self.panicked(payload),
            }
        }
        taken
    }
    // ANCHOR_END: batch

    /// Runs one entry, unless it was cancelled. But for wakers, which `fire` calls, for the hook of
    /// the ready queue, for the exception handler, and for what closing does, this is the only place
    /// where the loop calls its users.
    fn run(self: &Rc<Self>, entry: Entry) {
        match entry {
            Entry::Job(job, part) => self.run_job(job, part),
            Entry::Call(call, scheduled_at) => self.call(Work::Call, call, scheduled_at),
            Entry::Timed(key) => self.run_timed(key),
            Entry::Cancelled => {}
        }
    }

    fn run_job(&self, job: Rc<dyn Job>, part: u64) {
        self.counters().calls.count();
        self.reporting().runs_job();
        job.run(part);
    }

    fn call(&self, work: Work, call: Box<dyn FnOnce()>, scheduled_at: &'static Location<'static>) {
        self.counters().calls.count();
        self.reporting().runs(work, scheduled_at);
        call();
    }

    /// Runs what a timer held, unless it was cancelled.
    fn run_timed(self: &Rc<Self>, key: TimerKey) {
        match self.timers().take(key) {
            Some((Action::Call(call), scheduled_at)) => self.call(Work::Timer, call, scheduled_at),
            Some((Action::Job(job, part), _)) => self.run_job(job, part),
            Some((Action::Wake(waker), scheduled_at)) => {
                self.counters().calls.count();
                self.reporting().runs(Work::Timer, scheduled_at);
                self.with(waker, Waker::wake_by_ref);
            }
            None => {}
        }
    }
}
