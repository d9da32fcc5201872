//! A socket and what waits for it: one future a direction, as in the other wings.
//!
//! A future that waits has the direction until it ends or is dropped, and takes its waker with it. The
//! traits of `futures` poll without a future of ours, and hold nothing: a task whose place is taken is woken.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::marker::PhantomData;
use std::task::{Context, Poll, ready};

use loop_core::transfer::Transfer;
use loop_core::{Direction, Source};

use crate::task::current::{self, Wait};
use crate::task::executor;
use crate::task::panics::in_drop;

/// A direction as a type: it takes no room in a future, and no message asks which one it is.
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
    /// The socket as the loop has it, with the wakers that are parked.
    source: Source<S>,
    /// Whether a future has claimed reading, and writing: a second one that would wait is refused.
    claimed: [Cell<bool>; 2],
}

/// A future's claim on one direction: it is held from the first wait to the end of the future.
///
/// ```text
///   Free ───── 1 ────► Parked ───── 2 ────► Woken
///    ▲                  │  ▲                 │ │
///    │                  │  └────── 3 ────────┘ │
///    └────── 4, 5 ──────┴──────────────────────┘
/// ```
///
/// 1. The future's attempt would block, and no other future has the direction: [`Claim::park`] leaves the
///    task's waker at the source. If one has, the future ends as `ResourceBusy`.
/// 2. The kernel says that the socket is ready: the loop queues the task or calls its waker. The claim
///    holds: no other future may wait before this one was polled.
/// 3. The task polls the future, whose attempt would block once more: `Claim::park`. So it does if the
///    task polls it while it is parked.
/// 4. The attempt has succeeded or failed: [`Claim::settle`] gives the direction up.
/// 5. The future is dropped: `Claim::cancel` gives the direction up and takes the waker back.
///
/// A future that need not wait stays free: another that waits keeps its claim. What polls by the traits
/// of `futures` claims nothing, and parks only in a direction that is free ([`Socket::wait`]).
pub(crate) struct Claim<'a, S, W: Way> {
    /// Whose direction it is.
    pub(crate) socket: &'a Socket<S>,
    /// Whether the future has the direction. It knows that itself, since the socket only knows that one
    /// has it.
    held: bool,
    /// Which direction it is.
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
    pub(crate) fn claim<W: Way>(&self) -> Claim<'_, S, W> {
        Claim { socket: self, held: false, way: PhantomData }
    }

    /// Makes an attempt within the task's budget; if it has to be made again later, the task is woken
    /// then, unless a future waits in this direction.
    pub(crate) fn poll_attempt<T>(
        &self,
        direction: Direction,
        cx: &Context<'_>,
        attempt: impl FnOnce() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        if !current::take_budget() {
            return current::give_way(cx);
        }
        match attempt() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                current::return_budget();
                self.wait(direction, cx)
            }
            result => Poll::Ready(result),
        }
    }

    /// Waits in this direction, unless a future does. It takes no budget: what waits gives way.
    pub(crate) fn wait<T>(&self, direction: Direction, cx: &Context<'_>) -> Poll<io::Result<T>> {
        if self.claimed[index(direction)].get() {
            return Poll::Ready(Err(busy()));
        }
        self.park(direction, cx)
    }

    /// Wakes the task when the source is ready in this direction.
    #[inline]
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
    pub(crate) fn poll_attempt<T>(
        &mut self,
        cx: &Context<'_>,
        attempt: impl FnOnce() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        ready!(self.admit(cx));
        let attempted = attempt();
        self.settle(cx, attempted)
    }

    /// Lets an attempt be made; gives way instead once the task's budget is used up.
    #[inline]
    pub(crate) fn admit(&self, cx: &Context<'_>) -> Poll<()> {
        if current::take_budget() { Poll::Ready(()) } else { current::give_way(cx) }
    }

    /// Gives the direction up after an attempt, or waits if the attempt would block.
    #[inline]
    pub(crate) fn settle<T>(
        &mut self,
        cx: &Context<'_>,
        attempted: io::Result<T>,
    ) -> Poll<io::Result<T>> {
        match attempted {
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.put_off(cx),
            result => {
                self.release();
                Poll::Ready(result)
            }
        }
    }

    /// Waits after an attempt that would block: the operation has not completed.
    #[cold]
    fn put_off<T>(&mut self, cx: &Context<'_>) -> Poll<io::Result<T>> {
        current::return_budget();
        self.park(cx)
    }

    /// Tells whether the future has waited.
    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    /// Waits in this direction, without an attempt. It takes no budget: what waits gives way.
    #[inline(always)]
    pub(crate) fn park<T>(&mut self, cx: &Context<'_>) -> Poll<io::Result<T>> {
        if !self.held {
            if self.socket.claimed[index(W::DIRECTION)].replace(true) {
                return Poll::Ready(Err(busy()));
            }
            self.held = true;
        }
        self.socket.park(W::DIRECTION, cx)
    }

    /// Gives the direction up, since the future ends.
    fn release(&mut self) {
        if self.held {
            self.socket.claimed[index(W::DIRECTION)].set(false);
            self.held = false;
        }
    }

    /// Gives the direction up, and takes the waker back.
    #[cold]
    fn cancel(&mut self) {
        self.release();
        // The waker may be user code.
        in_drop(|| {
            self.socket.source.unpark(W::DIRECTION);
        });
    }
}

impl<S, W: Way> Drop for Claim<'_, S, W> {
    #[inline]
    fn drop(&mut self) {
        if self.held {
            self.cancel();
        }
    }
}

/// Says where the claim on a direction is.
fn index(direction: Direction) -> usize {
    match direction {
        Direction::Read => 0,
        Direction::Write => 1,
    }
}

#[cold]
fn busy() -> io::Error {
    ErrorKind::ResourceBusy.into()
}
