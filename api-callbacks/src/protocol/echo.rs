//! The echo, as a protocol.

use std::rc::Rc;

use super::{Protocol, Transport, WriteLimits};

/// Sends back all that comes; while the peer takes nothing, it reads nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

// ANCHOR: protocol
impl Protocol for Echo {
    fn connection_made(&self, transport: &Rc<dyn Transport>) {
        // As soon as something is unsent, no more is read: no more than one read is ever unsent.
        transport.set_write_buffer_limits(WriteLimits { low: 0, high: 0 });
    }

    fn data_received(&self, transport: &dyn Transport, bytes: &[u8]) {
        transport.write(bytes);
    }

    fn pause_writing(&self, transport: &dyn Transport) {
        transport.pause_reading();
    }

    fn resume_writing(&self, transport: &dyn Transport) {
        transport.resume_reading();
    }
}
// ANCHOR_END: protocol
