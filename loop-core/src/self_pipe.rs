//! The real pipe that ends a blocked poll, and the inbox that other threads fill.
//!
//! A submission is pushed to the inbox first; then, if nobody has done so since the loop last
//! looked, a byte is written to the pipe. The loop reads the pipe, then clears the mark, then takes
//! the inbox: whatever is pushed before the clearing is taken, whatever comes after it writes a new
//! byte. N submissions cost one write, and none is lost.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mio::unix::pipe;

/// What other threads hand to a loop.
pub(crate) struct Inbox<M> {
    messages: Mutex<Messages<M>>,
    /// Whether a byte is in the pipe, or about to be.
    notified: AtomicBool,
    writes: AtomicU64,
    writer: pipe::Sender,
}

struct Messages<M> {
    waiting: Vec<M>,
    closed: bool,
}

impl<M> Inbox<M> {
    /// Makes an inbox, and the reading end of its pipe, which is the loop's.
    pub(crate) fn new() -> io::Result<(Inbox<M>, pipe::Receiver)> {
        let (writer, reader) = pipe::new()?;
        let messages = Mutex::new(Messages { waiting: Vec::new(), closed: false });
        let notified = AtomicBool::new(false);
        Ok((Inbox { messages, notified, writes: AtomicU64::new(0), writer }, reader))
    }

    /// Hands a message over and ends the poll; a closed loop hands it back.
    pub(crate) fn submit(&self, message: M) -> Result<(), M> {
        let mut messages = self.lock();
        if messages.closed {
            return Err(message);
        }
        messages.waiting.push(message);
        drop(messages);
        if !self.notified.swap(true, Ordering::AcqRel) {
            self.writes.fetch_add(1, Ordering::Relaxed);
            // The pipe is either empty, and takes the byte, or full of bytes that wake as well. A
            // reader that is gone means that the loop is.
            let _ = (&self.writer).write(&[1]);
        }
        Ok(())
    }

    /// Tells whether somebody has submitted since the last [`Inbox::collect`].
    pub(crate) fn is_notified(&self) -> bool {
        self.notified.load(Ordering::Acquire)
    }

    /// Takes all that was submitted, in order.
    pub(crate) fn collect(&self, mut reader: &pipe::Receiver) -> Vec<M> {
        let mut bytes = [0; 64];
        // A short read has emptied the pipe.
        while matches!(reader.read(&mut bytes), Ok(count) if count == bytes.len()) {}
        if self.notified.swap(false, Ordering::AcqRel) {
            std::mem::take(&mut self.lock().waiting)
        } else {
            Vec::new()
        }
    }

    /// Refuses all further submissions and returns those that were not collected.
    pub(crate) fn close(&self) -> Vec<M> {
        let mut messages = self.lock();
        messages.closed = true;
        std::mem::take(&mut messages.waiting)
    }

    /// Returns how many bytes submissions have written.
    pub(crate) fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Returns a second writing end, for a signal handler.
    pub(crate) fn second_writer(&self) -> io::Result<OwnedFd> {
        self.writer.as_fd().try_clone_to_owned()
    }

    fn lock(&self) -> MutexGuard<'_, Messages<M>> {
        // A push or a take cannot leave the messages half done.
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
