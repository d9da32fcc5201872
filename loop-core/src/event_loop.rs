//! The owner of a loop, who runs it: one turn is poll, fire, expire, run.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use mio::event::Event;
use mio::unix::pipe;
use mio::{Events, Interest, Poll};

use crate::clock::{Clock, ManualClock, Pace};
use crate::core::{Core, LoopHandle, PIPE};
use crate::readiness::descriptors::Watch;
use crate::readiness::signs::Signs;
use crate::readiness::target::Rows;
use crate::report::errors::Context;
use crate::threads::self_pipe::{self, Inbox};

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
    /// Polls and fires in the kernel's place, in a test.
    pub(crate) script: Option<Script>,
}

/// What is called where the kernel's poll would be, with how long it may wait.
pub(crate) type Script = Box<dyn FnMut(&Rc<Core>, Option<Duration>) -> io::Result<()>>;

/// How the poll of a turn waits: for ever, unless it says otherwise.
#[derive(Debug, Default)]
struct Wait {
    timeout: Option<Duration>,
    /// The time, if it had to be read and the poll will not wait.
    now: Option<Duration>,
    /// Where the clock jumps if nothing comes.
    jump: Option<Duration>,
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
    // ANCHOR: turn
    pub fn run_once(&mut self) -> io::Result<()> {
        if self.core.closed.get() {
            return Err(io::Error::other("the event loop is closed"));
        }
        self.core.counters.turns.count();
        self.arm_again();
        let Wait { timeout, now, jump } = self.wait();
        self.poll(timeout)?;
        self.fire();
        if let Some(deadline) = jump
            && self.events.is_empty()
            && self.core.ready.is_empty()
        {
            self.core.clock.jump(deadline);
        }
        self.core.leave_if_aborted();
        self.core.expire(now);
        self.core.run_ready();
        self.core.leave_if_aborted();
        Ok(())
    }
    // ANCHOR_END: turn

    /// Runs what is ready now, as far as the turn rule goes, without a poll; returns how many
    /// entries of the queue it took. For those who have a poll of their own.
    ///
    /// What [`LoopHandle::on_ready`] was given is called if something is left.
    pub fn run_ready(&mut self) -> usize {
        self.core.collect();
        let taken = self.core.run_ready();
        if !self.core.ready.is_empty() {
            self.core.call_ready_hook();
        }
        taken
    }

    /// Returns how long a foreign poll may wait for the loop's descriptor before it calls
    /// [`EventLoop::run_once`]; `None` is for ever. To be called before each such wait: from here
    /// on a submission of another thread makes the descriptor readable.
    ///
    /// libuv: `uv_backend_timeout`.
    pub fn prepare_to_wait(&mut self) -> Option<Duration> {
        self.arm_again();
        let timeout = self.wait().timeout;
        let sleeps = timeout == Some(Duration::ZERO) || self.core.inbox.fall_asleep();
        if sleeps { timeout } else { Some(Duration::ZERO) }
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
        for watch in self.core.fired.take().iter().filter_map(Weak::upgrade) {
            // The handler of a failure may abort the run, and a watch that it has removed may take its
            // descriptor's owner along: neither leaves the others unarmed.
            self.core.guard(|| self.arm_one(watch));
        }
        self.core.leave_if_aborted();
    }

    fn arm_one(&self, watch: Rc<Watch>) {
        if watch.interest().is_none() {
            return;
        }
        self.core.counters.registrations.count();
        if let Err(error) = watch.update(&self.core.registry) {
            let message = format!("a watched descriptor cannot be armed again: {error}");
            self.core.report(&Context::new(message).created_at(watch.created_at()));
        }
    }

    /// Decides how the poll waits.
    fn wait(&self) -> Wait {
        let core = &self.core;
        core.collect();
        let busy = core.stopping.get() || !core.ready.is_empty();
        if busy || !core.deferred.borrow().is_empty() {
            return Wait { timeout: Some(Duration::ZERO), ..Wait::default() };
        }
        let Some(deadline) = core.timers.next_deadline() else { return Wait::default() };
        let now = core.clock.time();
        let ahead = deadline.saturating_sub(now);
        // A script moves the clock that it is given.
        let pace = if self.script.is_some() { Pace::Passes } else { core.clock.pace() };
        match pace {
            _ if ahead.is_zero() => {
                Wait { timeout: Some(Duration::ZERO), now: Some(now), jump: None }
            }
            Pace::Passes => {
                let timeout = ahead.min(Duration::from_secs(POLL_SECONDS_MAX));
                Wait { timeout: Some(timeout), ..Wait::default() }
            }
            Pace::Stands => Wait { timeout: Some(Duration::ZERO), now: Some(now), jump: None },
            // What a thread does takes real time, in which no clock should jump.
            Pace::Jumps(_) if !core.offload.is_idle() => Wait::default(),
            Pace::Jumps(threshold) => {
                Wait { timeout: Some(threshold), now: None, jump: Some(deadline) }
            }
        }
    }

    fn poll(&mut self, mut timeout: Option<Duration>) -> io::Result<()> {
        self.core.counters.polls.count();
        if let Some(script) = &mut self.script {
            return script(&self.core, timeout);
        }
        if timeout != Some(Duration::ZERO) && !self.core.inbox.fall_asleep() {
            timeout = Some(Duration::ZERO);
        }
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.events.clear(),
            result => result?,
        }
        Ok(())
    }

    /// Turns what other threads, signals and the kernel said into ready entries, in this order.
    fn fire(&self) {
        self.core.collect();
        if !self.events.is_empty() {
            self.fire_events();
        }
        self.core.fire_deferred();
    }

    /// Hands on what the kernel said.
    ///
    /// One `catch_unwind` serves the batch: after a panic it goes on behind the failed event.
    #[inline(always)]
    fn fire_events(&self) {
        let mut events = self.events.iter();
        let fire_all = |events: &mut mio::event::Iter<'_>| {
            let mut rows = self.core.targets.borrow();
            for event in events {
                rows = self.fire_one(rows, event);
            }
        };
        while let Err(payload) = catch_unwind(AssertUnwindSafe(|| fire_all(&mut events))) {
            self.core.caught(payload);
            self.core.defer_all_ready();
            self.core.collect();
        }
    }

    #[inline]
    fn fire_one<'a>(&'a self, rows: Rows<'a>, event: &Event) -> Rows<'a> {
        if event.token() == PIPE {
            // A signal, or the byte of a submission that was collected already.
            self_pipe::drain(&self.pipe);
            self.core.fire_signals();
            return rows;
        }
        self.core.counters.events.count();
        self.core.fire(rows, event.token(), Signs::of(event))
    }
}

/// The descriptor of the kernel's poll, so that a foreign poll can watch the loop: it is readable
/// when [`EventLoop::run_once`] has kernel events, signals or, after
/// [`EventLoop::prepare_to_wait`], submissions to bring.
impl AsRawFd for EventLoop {
    fn as_raw_fd(&self) -> RawFd {
        self.poll.as_raw_fd()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readiness::direction::Direction;
    use crate::report::running::Work;

    #[test]
    fn the_poll_waits_for_the_next_deadline_a_day_at_most_or_for_ever() {
        let event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        assert_eq!(event_loop.wait().timeout, None);
        let never = handle.call_later(Duration::MAX, || ());
        let day = Duration::from_secs(POLL_SECONDS_MAX);
        assert_eq!(event_loop.wait().timeout, Some(day));
        let centuries = handle.call_later(Duration::from_secs(300 * 366 * 86_400), || ());
        assert_eq!(event_loop.wait().timeout, Some(day));
        let hour = handle.call_later(Duration::from_secs(3_600), || ());
        assert!(event_loop.wait().timeout.unwrap() <= Duration::from_secs(3_600));
        hour.cancel();
        assert_eq!(event_loop.wait().timeout, Some(day), "a cancelled timer is purged first");
        assert!(never.cancel() && centuries.cancel());
        assert_eq!(event_loop.wait().timeout, None);
    }

    #[test]
    fn the_poll_does_not_wait_while_something_is_ready_or_the_loop_is_stopping() {
        let event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        let callback = handle.call_soon(|| ());
        assert_eq!(event_loop.wait().timeout, Some(Duration::ZERO));
        callback.cancel();
        event_loop.core.run_ready();
        assert_eq!(event_loop.wait().timeout, None);
        handle.call_at(Duration::ZERO, || ());
        assert_eq!(event_loop.wait().timeout, Some(Duration::ZERO));
        handle.stop();
        assert_eq!(event_loop.wait().timeout, Some(Duration::ZERO));
    }

    /// The kernel does not know the first watch: arming it fails, and so does the handler.
    #[test]
    fn a_handler_that_aborts_leaves_no_watch_unarmed() {
        let mut event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        let pair = || std::os::unix::net::UnixStream::pair().unwrap();
        let ((unknown, _peer), (known, mut writer)) = (pair(), pair());
        let unknown = Watch::new(Rc::new(unknown), std::panic::Location::caller());
        assert!(
            unknown.replace(Direction::Read, Some(handle.watcher(Work::Reader, || ()))).is_none()
        );
        let calls = Rc::new(std::cell::Cell::new(0));
        let counted = calls.clone();
        handle.add_reader(&Rc::new(known), move || counted.set(counted.get() + 1)).unwrap();
        io::Write::write_all(&mut writer, b"x").unwrap();
        event_loop.run_once().unwrap();
        handle.set_exception_handler(|_, _| std::panic::resume_unwind(Box::new(crate::Abort)));
        event_loop.core.fired.borrow_mut().insert(0, Rc::downgrade(&unknown));
        assert!(catch_unwind(AssertUnwindSafe(|| event_loop.run_once())).is_err(), "it aborts");
        event_loop.run_once().unwrap();
        assert_eq!(calls.get(), 2, "the byte is still there");
    }
}
