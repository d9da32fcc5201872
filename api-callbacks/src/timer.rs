//! Sleeping with callbacks, and a deadline that is put off again and again.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use loop_core::{Cancelled, Job, LoopHandle, LoopTime};

use crate::cancelling::{CancelTarget, Cancelling, Ticket};
use crate::operation::Operation;
use crate::pending::Pending;

struct Sleep<F: 'static> {
    handle: LoopHandle,
    sleeping: Pending<(loop_core::Handle, F)>,
}

/// A function that is called at a deadline, which can be put off as often as one likes: that of an idle
/// connection, say, which each message puts off.
///
/// It is no operation: when it is dropped or its loop is closed, the function is not called. The function
/// returns after how long it is called again, if it is to be: so it repeats.
///
/// ```
/// use api_callbacks::Timer;
/// use std::time::Duration;
///
/// let clock = loop_core::ManualClock::new();
/// let mut event_loop = loop_core::EventLoop::with_clock(clock.clone())?;
/// let handle = event_loop.handle();
/// let second = Duration::from_secs(1);
/// let stops = handle.clone();
/// let idle = Timer::new(&handle, move || {
///     stops.stop();
///     None
/// });
/// idle.again(3 * second);
/// clock.advance(2 * second);
/// idle.again(3 * second);
/// clock.advance(2 * second);
/// event_loop.run_once()?;
/// assert!(idle.is_armed(), "four seconds have passed, and two since it was put off");
/// clock.advance(second);
/// event_loop.run_forever()?;
/// assert!(!idle.is_armed());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
/// A panic of the function is reported, and is the last that the timer does.
///
/// libuv: `uv_timer_again`.
#[must_use = "a timer that is dropped is stopped"]
pub struct Timer(Rc<Alarm>);

/// What a timer and its loop share.
struct Alarm {
    handle: LoopHandle,
    /// When the function is to be called; none while the timer is stopped.
    due: Cell<Option<LoopTime>>,
    /// What wakes the loop, and when: no later than the function is due. What is put off leaves it where
    /// it is, and it waits for the rest when it comes.
    wakes: Cell<Option<(LoopTime, loop_core::Handle)>>,
    /// What a report of the function's panic names.
    made_at: &'static Location<'static>,
    /// Out of its place while it runs.
    on_time: Cell<Option<OnTime>>,
}

type OnTime = Box<dyn FnMut() -> Option<Duration>>;

/// Calls `callback` when `delay` has passed.
///
/// # Errors
/// Only `Cancelled`.
#[track_caller]
pub fn sleep(
    handle: &LoopHandle,
    delay: Duration,
    callback: impl FnOnce(io::Result<()>) + 'static,
) -> Operation {
    sleep_until(handle, handle.time() + delay, callback)
}

/// Calls `callback` when the loop's time is `deadline`; one that has passed is now.
///
/// A moment is no span, nor a span a moment:
///
/// ```compile_fail,E0308
/// # let handle = loop_core::EventLoop::new().unwrap().handle();
/// let _ = api_callbacks::sleep(&handle, handle.time(), |_| ());
/// ```
/// ```compile_fail,E0308
/// # let handle = loop_core::EventLoop::new().unwrap().handle();
/// let _ = api_callbacks::sleep_until(&handle, std::time::Duration::from_secs(1), |_| ());
/// ```
///
/// # Errors
/// Only `Cancelled`.
#[track_caller]
pub fn sleep_until(
    handle: &LoopHandle,
    deadline: LoopTime,
    callback: impl FnOnce(io::Result<()>) + 'static,
) -> Operation {
    if handle.is_closed() {
        return Operation::refused(handle, callback);
    }
    let sleep = Rc::new(Sleep { handle: handle.clone(), sleeping: Pending::default() });
    let timer = handle.queue_at(deadline, sleep.clone(), 0);
    let number = sleep.sleeping.put((timer, callback));
    Operation::pending(&sleep, Ticket { part: 0, number })
}

impl Timer {
    /// Makes a timer that is stopped.
    #[track_caller]
    pub fn new(handle: &LoopHandle, on_time: impl FnMut() -> Option<Duration> + 'static) -> Timer {
        let (due, wakes) = (Cell::new(None), Cell::new(None));
        let on_time: OnTime = Box::new(on_time);
        Timer(Rc::new(Alarm {
            handle: handle.clone(),
            due,
            wakes,
            made_at: Location::caller(),
            on_time: Cell::new(Some(on_time)),
        }))
    }

    /// Has the function called when `delay` has passed from now, and not at the deadline of before. To put
    /// a deadline off asks the clock and leaves the loop's timers as they are.
    pub fn again(&self, delay: Duration) {
        self.0.again(delay);
    }

    /// Stops the timer; tells whether it was armed.
    pub fn stop(&self) -> bool {
        if let Some((_, wakes)) = self.0.wakes.take() {
            wakes.cancel();
        }
        self.0.due.take().is_some()
    }

    /// Tells whether the function is to be called.
    pub fn is_armed(&self) -> bool {
        self.0.due.get().is_some()
    }
}

impl Alarm {
    fn again(self: &Rc<Self>, delay: Duration) {
        let due = self.handle.time() + delay;
        self.due.set(Some(due));
        match self.wakes.take() {
            Some(sooner) if sooner.0 <= due => self.wakes.set(Some(sooner)),
            later => {
                if let Some((_, later)) = later {
                    later.cancel();
                }
                self.wake_at(due);
            }
        }
    }

    fn wake_at(self: &Rc<Self>, due: LoopTime) {
        self.wakes.set(Some((due, self.handle.queue_at(due, self.clone(), 0))));
    }
}

impl Job for Alarm {
    fn run(self: Rc<Self>, _part: u64) {
        drop(self.wakes.take());
        let Some(due) = self.due.get().filter(|_| !self.handle.is_closing()) else { return };
        if !self.handle.has_come(due) {
            return self.wake_at(due);
        }
        self.due.set(None);
        self.handle.job_began_at(Some(self.made_at));
        let Some(mut on_time) = self.on_time.take() else { return };
        let again = on_time();
        self.on_time.set(Some(on_time));
        // The timer may have been dropped meanwhile.
        if let Some(delay) = again
            && Rc::strong_count(&self) > 1
        {
            self.again(delay);
        }
    }

    fn kind(&self) -> &'static str {
        "timer with a callback"
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("is_armed", &self.is_armed()).finish_non_exhaustive()
    }
}

impl<F: FnOnce(io::Result<()>) + 'static> Job for Sleep<F> {
    fn run(self: Rc<Self>, _part: u64) {
        let Some((_timer, callback)) = self.sleeping.take_to_call(&self.handle) else { return };
        let cancelled = self.sleeping.is_cancelled() || self.handle.is_closing();
        callback(if cancelled { Err(Cancelled.into()) } else { Ok(()) });
    }

    fn kind(&self) -> &'static str {
        "sleep with a callback"
    }
}

impl<F: FnOnce(io::Result<()>) + 'static> CancelTarget for Sleep<F> {
    fn cancel(self: Rc<Self>, ticket: Ticket) -> Cancelling {
        let cancelled = self.sleeping.cancel(ticket.number);
        if cancelled {
            self.sleeping.with(|(timer, callback)| {
                if timer.cancel() {
                    self.handle.queue(self.clone(), 0);
                }
                (Some((timer, callback)), ())
            });
        }
        cancelled.into()
    }
}

impl<F: 'static> Drop for Sleep<F> {
    fn drop(&mut self) {
        self.sleeping.drop_uncalled(&self.handle);
    }
}
