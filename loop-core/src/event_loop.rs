//! The owner of a loop, which runs it turn by turn until it is stopped or closed.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use mio::unix::pipe;
use mio::{Events, Interest, Poll};

use crate::clock::Clock;
use crate::handle::{LoopHandle, LoopState};
use crate::readiness::reactor::PIPE;
use crate::threads::remote;
use crate::threads::self_pipe::Inbox;

/// How many kernel events one turn takes; the rest wait for the next.
const EVENTS_PER_TURN: usize = 1024;

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
    /// What the handles of the loop see as well.
    pub(crate) state: Rc<LoopState>,
    /// Apart from the state: only the owner polls.
    pub(crate) poll: Poll,
    /// What the last poll reported. Kept, so that a turn allocates nothing.
    pub(crate) events: Events,
    /// The end of the self-pipe that signals and other threads make readable.
    pub(crate) pipe: pipe::Receiver,
    /// What a test puts where the kernel's poll would be.
    pub(crate) stand_in: Option<StandIn>,
    /// What a stand-in calls that fires events of its own.
    pub(crate) script: Option<Script>,
}

/// What a test puts where the kernel's poll would be. What it does is in `testing/`.
#[derive(Clone, Copy)]
pub(crate) struct StandIn {
    /// Tells how long the poll waits when nothing is ready and a deadline is so long ahead.
    pub(crate) wait: fn(&EventLoop, Duration) -> Option<Duration>,
    /// Polls, and waits no longer than that.
    pub(crate) poll: fn(&mut EventLoop, Option<Duration>) -> io::Result<()>,
}

/// Fires what a test says, and is told how long it may wait.
pub(crate) type Script = Box<dyn FnMut(&Rc<LoopState>, Option<Duration>) -> io::Result<()>>;

impl EventLoop {
    /// Makes a loop on the system's clock.
    ///
    /// # Errors
    /// When the system has no descriptor left for the poll or the pipe.
    pub fn new() -> io::Result<EventLoop> {
        EventLoop::on(Clock::new(None))
    }

    /// Makes a loop on a clock.
    pub(crate) fn on(clock: Clock) -> io::Result<EventLoop> {
        let poll = Poll::new()?;
        let (inbox, mut pipe) = Inbox::new()?;
        poll.registry().register(&mut pipe, PIPE, Interest::READABLE)?;
        let state = LoopState::new(clock, poll.registry().try_clone()?, Arc::new(inbox));
        remote::enter(&state);
        let events = Events::with_capacity(EVENTS_PER_TURN);
        Ok(EventLoop { state, poll, events, pipe, stand_in: None, script: None })
    }

    /// Returns a handle, through which everything is scheduled.
    pub fn handle(&self) -> LoopHandle {
        LoopHandle { state: self.state.clone() }
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
        let _reset = ResetStopping(self.state.clone());
        loop {
            self.run_once()?;
            if self.state.ending().is_stopping() {
                return Ok(());
            }
        }
    }

    /// Closes the loop: every pending operation ends as cancelled, callbacks that wait are dropped
    /// unrun, and submissions are refused from then on. A second close does nothing.
    ///
    /// asyncio: `BaseEventLoop.close`.
    pub fn close(&mut self) {
        self.state.close();
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        self.close();
    }
}

/// Clears the stop flag when a run ends, by return or by panic.
struct ResetStopping(Rc<LoopState>);

impl Drop for ResetStopping {
    fn drop(&mut self) {
        self.0.ending().stop(false);
    }
}
