//! A socket and who waits for it: one future a direction, as in the other wings.
//!
//! A future that waits has the direction until it ends or is dropped, and takes its waker with it. The
//! traits of `futures` poll without a future of ours: there the last that was polled is woken.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::marker::PhantomData;
use std::task::{Context, Poll, ready};

use loop_core::transfer::Transfer;
use loop_core::{Direction, Source};

use crate::task::current::{self, Wait};
use crate::task::executor;
use crate::task::panics::in_drop;

/// A direction that is known when a claim is compiled.
pub(crate) trait Way {
    const DIRECTION: Direction;
}

/// Towards the program.
pub(crate) struct Reads;

/// Away from the program.
pub(crate) struct Writes;

/// The way of a transfer.
pub(crate) struct Of<X>(PhantomData<X>);

impl Way for Reads {
    const DIRECTION: Direction = Direction::Read;
}

impl Way for Writes {
    const DIRECTION: Direction = Direction::Write;
}

impl<X: Transfer> Way for Of<X> {
    const DIRECTION: Direction = X::DIRECTION;
}

/// A socket on the loop, as this wing has it.
pub(crate) struct Socket<S> {
    source: Source<S>,
    /// Whether a future waits to read, and to write.
    claimed: [Cell<bool>; 2],
}

/// A future's claim on one direction: it holds it while it waits.
pub(crate) struct Claim<'a, S, W: Way> {
    pub(crate) socket: &'a Socket<S>,
    held: bool,
    way: PhantomData<W>,
}

impl<S> Socket<S> {
    pub(crate) fn new(source: Source<S>) -> Socket<S> {
        Socket { source, claimed: [Cell::new(false), Cell::new(false)] }
    }

    /// Returns the socket as the loop knows it.
    pub(crate) fn source(&self) -> &Source<S> {
        &self.source
    }

    /// Makes a claim, which holds nothing until it has to wait.
    #[inline(always)]
    pub(crate) fn claim<W: Way>(&self) -> Claim<'_, S, W> {
        Claim { socket: self, held: false, way: PhantomData }
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
        ready!(current::poll_budget(cx));
        match attempt() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(direction, cx),
            result => {
                current::spend();
                Poll::Ready(result)
            }
        }
    }

    /// Waits in this direction, unless a future does. It takes no budget: what waits gives way.
    #[inline(always)]
    pub(crate) fn wait<T>(&self, direction: Direction, cx: &Context<'_>) -> Poll<io::Result<T>> {
        if self.claimed[number(direction)].get() {
            return Poll::Ready(Err(busy()));
        }
        self.park(direction, cx)
    }

    /// Wakes the task when the source is ready in this direction.
    #[inline(always)]
    fn park<T>(&self, direction: Direction, cx: &Context<'_>) -> Poll<T> {
        self.source.park_task(direction, cx.waker(), || executor::polled_by(cx.waker()));
        current::wait(match direction {
            Direction::Read => Wait::Reading,
            Direction::Write => Wait::Writing,
        });
        Poll::Pending
    }
}

impl<S, W: Way> Claim<'_, S, W> {
    /// Makes an attempt as [`Socket::poll_attempt`] does, and holds the direction while it is pending.
    #[inline(always)]
    pub(crate) fn poll_attempt<T>(
        &mut self,
        cx: &Context<'_>,
        attempt: impl FnOnce() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        ready!(current::poll_budget(cx));
        match attempt() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.park(cx),
            result => {
                current::spend();
                self.release();
                Poll::Ready(result)
            }
        }
    }

    /// Tells whether the future has waited.
    #[inline(always)]
    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    /// Waits in this direction, without an attempt. It takes no budget: what waits gives way.
    #[inline(always)]
    pub(crate) fn park<T>(&mut self, cx: &Context<'_>) -> Poll<io::Result<T>> {
        if !self.held {
            if self.socket.claimed[number(W::DIRECTION)].replace(true) {
                return Poll::Ready(Err(busy()));
            }
            self.held = true;
        }
        self.socket.park(W::DIRECTION, cx)
    }

    /// Gives the direction up, since the future ends.
    #[inline(always)]
    fn release(&mut self) {
        if self.held {
            self.held = false;
            self.socket.claimed[number(W::DIRECTION)].set(false);
        }
    }

    /// Gives the direction up, and takes the waker back.
    #[cold]
    #[inline(never)]
    fn cancel(&mut self) {
        self.release();
        // The waker may be anybody's code.
        in_drop(|| {
            self.socket.source.unpark(W::DIRECTION);
        });
    }
}

impl<S, W: Way> Drop for Claim<'_, S, W> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.held {
            self.cancel();
        }
    }
}

#[inline(always)]
fn number(direction: Direction) -> usize {
    match direction {
        Direction::Read => 0,
        Direction::Write => 1,
    }
}

#[cold]
fn busy() -> io::Error {
    ErrorKind::ResourceBusy.into()
}
