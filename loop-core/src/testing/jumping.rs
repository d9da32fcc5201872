//! A loop on a test's clock: what its poll does about a deadline that is ahead.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::clock::Clock;
use crate::event_loop::{EventLoop, StandIn};
use crate::handle::LoopState;
use crate::testing::manual_clock::ManualClock;

impl EventLoop {
    /// Makes a loop on a clock that only moves when it is told to.
    ///
    /// # Errors
    /// As [`EventLoop::new`].
    pub fn with_clock(clock: ManualClock) -> io::Result<EventLoop> {
        let mut event_loop = EventLoop::on(Clock::new(Some(clock)))?;
        event_loop.stand_in = Some(StandIn { wait, poll });
        Ok(event_loop)
    }
}

/// Waits for no deadline: the clock stands, or jumps there when nothing else has come for so long.
fn wait(event_loop: &EventLoop, _ahead: Duration) -> Option<Duration> {
    let state = &event_loop.state;
    match state.clock().jumps_after() {
        None => Some(Duration::ZERO),
        // What a thread does takes real time, in which no clock should jump.
        Some(_) if !state.offload().is_idle() => None,
        threshold => threshold,
    }
}

/// Polls the kernel, and lets the clock jump if nothing has come.
fn poll(event_loop: &mut EventLoop, timeout: Option<Duration>) -> io::Result<()> {
    event_loop.poll_kernel(timeout)?;
    if event_loop.events.is_empty() {
        jump(&event_loop.state);
    }
    Ok(())
}

/// Lets the clock jump to the next deadline, if it does and nothing else is under way.
fn jump(state: &Rc<LoopState>) {
    state.collect();
    let idle = !state.is_busy() && state.offload().is_idle();
    if idle
        && state.clock().jumps_after().is_some()
        && let Some(deadline) = state.timers().next_deadline()
    {
        state.clock().jump(deadline);
    }
}
