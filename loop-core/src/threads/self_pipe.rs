//! The inbox that other threads fill, and the real pipe that ends a blocked poll.
//!
//! The loop is awake, asleep or told. A submitter pushes the message first, then says "told"; if
//! it finds the loop asleep, it writes a byte. The loop goes from awake to asleep in one step that fails
//! when it was told: that is the second look at the inbox, without which a submission between the
//! last look and the poll would be lost. After the poll it is awake again, and takes the inbox if it
//! was told; and so it does whenever it queues something of its own, for one order of all that is
//! submitted. So N submissions cost one write to a loop that sleeps and none to one that works, and
//! none is lost: `model` looks at every interleaving.

#[cfg(all(test, loom))]
mod model;

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

#[cfg(loom)]
use loom::sync::{Mutex, MutexGuard, atomic::AtomicU8, atomic::Ordering};
use mio::unix::pipe;
#[cfg(not(loom))]
use std::sync::{Mutex, MutexGuard, atomic::AtomicU8, atomic::Ordering};

/// The loop runs, or its poll does not block: it looks at the inbox before it sleeps.
const AWAKE: u8 = 0;
/// The loop's poll blocks, or is about to.
const ASLEEP: u8 = 1;
/// The inbox has messages that the loop has not taken.
const TOLD: u8 = 2;

/// What ends a blocked poll.
pub(crate) trait WakeObject {
    /// Ends the present poll, or the next one.
    fn wake(&self);
}

/// What other threads hand to a loop, whose poll `W` ends.
pub(crate) struct Inbox<M, W = pipe::Sender> {
    /// What was submitted and not taken. A lock, held for a push or a take.
    messages: Mutex<Messages<M>>,
    /// Awake, asleep or told.
    state: AtomicU8,
    /// How often a poll was ended: a count, no part of the protocol.
    wakes: AtomicU64,
    /// What ends the poll: a pipe, or what the model puts in its place.
    wake_object: W,
}

/// What is behind the lock.
struct Messages<M> {
    /// In the order of their coming.
    waiting: Vec<M>,
    /// Here, so that no submission slips in behind the close that takes the last ones.
    closed: bool,
}

impl<M> Inbox<M> {
    /// Makes an inbox, and the reading end of its pipe, which is the loop's.
    pub(crate) fn new() -> io::Result<(Inbox<M>, pipe::Receiver)> {
        let (writer, reader) = pipe::new()?;
        Ok((Inbox::with_wake_object(writer), reader))
    }

    /// Returns a second writing end, for a signal handler.
    pub(crate) fn second_writer(&self) -> io::Result<OwnedFd> {
        self.wake_object.as_fd().try_clone_to_owned()
    }
}

impl<M, W: WakeObject> Inbox<M, W> {
    /// Makes an inbox whose loop is awake.
    fn with_wake_object(wake_object: W) -> Inbox<M, W> {
        let messages = Mutex::new(Messages { waiting: Vec::new(), closed: false });
        Inbox { messages, state: AtomicU8::new(AWAKE), wakes: AtomicU64::new(0), wake_object }
    }

    // ANCHOR: submit
    /// Hands a message over and ends the poll; a closed loop hands it back.
    pub(crate) fn submit(&self, message: M) -> Result<(), M> {
        let mut messages = self.lock();
        if messages.closed {
            return Err(message);
        }
        messages.waiting.push(message);
        drop(messages);
        if self.state.swap(TOLD, Ordering::AcqRel) == ASLEEP {
            self.wakes.fetch_add(1, Relaxed);
            self.wake_object.wake();
        }
        Ok(())
    }
    // ANCHOR_END: submit

    // ANCHOR: sleep
    /// Declares that the loop is about to block; tells whether it may. It may not if a thread
    /// has submitted since it last looked.
    pub(crate) fn fall_asleep(&self) -> bool {
        let before =
            self.state.compare_exchange(AWAKE, ASLEEP, Ordering::AcqRel, Ordering::Acquire);
        // A loop inside a foreign poll declares it before each wait.
        matches!(before, Ok(_) | Err(ASLEEP))
    }
    // ANCHOR_END: sleep

    /// Tells whether there is something to take, as [`Inbox::wake_up`] does, and declares nothing. What
    /// was submitted before is seen: the loop's thread asks whenever it queues something itself.
    pub(crate) fn is_told(&self) -> bool {
        self.state.load(Ordering::Acquire) == TOLD
    }

    /// Declares that the loop is awake; tells whether there is something to take.
    pub(crate) fn wake_up(&self) -> bool {
        // A loop that did not sleep and was not told has nothing to declare.
        self.state.load(Ordering::Acquire) != AWAKE
            && self.state.swap(AWAKE, Ordering::AcqRel) == TOLD
    }

    /// Takes all that was submitted, in order.
    pub(crate) fn take(&self) -> Vec<M> {
        std::mem::take(&mut self.lock().waiting)
    }

    /// Refuses all further submissions and returns those that were not collected.
    pub(crate) fn close(&self) -> Vec<M> {
        let mut messages = self.lock();
        messages.closed = true;
        std::mem::take(&mut messages.waiting)
    }

    /// Tells whether submissions are refused.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Returns how often submissions have ended a poll.
    pub(crate) fn wakes(&self) -> u64 {
        self.wakes.load(Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Messages<M>> {
        // A push or a take cannot leave the messages half done.
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WakeObject for pipe::Sender {
    fn wake(&self) {
        // The pipe takes the byte, or is full of bytes that wake as well. A reader that is gone
        // means that the loop is.
        let _ = (&*self).write(&[1]);
    }
}

/// Empties the pipe, so that the next byte is news.
pub(crate) fn drain(mut reader: &pipe::Receiver) {
    let mut bytes = [0; 64];
    // A short read has emptied the pipe.
    while matches!(reader.read(&mut bytes), Ok(count) if count == bytes.len()) {}
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn submissions_to_a_loop_that_sleeps_cost_one_write() {
        let (inbox, reader) = Inbox::new().unwrap();
        assert!(inbox.fall_asleep());
        (0..500).for_each(|number| inbox.submit(number).unwrap());
        assert_eq!(inbox.wakes(), 1);
        assert_eq!((&reader).read(&mut [0; 64]).unwrap(), 1);
        assert!(inbox.wake_up());
        assert!(inbox.take().into_iter().eq(0..500));
    }

    #[test]
    fn submissions_to_a_loop_that_works_cost_no_write_and_keep_it_from_sleeping() {
        let (inbox, reader) = Inbox::new().unwrap();
        (0..500).for_each(|number| inbox.submit(number).unwrap());
        assert!(!inbox.fall_asleep());
        assert_eq!(inbox.wakes(), 0);
        assert_eq!((&reader).read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(inbox.wake_up());
        assert!(inbox.take().into_iter().eq(0..500));
        assert!(inbox.fall_asleep());
    }

    #[test]
    fn thousands_of_wakes_at_a_full_pipe_neither_block_nor_get_lost() {
        let (inbox, reader) = Inbox::new().unwrap();
        while (&inbox.wake_object).write(&[1; 4_096]).is_ok() {}
        for number in 0..5_000 {
            assert!(inbox.fall_asleep());
            inbox.submit(number).unwrap();
            assert!(inbox.wake_up());
            assert_eq!(inbox.take(), [number]);
        }
        assert_eq!(inbox.wakes(), 5_000);
        drain(&reader);
        assert_eq!((&reader).read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_closed_inbox_hands_the_message_back() {
        let (inbox, _reader) = Inbox::new().unwrap();
        inbox.submit("waits").unwrap();
        assert_eq!(inbox.close(), ["waits"]);
        assert_eq!(inbox.submit("late"), Err("late"));
        assert!(inbox.is_closed());
    }
}
