//! Signals: a flag that the handler sets, and a byte in the self-pipe that makes the loop look.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::SigId;
use signal_hook::low_level::{self, pipe};

use crate::descriptors::Watcher;
use crate::ready::{Entry, ReadyQueue};

/// The signals that a loop handles.
#[derive(Default)]
pub(crate) struct Signals {
    rows: RefCell<Vec<Row>>,
}

struct Row {
    signal: i32,
    /// Set by the handler, cleared by the loop.
    raised: Arc<AtomicBool>,
    watcher: Rc<Watcher>,
    hooks: [SigId; 2],
}

impl Signals {
    /// Handles `signal` by `watcher`, in the place of the watcher before.
    pub(crate) fn add(
        &self,
        signal: i32,
        pipe_writer: OwnedFd,
        watcher: Rc<Watcher>,
    ) -> io::Result<()> {
        let raised = Arc::new(AtomicBool::new(false));
        // Handlers run in the order of their registration: the flag is up when the byte arrives.
        let flag = signal_hook::flag::register(signal, raised.clone())?;
        let byte = pipe::register(signal, pipe_writer).inspect_err(|_| {
            low_level::unregister(flag);
        })?;
        self.remove(signal);
        self.rows.borrow_mut().push(Row { signal, raised, watcher, hooks: [flag, byte] });
        Ok(())
    }

    /// Ends the handling of `signal`; tells whether it was handled.
    pub(crate) fn remove(&self, signal: i32) -> bool {
        let mut rows = self.rows.borrow_mut();
        let row = rows.iter().position(|row| row.signal == signal).map(|row| rows.remove(row));
        drop(rows);
        row.is_some()
    }

    /// Ends the handling of all signals.
    pub(crate) fn clear(&self) {
        let rows = self.rows.take();
        drop(rows);
    }

    /// Queues the watchers of the signals that were raised.
    pub(crate) fn collect(&self, ready: &ReadyQueue) {
        for row in &*self.rows.borrow() {
            if row.raised.swap(false, Ordering::AcqRel) {
                ready.push(Entry::Job(row.watcher.clone(), 0));
            }
        }
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        self.watcher.cancel();
        for hook in self.hooks {
            low_level::unregister(hook);
        }
    }
}
