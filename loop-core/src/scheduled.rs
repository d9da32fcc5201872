//! Scheduling: callbacks, jobs and wakers, now or at a deadline, and the handle that cancels them.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::handle::{LoopHandle, LoopState};
use crate::job::Job;
use crate::kit::loop_time::LoopTime;
use crate::ready::Entry;
use crate::report::errors::Closed;
use crate::timers::{Action, TimerKey};

/// A scheduled callback that can be cancelled.
///
/// Dropping it does not cancel. asyncio: `Handle` and `TimerHandle`.
pub struct Handle {
    /// Where a cancel looks.
    state: Rc<LoopState>,
    /// Where in it: the callback stays there until it runs.
    place: Place,
    /// Kept here: what was cancelled leaves no trace on the loop.
    cancelled: Cell<bool>,
}

/// Where a scheduled callback waits.
enum Place {
    /// In the ready queue, under this number.
    Ready(u64),
    /// Among the timers, and with its deadline passed still there until it runs.
    Timed(TimerKey),
    /// Nowhere: the loop was closed.
    Nowhere,
}

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
        Ok(self.queued(Entry::Call(Box::new(callback), Location::caller())))
    }

    /// Runs `callback` once, `delay` from now.
    ///
    /// # Panics
    /// On a closed loop, as [`LoopHandle::call_at`].
    ///
    /// A moment is no span:
    ///
    /// ```compile_fail,E0308
    /// # let handle = loop_core::EventLoop::new().unwrap().handle();
    /// handle.call_later(handle.time(), || ());
    /// ```
    ///
    /// # Limits
    /// The kernel's poll counts milliseconds and rounds up: a callback is never early, and on an
    /// idle loop up to 1 ms late.
    ///
    /// asyncio: `BaseEventLoop.call_later`.
    #[track_caller]
    pub fn call_later(&self, delay: Duration, callback: impl FnOnce() + 'static) -> Handle {
        self.call_at(self.time() + delay, callback)
    }

    /// Runs `callback` once when the loop's time is `deadline`. Equal deadlines run in the order of
    /// scheduling, and past ones in the next turn, earliest first.
    ///
    /// # Panics
    /// On a closed loop; [`LoopHandle::try_call_at`] hands the callback back instead.
    ///
    /// A span is no moment:
    ///
    /// ```compile_fail,E0308
    /// # let handle = loop_core::EventLoop::new().unwrap().handle();
    /// handle.call_at(std::time::Duration::from_secs(1), || ());
    /// ```
    ///
    /// asyncio: `BaseEventLoop.call_at`, but ties keep their order.
    #[track_caller]
    pub fn call_at(&self, deadline: LoopTime, callback: impl FnOnce() + 'static) -> Handle {
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
        deadline: LoopTime,
        callback: F,
    ) -> Result<Handle, Closed<F>> {
        if self.is_closed() { Err(Closed(callback)) } else { Ok(self.call_at(deadline, callback)) }
    }

    /// Queues a part of a shared job. A closed loop drops it.
    #[inline]
    pub fn queue(&self, job: Rc<dyn Job>, part: u64) {
        self.state.push(Entry::Job(job, part));
    }

    /// Queues a part of a shared job when the loop's time is `deadline`.
    ///
    /// When the loop is closed first, the job runs then; [`LoopHandle::is_closing`] tells it so. A
    /// loop that is closed already drops it.
    #[track_caller]
    pub fn queue_at(&self, deadline: LoopTime, job: Rc<dyn Job>, part: u64) -> Handle {
        if self.is_closing() && !self.is_closed() {
            // What begins now ends with the rest: its deadline will not come.
            return self.queued(Entry::Job(job, part));
        }
        self.timed(deadline, Action::Job(job, part))
    }

    /// Wakes a task when the loop's time is `deadline`. A closed loop drops the waker.
    #[track_caller]
    pub fn wake_at(&self, deadline: LoopTime, waker: Waker) -> Handle {
        self.timed(deadline, Action::Wake(waker))
    }

    /// Returns the loop's time: what its clock shows now. asyncio: `BaseEventLoop.time`.
    pub fn time(&self) -> LoopTime {
        self.state.clock().time()
    }

    /// Returns the moment of the loop's time that an instant is; what was before the loop was made is
    /// [`LoopTime::ORIGIN`].
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let event_loop = loop_core::EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// let instant = Instant::now() + Duration::from_secs(1);
    /// handle.call_at(handle.time_at(instant), || ());
    /// assert_eq!(handle.instant_at(handle.time_at(instant)), instant);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Limits
    /// A [`ManualClock`](crate::ManualClock) counts from the instant at which its loop was made, too: its
    /// own time goes by its steps, and not by the system's clock.
    pub fn time_at(&self, instant: Instant) -> LoopTime {
        LoopTime::ORIGIN + instant.saturating_duration_since(self.state.clock().origin)
    }

    /// Returns the instant that a moment of the loop's time is: [`LoopHandle::time_at`] turned round.
    pub fn instant_at(&self, time: LoopTime) -> Instant {
        self.state.clock().origin + time.since_origin()
    }

    /// Tells whether the loop's time has come to `deadline`.
    ///
    /// ```
    /// use loop_core::{EventLoop, ManualClock};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let event_loop = EventLoop::with_clock(clock.clone())?;
    /// let handle = event_loop.handle();
    /// let deadline = handle.time() + Duration::from_secs(1);
    /// assert!(!handle.has_come(deadline));
    /// clock.advance(Duration::from_secs(1));
    /// assert!(handle.has_come(deadline));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn has_come(&self, deadline: LoopTime) -> bool {
        deadline <= self.time()
    }

    /// Panics, as what needs an open loop does on a closed one. The callback is gone by then: a
    /// destructor that panics while this unwinds would end the process.
    #[cold]
    #[track_caller]
    pub(crate) fn refuse(&self, what: &str, callback: impl FnOnce()) -> ! {
        self.state.discard(callback);
        panic!("{what}: the event loop is closed");
    }

    fn queued(&self, entry: Entry) -> Handle {
        self.handle_at(Place::Ready(self.state.push(entry)))
    }

    #[track_caller]
    fn timed(&self, deadline: LoopTime, action: Action) -> Handle {
        if self.is_closed() {
            self.state.discard(action);
            return self.handle_at(Place::Nowhere);
        }
        let timers = self.state.timers();
        self.handle_at(Place::Timed(timers.insert(deadline, action, Location::caller())))
    }

    fn handle_at(&self, place: Place) -> Handle {
        Handle { state: self.state.clone(), place, cancelled: Cell::new(false) }
    }
}

impl Handle {
    /// Keeps the callback from running and drops it; tells whether it was still to run.
    pub fn cancel(&self) -> bool {
        match self.place {
            Place::Ready(number) => self.take_out(self.state.ready().cancel(number)),
            Place::Timed(key) => self.take_out(self.state.timers().take(key)),
            Place::Nowhere => false,
        }
    }

    /// Drops what was taken out of its place. It counts as cancelled even if its drop panics.
    fn take_out<T>(&self, taken: Option<T>) -> bool {
        let Some(taken) = taken else { return false };
        self.cancelled.set(true);
        self.state.discard(taken);
        true
    }

    /// Tells whether the callback was cancelled before it ran.
    pub fn cancelled(&self) -> bool {
        self.cancelled.get()
    }
}
