//! A poll that a test writes: what is ready, when, and in which order.

use std::io;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::time::Duration;

use crate::event_loop::{EventLoop, StandIn};
use crate::handle::LoopState;
use crate::readiness::signs::Signs;
use crate::testing::manual_clock::ManualClock;

/// What a script says of one descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptedEvent {
    /// The number of a descriptor that `add_reader` or `add_writer` watches.
    pub descriptor: RawFd,
    /// Whether its reader is to run.
    pub readable: bool,
    /// Whether its writer is to run, after the reader.
    pub writable: bool,
}

impl EventLoop {
    /// Makes a loop whose poll is `script`, for tests that decide what is ready and in which order.
    ///
    /// The script is called once a turn with how long it may wait, `None` being for ever. It moves
    /// the clock if time is to pass, and returns the events of the raw descriptors. They fire in
    /// its order; those that are not watched are passed over. Submissions of other threads that
    /// were made before it returns are seen in the same turn. An error is that of the poll, and
    /// ends the run.
    ///
    /// # Errors
    /// As [`EventLoop::new`].
    ///
    /// # Limits
    /// Only what `add_reader` and `add_writer` watch can be reported, not a socket's
    /// [`Source`](crate::Source).
    ///
    /// ```
    /// use loop_core::{EventLoop, ManualClock, ScriptedEvent};
    /// use std::{os::fd::AsRawFd, os::unix::net::UnixStream, rc::Rc};
    ///
    /// let (socket, _peer) = UnixStream::pair()?;
    /// let descriptor = socket.as_raw_fd();
    /// let event = ScriptedEvent { descriptor, readable: true, writable: false };
    /// let mut event_loop = EventLoop::with_script(ManualClock::new(), move |_| Ok(vec![event]))?;
    /// let handle = event_loop.handle();
    /// handle.add_reader(&Rc::new(socket), {
    ///     let handle = handle.clone();
    ///     move || handle.stop()
    /// })?;
    /// event_loop.run_forever()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn with_script(
        clock: ManualClock,
        mut script: impl FnMut(Option<Duration>) -> io::Result<Vec<ScriptedEvent>> + 'static,
    ) -> io::Result<EventLoop> {
        let mut event_loop = EventLoop::with_clock(clock)?;
        event_loop.script = Some(Box::new(move |state, timeout| {
            fire(state, script(timeout)?);
            Ok(())
        }));
        event_loop.stand_in = Some(StandIn { wait: |_, ahead| Some(ahead), poll });
        Ok(event_loop)
    }
}

/// Calls the script where the kernel's poll would be.
fn poll(event_loop: &mut EventLoop, timeout: Option<Duration>) -> io::Result<()> {
    let EventLoop { script, state, .. } = event_loop;
    script.as_mut().expect("a scripted loop has its script")(state, timeout)
}

/// Fires what a script reports, behind what other threads submitted.
fn fire(state: &Rc<LoopState>, events: Vec<ScriptedEvent>) {
    state.collect();
    for event in events {
        let watch = state.reactor().watch(event.descriptor);
        let readable = if event.readable { Signs::READABLE } else { Signs::default() };
        let writable = if event.writable { Signs::WRITABLE } else { Signs::default() };
        if let Some(watch) = watch {
            state.counters().events.count();
            state.guard(|| state.fire(watch.token(), readable.with(writable)));
        }
    }
}
