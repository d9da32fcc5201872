//! `add_signal_handler` and its kin.

use std::io;
use std::rc::Rc;

use signal_hook::consts::SIGINT;

use crate::handle::{LoopHandle, LoopState};
use crate::net::watching::Watcher;
use crate::report::errors::closed;
use crate::report::running::Work;

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
    /// the process at once, as if it were not handled, even if a callback does not return.
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
                let writer = self.state.inbox().second_writer()?;
                self.state.signals().add(signal, writer, watcher.clone(), once)
            }
        };
        let before = add();
        // Refused, or the one before: the drop of both may run users' code.
        self.state.discard(watcher);
        before.map(|before| self.state.discard(before))
    }

    /// Ends the handling of `signal`; tells whether it was handled.
    ///
    /// asyncio: `remove_signal_handler`, but the signal is ignored then.
    pub fn remove_signal_handler(&self, signal: i32) -> bool {
        let row = self.state.signals().remove(signal);
        let handled = row.is_some();
        self.state.discard(row);
        handled
    }
}

impl LoopState {
    /// Queues the handlers of the signals that were raised. What raised one may have submitted before.
    #[cold]
    pub(crate) fn fire_signals(self: &Rc<Self>) {
        let raised = self.signals().raised();
        self.collect();
        raised.into_iter().for_each(|watcher| self.ready().push_job(watcher, 0));
    }
}
