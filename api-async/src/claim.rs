//! A socket and who waits for it: one future a direction, as in the other wings.
//!
//! A future that waits has the direction until it ends or is dropped, and takes its waker with it. The
//! traits of `futures` poll without a future of ours: there the last that was polled is woken.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::task::{Context, Poll, ready};

use loop_core::{Direction, Source};

use crate::contain::in_drop;
use crate::current::{self, Wait};
use crate::table;

/// A socket on the loop, as this wing has it.
pub(crate) struct Socket<S> {
    source: Source<S>,
    /// The directions in which a future waits, as bits.
    claimed: Cell<u8>,
}

/// A future's claim on one direction: it holds it while it waits.
pub(crate) struct Claim<'a, S> {
    pub(crate) socket: &'a Socket<S>,
    direction: Direction,
    held: bool,
}

impl<S> Socket<S> {
    pub(crate) fn new(source: Source<S>) -> Socket<S> {
        Socket { source, claimed: Cell::new(0) }
    }

    /// Returns the socket as the loop knows it.
    pub(crate) fn source(&self) -> &Source<S> {
        &self.source
    }

    /// Makes a claim, which holds nothing until it has to wait.
    #[inline(always)]
    pub(crate) fn claim(&self, direction: Direction) -> Claim<'_, S> {
        Claim { socket: self, direction, held: false }
    }

    /// Makes an attempt within the task's budget; if it has to be made again later, the task is woken
    /// then, unless a future waits in this direction.
    #[inline(always)]
    pub(crate) fn poll_attempt<T>(
        &self,
        direction: Direction,
        cx: &Context<'_>,
        attempt: impl FnOnce() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        match ready!(attempted(cx, attempt)) {
            Some(result) => Poll::Ready(result),
            None if self.is_claimed(direction) => Poll::Ready(Err(busy())),
            None => self.park(direction, cx),
        }
    }

    /// Waits in this direction, unless a future does.
    #[inline(always)]
    pub(crate) fn poll_park<T>(
        &self,
        direction: Direction,
        cx: &Context<'_>,
    ) -> Poll<io::Result<T>> {
        ready!(current::poll_budget(cx));
        if self.is_claimed(direction) { Poll::Ready(Err(busy())) } else { self.park(direction, cx) }
    }

    fn is_claimed(&self, direction: Direction) -> bool {
        self.claimed.get() & bit(direction) != 0
    }

    /// Wakes the task when the source is ready in this direction.
    #[inline(always)]
    fn park<T>(&self, direction: Direction, cx: &Context<'_>) -> Poll<T> {
        self.source.park_task(direction, cx.waker(), || table::find(cx.waker()));
        current::wait(match direction {
            Direction::Read => Wait::Reading,
            Direction::Write => Wait::Writing,
        });
        Poll::Pending
    }
}

impl<S> Claim<'_, S> {
    /// Makes an attempt as [`Socket::poll_attempt`] does, and holds the direction while it is pending.
    #[inline(always)]
    pub(crate) fn poll_attempt<T>(
        &mut self,
        cx: &Context<'_>,
        attempt: impl FnOnce() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        match ready!(attempted(cx, attempt)) {
            Some(result) => {
                self.release();
                Poll::Ready(result)
            }
            None => self.park(cx),
        }
    }

    /// Waits in this direction, without an attempt.
    #[inline(always)]
    pub(crate) fn poll_park<T>(&mut self, cx: &Context<'_>) -> Poll<io::Result<T>> {
        ready!(current::poll_budget(cx));
        self.park(cx)
    }

    #[inline(always)]
    fn park<T>(&mut self, cx: &Context<'_>) -> Poll<io::Result<T>> {
        if !self.held {
            let claimed = &self.socket.claimed;
            if self.socket.is_claimed(self.direction) {
                return Poll::Ready(Err(busy()));
            }
            claimed.set(claimed.get() | bit(self.direction));
            self.held = true;
        }
        self.socket.park(self.direction, cx)
    }

    /// Gives the direction up, since the future ends.
    #[inline(always)]
    fn release(&mut self) {
        if self.held {
            self.held = false;
            let claimed = &self.socket.claimed;
            claimed.set(claimed.get() & !bit(self.direction));
        }
    }
}

impl<S> Drop for Claim<'_, S> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.held {
            self.cancel();
        }
    }
}

impl<S> Claim<'_, S> {
    /// Gives the direction up, and takes the waker back.
    #[cold]
    #[inline(never)]
    fn cancel(&mut self) {
        self.release();
        // The waker may be anybody's code.
        in_drop(|| {
            self.socket.source.unpark(self.direction);
        });
    }
}

/// Makes an attempt within the task's budget; `None` if it has to be made again later.
#[inline(always)]
fn attempted<T>(
    cx: &Context<'_>,
    attempt: impl FnOnce() -> io::Result<T>,
) -> Poll<Option<io::Result<T>>> {
    ready!(current::poll_budget(cx));
    Poll::Ready(match attempt() {
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        result => {
            current::spend();
            Some(result)
        }
    })
}

fn bit(direction: Direction) -> u8 {
    match direction {
        Direction::Read => 1,
        Direction::Write => 2,
    }
}

#[cold]
fn busy() -> io::Error {
    ErrorKind::ResourceBusy.into()
}
