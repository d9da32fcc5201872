//! As a protocol: a call later, which aborts the transport unless it is cancelled.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::{Protocol, Transport, WriteLimits};
use loop_core::{Handle, LoopHandle};

/// Writes back what it receives, until the peer ends or is silent for too long.
pub(crate) struct Echo {
    handle: LoopHandle,
    idle_timeout: Duration,
    /// What is aborted, while the connection lasts.
    transport: RefCell<Option<Rc<dyn Transport>>>,
    /// Set while the peer is waited for.
    deadline: RefCell<Option<Handle>>,
}

impl Echo {
    pub(crate) fn new(handle: &LoopHandle, idle_timeout: Duration) -> Echo {
        let (transport, deadline) = (RefCell::default(), RefCell::default());
        Echo { handle: handle.clone(), idle_timeout, transport, deadline }
    }

    /// Takes the deadline back, and sets the next one while the connection lasts.
    fn restart(&self) {
        let silent = self.transport.borrow().clone();
        let later = |silent: Rc<dyn Transport>| {
            self.handle.call_later(self.idle_timeout, move || silent.abort())
        };
        if let Some(before) = self.deadline.replace(silent.map(later)) {
            before.cancel();
        }
    }
}

impl Protocol for Echo {
    fn connection_made(&self, transport: &Rc<dyn Transport>) {
        transport.set_write_buffer_limits(WriteLimits { low: 0, high: 0 });
        self.transport.replace(Some(transport.clone()));
        self.restart();
    }

    fn data_received(&self, transport: &dyn Transport, bytes: &[u8]) {
        self.restart();
        transport.write(bytes);
    }

    fn pause_writing(&self, transport: &dyn Transport) {
        transport.pause_reading();
    }

    fn resume_writing(&self, transport: &dyn Transport) {
        transport.resume_reading();
    }

    fn connection_lost(&self, _error: Option<io::Error>) {
        self.transport.take();
        self.restart();
    }
}
