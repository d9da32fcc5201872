//! Signals: a flag that the handler sets, and a byte in the self-pipe that makes the loop look.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::SigId;
use signal_hook::flag;
use signal_hook::low_level::{self, pipe};

use crate::readiness::watch::Watching;

/// The signals that a loop handles.
#[derive(Default)]
pub(crate) struct Signals {
    /// Few: a look at all of them costs less than a table by number.
    rows: RefCell<Vec<HandledSignal>>,
}

/// A signal that is handled, for as long as this lives.
pub(crate) struct HandledSignal {
    /// Its number, by which it is replaced and removed.
    signal: i32,
    /// Set by the handler, cleared by the loop.
    raised: Arc<AtomicBool>,
    /// What runs then, in the loop.
    watcher: Rc<dyn Watching>,
    /// Ends the handling with this row.
    _hooks: Hooks,
}

/// What is registered with the process, taken back when it is dropped.
#[derive(Default)]
struct Hooks(Vec<SigId>);

impl Signals {
    /// Handles `signal` by `watcher`, in the place of the row before, which it returns; if `once`, the
    /// second signal has the system's default effect.
    pub(crate) fn add(
        &self,
        signal: i32,
        pipe_writer: OwnedFd,
        watcher: Rc<dyn Watching>,
        once: bool,
    ) -> io::Result<Option<HandledSignal>> {
        let raised = Arc::new(AtomicBool::new(false));
        let mut hooks = Hooks::default();
        if once {
            // The first signal raises what the second finds: the look comes before the raising.
            let seen = Arc::new(AtomicBool::new(false));
            hooks.0.push(flag::register_conditional_default(signal, seen.clone())?);
            hooks.0.push(flag::register(signal, seen)?);
        }
        // Handlers run in the order of their registration: the flag is up when the byte arrives.
        hooks.0.push(flag::register(signal, raised.clone())?);
        hooks.0.push(pipe::register(signal, pipe_writer)?);
        if !is_caught(signal) {
            let message = format!("signal {signal}: other code of the process has taken it");
            return Err(io::Error::other(message));
        }
        let before = self.remove(signal);
        self.rows.borrow_mut().push(HandledSignal { signal, raised, watcher, _hooks: hooks });
        Ok(before)
    }

    /// Takes the row of `signal` out, whose drop ends its handling: the caller does that outside of
    /// every borrow.
    pub(crate) fn remove(&self, signal: i32) -> Option<HandledSignal> {
        let mut rows = self.rows.borrow_mut();
        rows.iter().position(|row| row.signal == signal).map(|row| rows.remove(row))
    }

    /// Takes all rows out, so that the caller can drop them one by one, which ends their handling.
    pub(crate) fn take(&self) -> Vec<HandledSignal> {
        self.rows.take()
    }

    /// Returns the watchers of the signals that were raised since.
    pub(crate) fn raised(&self) -> Vec<Rc<dyn Watching>> {
        let rows = self.rows.borrow();
        let raised = rows.iter().filter(|row| row.raised.swap(false, Ordering::AcqRel));
        raised.map(|row| row.watcher.clone()).collect()
    }
}

impl Drop for HandledSignal {
    fn drop(&mut self) {
        self.watcher.cancel();
    }
}

impl Drop for Hooks {
    fn drop(&mut self) {
        for hook in self.0.drain(..) {
            low_level::unregister(hook);
        }
    }
}

/// Tells whether the process catches a signal, as far as the system says.
///
/// `signal-hook` calls `sigaction` for the first hook of a signal alone: other code that takes the
/// signal after that makes every later hook deaf.
fn is_caught(signal: i32) -> bool {
    // Where there is no such file, as on other systems, it is believed.
    let Ok(status) = std::fs::read_to_string("/proc/thread-self/status") else { return true };
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask & (1 << (signal - 1)) != 0)
}
