//! What a program says to its loop: schedule, watch, stop, ask.

use std::fmt;
use std::io;
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use crate::core::{Core, LoopHandle, TurnRule};
use crate::job::Job;
use crate::ready::Entry;
use crate::report::counts::Counts;
use crate::report::errors::Closed;
use crate::scheduled::{Handle, Place};
use crate::timers::{self, Action};

impl LoopHandle {
    /// Queues `callback` to run once, after all that is ready already.
    ///
    /// ```
    /// let mut event_loop = loop_core::EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// let later = handle.call_soon(|| unreachable!("it is cancelled"));
    /// later.cancel();
    /// handle.stop();
    /// event_loop.run_forever()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    /// On a closed loop; [`LoopHandle::try_call_soon`] hands the callback back instead.
    ///
    /// asyncio: `BaseEventLoop.call_soon`.
    #[track_caller]
    pub fn call_soon(&self, callback: impl FnOnce() + 'static) -> Handle {
        match self.try_call_soon(callback) {
            Ok(handle) => handle,
            Err(Closed(callback)) => self.refuse("call_soon", callback),
        }
    }

    /// Queues `callback`, or hands it back.
    ///
    /// # Errors
    /// [`Closed`] with the callback when the loop is closed.
    #[track_caller]
    pub fn try_call_soon<F: FnOnce() + 'static>(&self, callback: F) -> Result<Handle, Closed<F>> {
        if self.is_closed() {
            return Err(Closed(callback));
        }
        Ok(self.queue_call(Box::new(callback), Location::caller()))
    }

    /// Apart from [`LoopHandle::try_call_soon`], of which every type of callback has its own.
    #[inline]
    fn queue_call(&self, callback: Box<dyn FnOnce()>, place: &'static Location<'static>) -> Handle {
        self.handle_at(Place::Ready(self.push(Entry::Call(callback, place))))
    }

    /// Runs `callback` once, `delay` from now.
    ///
    /// # Panics
    /// On a closed loop, as [`LoopHandle::call_at`].
    ///
    /// # Limits
    /// The kernel's poll counts milliseconds and rounds up: a callback is never early, and on an
    /// idle loop up to 1 ms late.
    ///
    /// asyncio: `BaseEventLoop.call_later`.
    #[track_caller]
    pub fn call_later(&self, delay: Duration, callback: impl FnOnce() + 'static) -> Handle {
        self.call_at(self.time().saturating_add(delay), callback)
    }

    /// Runs `callback` once when the loop's time is `deadline`. Equal deadlines run in the order of
    /// scheduling, and past ones in the next turn, earliest first.
    ///
    /// # Panics
    /// On a closed loop; [`LoopHandle::try_call_at`] hands the callback back instead.
    ///
    /// asyncio: `BaseEventLoop.call_at`, but ties keep their order.
    #[track_caller]
    pub fn call_at(&self, deadline: Duration, callback: impl FnOnce() + 'static) -> Handle {
        if self.is_closed() {
            self.refuse("call_at", callback);
        }
        self.timed(deadline, Action::Call(Box::new(callback)))
    }

    /// Runs `callback` as [`LoopHandle::call_at`] does, or hands it back.
    ///
    /// # Errors
    /// [`Closed`] with the callback when the loop is closed.
    #[track_caller]
    pub fn try_call_at<F: FnOnce() + 'static>(
        &self,
        deadline: Duration,
        callback: F,
    ) -> Result<Handle, Closed<F>> {
        if self.is_closed() { Err(Closed(callback)) } else { Ok(self.call_at(deadline, callback)) }
    }

    /// Queues a part of a shared job. A closed loop drops it.
    #[inline(always)]
    pub fn queue(&self, job: Rc<dyn Job>, part: u64) {
        if self.is_attentive() {
            return self.queue_attentively(job, part);
        }
        self.core.ready.push(Entry::Job(job, part));
    }

    #[cold]
    fn queue_attentively(&self, job: Rc<dyn Job>, part: u64) {
        if self.is_closed() {
            return self.core.discard(job);
        }
        self.push_attentively(Entry::Job(job, part));
    }

    /// Queues a part of a shared job when the loop's time is `deadline`.
    ///
    /// When the loop is closed first, the job runs then; [`LoopHandle::is_closing`] tells it so. A
    /// loop that is closed already drops it.
    #[track_caller]
    pub fn queue_at(&self, deadline: Duration, job: Rc<dyn Job>, part: u64) -> Handle {
        if self.is_closing() && !self.is_closed() {
            // What begins now ends with the rest: its deadline will not come.
            return self.handle_at(Place::Ready(self.push(Entry::Job(job, part))));
        }
        self.timed(deadline, Action::Job(job, part))
    }

    /// Wakes a task when the loop's time is `deadline`. A closed loop drops the waker.
    #[track_caller]
    pub fn wake_at(&self, deadline: Duration, waker: Waker) -> Handle {
        self.timed(deadline, Action::Wake(waker))
    }

    /// Returns the loop's time: how long ago it was made. asyncio: `BaseEventLoop.time`.
    pub fn time(&self) -> Duration {
        self.core.clock.time()
    }

    /// Tells whether the loop's time has come to `deadline`, as its timers count.
    ///
    /// To compare [`LoopHandle::time`] with a deadline by hand is not the same: timers count
    /// nanoseconds, and a deadline more than 584 years ahead comes when 584 years have passed.
    ///
    /// ```
    /// use loop_core::{EventLoop, ManualClock};
    /// use std::time::Duration;
    ///
    /// let mut event_loop = EventLoop::with_clock(ManualClock::new().autojump(Duration::ZERO))?;
    /// let handle = event_loop.handle();
    /// let stopped = handle.clone();
    /// handle.call_at(Duration::MAX, move || stopped.stop());
    /// event_loop.run_forever()?;
    /// assert!(handle.has_come(Duration::MAX) && handle.time() < Duration::MAX);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn has_come(&self, deadline: Duration) -> bool {
        timers::is_due(deadline, self.time())
    }

    /// Ends the present run when its turn is over; what is queued stays for the next run.
    ///
    /// Before a run it makes that run one turn long, without waiting. asyncio: `stop`.
    pub fn stop(&self) {
        self.core.stopping.set(true);
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
        self.core.stopping.get()
    }

    /// Sets how long a turn runs callbacks before it polls.
    pub fn set_turn_rule(&self, rule: TurnRule) {
        self.core.turn_rule.set(rule);
    }

    /// Runs `hook` first thing when the loop is closed; at once, if closing has begun. Its panic is
    /// reported.
    pub fn on_close(&self, hook: impl FnOnce() + 'static) {
        if self.is_closing() {
            return self.core.guard(hook);
        }
        self.core.closers.borrow_mut().push(Box::new(hook));
    }

    /// Calls `hook` whenever the ready queue becomes non-empty, and when
    /// [`EventLoop::run_ready`](crate::EventLoop::run_ready) leaves something: for a foreign loop,
    /// which will then run what is ready. It takes the place of the hook before.
    ///
    /// asyncio has none; it is what the foreign loop's `call_soon` is for.
    pub fn on_ready(&self, hook: impl Fn() + 'static) {
        if self.is_closed() {
            return self.core.discard(hook);
        }
        let before = self.core.ready_hook.replace(Some(Rc::new(hook)));
        self.core.attentive.set(true);
        self.core.discard(before);
    }

    /// Sets whether the styles tell more of what goes wrong, at some cost. asyncio: `set_debug`.
    pub fn set_debug(&self, debug: bool) {
        self.core.debug.set(debug);
    }

    /// Tells whether more is told of what goes wrong. asyncio: `get_debug`.
    pub fn is_debug(&self) -> bool {
        self.core.debug.get()
    }

    /// Tells whether the loop is being closed, or is closed.
    pub fn is_closing(&self) -> bool {
        self.core.closing.get()
    }

    /// Tells whether the loop is closed. asyncio: `BaseEventLoop.is_closed`.
    pub fn is_closed(&self) -> bool {
        self.core.closed.get()
    }

    /// Returns a number that no other loop of the process has.
    pub fn id(&self) -> u64 {
        self.core.id
    }

    /// Returns what the loop has done so far.
    pub fn counts(&self) -> Counts {
        let counters = &self.core.counters;
        Counts {
            turns: counters.turns.value(),
            polls: counters.polls.value(),
            events: counters.events.value(),
            hops: self.core.ready.hops(),
            calls: counters.calls.value(),
            registrations: counters.registrations.value(),
            wake_writes: self.core.inbox.wakes(),
            reads: counters.reads.value(),
            writes: counters.writes.value(),
            accepts: counters.accepts.value(),
        }
    }

    /// Tells whether a push on the ready queue is not all, seldom as that is: other threads have
    /// submitted, there is a hook, or the loop is closed.
    #[inline(always)]
    fn is_attentive(&self) -> bool {
        self.core.inbox.is_told() | self.core.attentive.get()
    }

    /// Queues an entry.
    #[inline(always)]
    fn push(&self, entry: Entry) -> u64 {
        if self.is_attentive() {
            return self.push_attentively(entry);
        }
        self.core.ready.push(entry)
    }

    /// Queues an entry behind what other threads have submitted before, and says so to a foreign loop
    /// if nothing was ready.
    #[cold]
    fn push_attentively(&self, entry: Entry) -> u64 {
        let was_empty = self.core.ready.is_empty();
        self.core.collect();
        let number = self.core.ready.push(entry);
        if was_empty {
            self.core.call_ready_hook();
        }
        number
    }

    fn handle_at(&self, place: Place) -> Handle {
        Handle::at(self.core.clone(), place)
    }

    /// Panics, as what needs an open loop does on a closed one. The callback is gone by then: a
    /// destructor that panics while this unwinds would end the process.
    #[cold]
    #[track_caller]
    pub(crate) fn refuse(&self, what: &str, callback: impl FnOnce()) -> ! {
        self.core.discard(callback);
        panic!("{what}: the event loop is closed");
    }

    #[track_caller]
    fn timed(&self, deadline: Duration, action: Action) -> Handle {
        if self.is_closed() {
            self.core.discard(action);
            return self.handle_at(Place::Nowhere);
        }
        self.handle_at(Place::Timed(self.core.timers.insert(deadline, action, Location::caller())))
    }
}

impl Core {
    /// Tells a foreign loop that there is something to run. Its panic is not that of whoever queues.
    pub(crate) fn call_ready_hook(self: &Rc<Self>) {
        let hook = self.ready_hook.borrow().clone();
        if let Some(hook) = hook {
            // It may have replaced itself.
            self.with(hook, |hook| {
                self.contain("the hook of the ready queue panicked", || hook());
            });
        }
    }
}

impl fmt::Debug for LoopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopHandle").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// The error of what a closed loop cannot do.
pub(crate) fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the event loop is closed")
}
