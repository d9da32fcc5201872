//! Signals: a flag that the handler sets, and a byte in the self-pipe that makes the loop look.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::SigId;
use signal_hook::consts::SIGINT;
use signal_hook::flag;
use signal_hook::low_level::{self, pipe};

use crate::core::LoopHandle;
use crate::descriptors::Watcher;
use crate::failures::Work;
use crate::handle::closed;

/// The signals that a loop handles.
#[derive(Default)]
pub(crate) struct Signals {
    rows: RefCell<Vec<Row>>,
}

/// A signal that is handled, for as long as this lives.
pub(crate) struct Row {
    signal: i32,
    /// Set by the handler, cleared by the loop.
    raised: Arc<AtomicBool>,
    watcher: Rc<Watcher>,
    _hooks: Hooks,
}

/// What is registered with the process, taken back when it is dropped.
#[derive(Default)]
struct Hooks(Vec<SigId>);

impl LoopHandle {
    /// Calls `callback` in the loop whenever the process receives `signal`.
    ///
    /// # Errors
    /// What the system says; signals that cannot be caught are refused. On Linux, when other code of
    /// the process has meanwhile made the signal ignored or given it its default effect.
    ///
    /// # Panics
    /// For `SIGKILL`, `SIGSTOP`, `SIGILL`, `SIGFPE` and `SIGSEGV`.
    ///
    /// # Limits
    /// A process has one handler a signal. `signal-hook` installs it when any loop first wants the
    /// signal, keeps it for the life of the process, and calls the handler that it found there. Other
    /// code that replaces it later, by `signal(2)` or `sigaction(2)`, takes the signal from every
    /// loop: what was added before hears nothing from then on. What is added afterwards is refused if
    /// the signal is no longer caught; a function of the other code's cannot be told from
    /// `signal-hook`'s without unsafe code, and takes the signal without an error.
    ///
    /// asyncio: `add_signal_handler`, but any number of loops may handle a signal.
    #[track_caller]
    pub fn add_signal_handler(
        &self,
        signal: i32,
        callback: impl FnMut() + 'static,
    ) -> io::Result<()> {
        self.handle_signal(signal, self.watcher(Work::Signal, callback), false)
    }

    /// Calls `callback` in the loop when the process receives its first `SIGINT`; the second ends
    /// the process at once, as if nobody handled it, even if a callback does not return.
    ///
    /// [`LoopHandle::remove_signal_handler`] takes it back, and so does another handler of `SIGINT`.
    ///
    /// # Errors
    /// As [`LoopHandle::add_signal_handler`].
    ///
    /// asyncio: `Runner`, where the first cancels the main task and the second is `KeyboardInterrupt`.
    #[track_caller]
    pub fn on_interrupt(&self, callback: impl FnMut() + 'static) -> io::Result<()> {
        self.handle_signal(SIGINT, self.watcher(Work::Signal, callback), true)
    }

    fn handle_signal(&self, signal: i32, watcher: Rc<Watcher>, once: bool) -> io::Result<()> {
        let add = || match self.is_closing() {
            true => Err(closed()),
            false => {
                let writer = self.core.inbox.second_writer()?;
                self.core.signals.add(signal, writer, watcher.clone(), once)
            }
        };
        let before = add();
        // Refused, or the one before: both may be anybody's.
        self.core.discard(watcher);
        before.map(|before| self.core.discard(before))
    }

    /// Ends the handling of `signal`; tells whether it was handled.
    ///
    /// asyncio: `remove_signal_handler`, but the signal is ignored then.
    pub fn remove_signal_handler(&self, signal: i32) -> bool {
        let row = self.core.signals.remove(signal);
        let handled = row.is_some();
        self.core.discard(row);
        handled
    }
}

impl Signals {
    /// Handles `signal` by `watcher`, in the place of the row before, which it returns; if `once`, the
    /// second signal has the system's default effect.
    pub(crate) fn add(
        &self,
        signal: i32,
        pipe_writer: OwnedFd,
        watcher: Rc<Watcher>,
        once: bool,
    ) -> io::Result<Option<Row>> {
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
        self.rows.borrow_mut().push(Row { signal, raised, watcher, _hooks: hooks });
        Ok(before)
    }

    /// Takes the row of `signal` out, whose drop ends its handling: the caller does that outside of
    /// every borrow.
    pub(crate) fn remove(&self, signal: i32) -> Option<Row> {
        let mut rows = self.rows.borrow_mut();
        rows.iter().position(|row| row.signal == signal).map(|row| rows.remove(row))
    }

    /// Takes all rows out, so that the caller can drop them one by one, which ends their handling.
    pub(crate) fn take(&self) -> Vec<Row> {
        self.rows.take()
    }

    /// Returns the watchers of the signals that were raised since.
    pub(crate) fn raised(&self) -> Vec<Rc<Watcher>> {
        let rows = self.rows.borrow();
        let raised = rows.iter().filter(|row| row.raised.swap(false, Ordering::AcqRel));
        raised.map(|row| row.watcher.clone()).collect()
    }
}

impl Drop for Row {
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
/// `signal-hook` calls `sigaction` for the first hook of a signal alone: who takes the signal after
/// that makes every later hook deaf.
fn is_caught(signal: i32) -> bool {
    // Where there is no such file, as on other systems, it is believed.
    let Ok(status) = std::fs::read_to_string("/proc/thread-self/status") else { return true };
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask & (1 << (signal - 1)) != 0)
}
