//! How a connection is given up: what is unsent goes, and the protocol is told and dropped.

use std::io;

use loop_core::LoopHandle;

use super::{CLOSING, Connection, FAILED, LOSING, LOST, Live, UNSENT};
use crate::protocol::Protocol;
use crate::user_code::discard;

impl<P: Protocol + 'static> Connection<P> {
    /// Gives up what is unsent, and queues `connection_lost`.
    #[cold]
    pub(super) fn lose(&self, error: Option<io::Error>) {
        if self.has(LOSING) {
            return;
        }
        self.set(LOSING | CLOSING | if error.is_some() { FAILED } else { 0 });
        self.error.set(error);
        self.clear(UNSENT);
        drop(self.unsent.take());
        if let (Some(this), Some(live)) = (self.this.upgrade(), &*self.live.borrow()) {
            live.source.handle().queue(this, LOST);
        }
    }

    /// Tells the protocol that the connection is lost, and closes the socket.
    pub(super) fn lost(&self) {
        if let Some(live) = self.live.take() {
            let (handle, error) = (live.source.handle().clone(), self.error.take());
            let ended = Ended { handle, live: Some(live) };
            if let Some(live) = &ended.live {
                ended.handle.job_began_at(Some(self.begun_at));
                live.protocol.connection_lost(error);
            }
        }
    }
}

/// A connection whose protocol is told the last, and is dropped even if it panics.
struct Ended<P: 'static> {
    handle: LoopHandle,
    live: Option<Live<P>>,
}

impl<P: 'static> Drop for Ended<P> {
    fn drop(&mut self) {
        discard(&self.handle, self.live.take());
    }
}

impl<P: 'static> Drop for Connection<P> {
    fn drop(&mut self) {
        // A protocol may hold the transport of another connection, and that one's protocol a third.
        if let Some(live) = self.live.take() {
            let handle = live.source.handle().clone();
            discard(&handle, live);
        }
    }
}

/// Aborts a connection whose protocol panics.
pub(super) struct AbortOnPanic<'a, P: Protocol + 'static>(pub(super) &'a Connection<P>);

impl<P: Protocol + 'static> Drop for AbortOnPanic<'_, P> {
    fn drop(&mut self) {
        // No call of a protocol is dearer for it: the place is noted once one has panicked.
        if let Some(live) = &*self.0.live.borrow() {
            live.source.handle().job_began_at(Some(self.0.begun_at));
        }
        self.0.lose(Some(io::Error::other("the protocol has panicked")));
    }
}
