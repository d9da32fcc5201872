//! How a connection sends what waits to be sent, and ends this side behind it.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::rc::Rc;

use loop_core::Direction;

use super::{CLOSING, Connection, EOF, LOSING, Live, OVER, SHUT, UNSENT};
use crate::attempt::WRITE;
use crate::protocol::Protocol;

impl<P: Protocol + 'static> Connection<P> {
    pub(super) fn is_sent(&self) -> bool {
        !self.has(UNSENT)
    }

    pub(super) fn unsent_bytes(&self) -> usize {
        if self.is_sent() { 0 } else { self.with_unsent(|unsent| unsent.len()) }
    }

    /// Lets `work` have the bytes that wait to be sent; what is left of them waits on.
    pub(super) fn with_unsent<R>(&self, work: impl FnOnce(&mut VecDeque<u8>) -> R) -> R {
        let mut unsent = self.unsent.take().unwrap_or_default();
        let result = work(&mut unsent);
        if unsent.is_empty() {
            self.clear(UNSENT);
        } else {
            self.set(UNSENT);
            self.unsent.set(Some(unsent));
        }
        result
    }

    /// Sends what is unsent, as far as the socket takes it.
    pub(super) fn flush(self: Rc<Self>) {
        // What was parked before the connection was given up has nothing to send, nor to tell.
        if self.has(LOSING) {
            return;
        }
        match self.send() {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return self.lose(Some(error)),
        }
        if self.has(OVER) && self.unsent_bytes() <= self.limits.get().low {
            self.clear(OVER);
            if let Some(live) = &*self.live.borrow() {
                self.tell(&live.protocol, |protocol| protocol.resume_writing(&*self));
            }
        }
        if !self.is_sent() {
            self.wait_to_write();
        } else if self.has(CLOSING) {
            self.lose(None);
        } else if self.has(EOF) {
            self.shut_down();
        }
    }

    fn send(&self) -> io::Result<()> {
        let live = self.live.borrow();
        let Some(Live { source, .. }) = &*live else { return Ok(()) };
        self.with_unsent(|unsent| {
            while !unsent.is_empty() {
                let (first, second) = unsent.as_slices();
                let count = source.write_vectored(&[IoSlice::new(first), IoSlice::new(second)])?;
                unsent.drain(..count);
            }
            Ok(())
        })
    }

    pub(super) fn wait_to_write(&self) {
        if let (Some(this), Some(live)) = (self.this.upgrade(), &*self.live.borrow()) {
            live.source.park_job(Direction::Write, this, WRITE);
        }
    }

    /// Ends this side. The protocol may ask for it while what is unsent is being sent, which would
    /// end it a second time: only once.
    pub(super) fn shut_down(&self) {
        if self.has(SHUT) {
            return;
        }
        self.set(SHUT);
        if let Some(live) = &*self.live.borrow()
            && let Err(error) = live.source.io().shutdown(Shutdown::Write)
        {
            self.lose(Some(match error.kind() {
                // It was connected, so that the peer has ended it.
                ErrorKind::NotConnected => ErrorKind::ConnectionReset.into(),
                _ => error,
            }));
        }
    }
}
