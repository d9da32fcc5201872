//! The owner of a loop, who runs it: one turn is poll, fire, expire, run.

use std::cell::Cell;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use mio::unix::pipe;
use mio::{Events, Interest, Poll};

use crate::clock::{Clock, ManualClock};
use crate::core::{Core, LoopHandle, PIPE};
use crate::errors::{Context, RunError};
use crate::script::Script;
use crate::self_pipe::Inbox;
use crate::waiters::{Signs, Target};

/// How many kernel events one turn takes; the rest wait for the next.
const EVENTS_PER_TURN: usize = 1024;

/// No wait in the kernel is longer, in seconds (asyncio: `MAXIMUM_SELECT_TIMEOUT`).
const POLL_SECONDS_MAX: u64 = 86_400;

/// A single-threaded event loop.
///
/// The loop is closed when it is dropped. asyncio: `BaseSelectorEventLoop`.
///
/// ```
/// use loop_core::EventLoop;
/// use std::time::Duration;
///
/// let mut event_loop = EventLoop::new()?;
/// let handle = event_loop.handle();
/// let answer = event_loop.run_until_complete(|completer| {
///     handle.call_later(Duration::from_millis(1), || completer.complete(42));
/// });
/// assert_eq!(answer.unwrap(), 42);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct EventLoop {
    pub(crate) core: Rc<Core>,
    poll: Poll,
    events: Events,
    pipe: pipe::Receiver,
    /// Polls in the kernel's place, in a test.
    pub(crate) script: Option<Script>,
}

/// Gives [`EventLoop::run_until_complete`] its result.
#[must_use = "a completer that is dropped ends the run with an error"]
pub struct Completer<T> {
    handle: LoopHandle,
    /// Gone when the run is over: who completes late does not stop a later run.
    outcome: Weak<Cell<Outcome<T>>>,
}

/// Where a run's result stands.
enum Outcome<T> {
    Pending,
    Complete(T),
    Abandoned,
}

impl EventLoop {
    /// Makes a loop on the system's clock.
    ///
    /// # Errors
    /// When the system has no descriptor left for the poll or the pipe.
    pub fn new() -> io::Result<EventLoop> {
        EventLoop::on(Clock::System(std::time::Instant::now()))
    }

    /// Makes a loop on a clock that only moves when it is told to.
    ///
    /// # Errors
    /// As [`EventLoop::new`].
    pub fn with_clock(clock: ManualClock) -> io::Result<EventLoop> {
        EventLoop::on(Clock::Manual(clock))
    }

    fn on(clock: Clock) -> io::Result<EventLoop> {
        let poll = Poll::new()?;
        let (inbox, mut pipe) = Inbox::new()?;
        poll.registry().register(&mut pipe, PIPE, Interest::READABLE)?;
        let core = Core::new(clock, poll.registry().try_clone()?, Arc::new(inbox));
        let events = Events::with_capacity(EVENTS_PER_TURN);
        Ok(EventLoop { core, poll, events, pipe, script: None })
    }

    /// Returns a handle, through which everything is scheduled.
    pub fn handle(&self) -> LoopHandle {
        LoopHandle { core: self.core.clone() }
    }

    /// Makes one turn: poll the kernel, queue what it reported, queue the timers that are due, run
    /// what is ready.
    ///
    /// # Errors
    /// When the kernel's poll fails; an interrupted one reports nothing and is no failure. When the
    /// loop is closed.
    ///
    /// asyncio: `BaseEventLoop._run_once`.
    pub fn run_once(&mut self) -> io::Result<()> {
        if self.core.closed.get() {
            return Err(io::Error::other("the event loop is closed"));
        }
        let core = self.core.clone();
        core.counters.turns.count();
        self.arm_again();
        let (timeout, now) = self.timeout();
        self.poll(timeout)?;
        self.fire();
        core.leave_if_aborted();
        core.expire(now);
        core.run_ready();
        Ok(())
    }

    /// Runs what is ready now, as far as the turn rule goes, without a poll; returns how many
    /// entries of the queue it took. For those who have a poll of their own.
    pub fn run_ready(&mut self) -> usize {
        self.core.run_ready()
    }

    /// Makes turns until [`LoopHandle::stop`] is called.
    ///
    /// # Errors
    /// As [`EventLoop::run_once`].
    ///
    /// # Panics
    /// When a callback panics with [`Abort`](crate::Abort): the run is left at once, what is queued
    /// stays queued.
    ///
    /// asyncio: `BaseEventLoop.run_forever`.
    pub fn run_forever(&mut self) -> io::Result<()> {
        let _reset = ResetStopping(self.core.clone());
        loop {
            self.run_once()?;
            if self.core.stopping.get() {
                return Ok(());
            }
        }
    }

    /// Runs until the completer that `start` is given has a value, and returns the value.
    ///
    /// The value is delivered one turn after it was set, as asyncio delivers a future's.
    ///
    /// # Errors
    /// [`RunError::Stopped`] when the loop is stopped first, [`RunError::Abandoned`] when the
    /// completer is dropped, [`RunError::Poll`] as [`EventLoop::run_once`].
    ///
    /// asyncio: `BaseEventLoop.run_until_complete`.
    pub fn run_until_complete<T: 'static>(
        &mut self,
        start: impl FnOnce(Completer<T>),
    ) -> Result<T, RunError> {
        let outcome = Rc::new(Cell::new(Outcome::Pending));
        start(Completer { handle: self.handle(), outcome: Rc::downgrade(&outcome) });
        self.run_forever()?;
        match outcome.replace(Outcome::Pending) {
            Outcome::Complete(value) => Ok(value),
            Outcome::Abandoned => Err(RunError::Abandoned),
            Outcome::Pending => Err(RunError::Stopped),
        }
    }

    /// Closes the loop: every pending operation ends as cancelled, callbacks that wait are dropped
    /// unrun, and submissions are refused from then on. A second close does nothing.
    ///
    /// asyncio: `BaseEventLoop.close`.
    pub fn close(&mut self) {
        self.core.close();
    }

    /// Arms the raw descriptors that fired in the turn before: mio reports edges, `add_reader`
    /// promises levels.
    fn arm_again(&self) {
        if self.core.fired.borrow().is_empty() {
            return;
        }
        for watch in self.core.fired.take() {
            if watch.interest().is_none() {
                continue;
            }
            self.core.counters.registrations.count();
            if let Err(error) = watch.update(&self.core.registry) {
                let message = format!("a watched descriptor cannot be armed again: {error}");
                self.core.report(&Context::new(message).created_at(watch.created_at()));
            }
        }
    }

    /// Returns how long the poll may wait, and the time if that had to be read.
    fn timeout(&self) -> (Option<Duration>, Option<Duration>) {
        let core = &self.core;
        let busy = core.stopping.get() || !core.ready.is_empty();
        if busy || !core.deferred.borrow().is_empty() {
            return (Some(Duration::ZERO), None);
        }
        let Some(deadline) = core.timers.next_deadline() else { return (None, None) };
        let now = core.clock.time();
        let wait = deadline.saturating_sub(now);
        // A script moves the clock that it is given.
        let passes = core.clock.passes() || self.script.is_some();
        if wait.is_zero() || !passes {
            return (Some(Duration::ZERO), Some(now));
        }
        (Some(wait.min(Duration::from_secs(POLL_SECONDS_MAX))), None)
    }

    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.core.counters.polls.count();
        if self.script.is_some() {
            return self.poll_script(timeout);
        }
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.events.clear(),
            result => result?,
        }
        Ok(())
    }

    /// Turns what other threads, signals and the kernel said into ready entries, in this order.
    fn fire(&self) {
        if self.core.inbox.is_notified() {
            self.collect();
        }
        let mut events = 0;
        for event in &self.events {
            if event.token() == PIPE {
                // A signal, or the byte of a submission that was collected already.
                self.collect();
            } else {
                events += 1;
                self.core.fire(event.token(), Signs::of(event));
            }
        }
        self.core.counters.events.add(events);
        self.core.fire_deferred();
    }

    /// Queues what other threads submitted, then the handlers of signals.
    pub(crate) fn collect(&self) {
        for call in self.core.inbox.collect(&self.pipe) {
            let handle = self.handle();
            self.handle().call_soon(move || call(&handle));
        }
        self.core.signals.collect(&self.core.ready);
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        self.close();
    }
}

/// Clears the stop flag when a run ends, by return or by panic.
struct ResetStopping(Rc<Core>);

impl Drop for ResetStopping {
    fn drop(&mut self) {
        self.0.stopping.set(false);
    }
}

impl<T> Completer<T> {
    /// Ends the run with `value`.
    pub fn complete(self, value: T) {
        if let Some(outcome) = self.outcome.upgrade() {
            outcome.set(Outcome::Complete(value));
        }
    }
}

impl<T> Drop for Completer<T> {
    fn drop(&mut self) {
        let Some(outcome) = self.outcome.upgrade() else { return };
        match outcome.replace(Outcome::Abandoned) {
            Outcome::Pending => {}
            settled => outcome.set(settled),
        }
        let handle = self.handle.clone();
        // On a closed loop there is no run left to end.
        let _ = self.handle.try_call_soon(move || handle.stop());
    }
}
