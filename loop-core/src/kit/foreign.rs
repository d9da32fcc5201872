//! A foreign loop that runs this one: it polls by itself, and asks what it has to know.

use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

use crate::event_loop::EventLoop;
use crate::handle::{LoopHandle, LoopState};

impl EventLoop {
    /// Runs what is ready now, as far as the turn rule goes, without a poll; returns how many
    /// entries of the queue it took. For a program that has a poll of its own.
    ///
    /// What [`LoopHandle::on_ready`] was given is called if something is left.
    pub fn run_ready(&mut self) -> usize {
        self.state.collect();
        let taken = self.state.run_ready();
        if !self.state.ready().is_empty() {
            self.state.call_ready_hook();
        }
        taken
    }

    /// Returns how long a foreign poll may wait for the loop's descriptor before it calls
    /// [`EventLoop::run_once`]; `None` is for ever. To be called before each such wait: from here
    /// on a submission of another thread makes the descriptor readable.
    ///
    /// libuv: `uv_backend_timeout`.
    pub fn prepare_to_wait(&mut self) -> Option<Duration> {
        self.state.arm_fired();
        let timeout = self.timeout();
        let sleeps = timeout == Some(Duration::ZERO) || self.state.inbox().fall_asleep();
        if sleeps { timeout } else { Some(Duration::ZERO) }
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

impl LoopHandle {
    /// Calls `hook` whenever the ready queue becomes non-empty, and when
    /// [`EventLoop::run_ready`] leaves something: for a foreign loop, which will then run what is
    /// ready. It takes the place of the hook before.
    ///
    /// asyncio has none; it is what the foreign loop's `call_soon` is for.
    pub fn on_ready(&self, hook: impl Fn() + 'static) {
        if self.is_closed() {
            return self.state.discard(hook);
        }
        let before = self.state.set_ready_hook(Some(Rc::new(hook)));
        self.state.discard(before);
    }
}

impl LoopState {
    /// Tells a foreign loop that there is something to run. A panic of the hook is reported: it is not
    /// that of what queues.
    pub(crate) fn call_ready_hook(self: &Rc<Self>) {
        let Some(hook) = self.ready_hook() else { return };
        // It may have replaced itself.
        self.with(hook, |hook| {
            self.catch("the hook of the ready queue panicked", || hook());
        });
    }
}
