//! What the kernel is asked to tell of a socket or a descriptor, and what it has told.

use std::any::type_name;

use mio::Interest;
use mio::event::Event;
use mio::net::TcpStream;

use crate::readiness::direction::Direction;

/// Whether the kernel's poll tells of urgent data. Where it does not, a short read means nothing.
const URGENT_IS_TOLD: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// What the poll is asked to tell: a read ends early at the mark of urgent data.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) const INTEREST: Interest =
    Interest::READABLE.add(Interest::WRITABLE).add(Interest::PRIORITY);

/// What the poll is asked to tell.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// What the kernel has told, and nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signs(u8);

impl Signs {
    /// Bytes can be read, or the peer has shut down.
    pub(crate) const READABLE: Signs = Signs(1);
    /// Bytes can be written.
    pub(crate) const WRITABLE: Signs = Signs(2);
    /// The peer has shut its writing side down: reading never blocks again.
    pub(crate) const READ_CLOSED: Signs = Signs(4);
    /// The stream has an urgent mark that reading may not have passed yet: a read ends there early.
    pub(crate) const URGENT: Signs = Signs(8);

    /// Reads a kernel event.
    pub(crate) fn of(event: &Event) -> Signs {
        let mut signs = Signs(0);
        if event.is_readable() {
            signs = signs.with(Signs::READABLE);
        }
        if event.is_writable() {
            signs = signs.with(Signs::WRITABLE);
        }
        let ends = event.is_error() || event.is_read_closed() || event.is_write_closed();
        if ends || event.is_priority() { signs.with(Signs::of_slow(event)) } else { signs }
    }

    /// Reads what an event seldom tells: an end, or urgent data. An error or a hang-up concerns both
    /// directions, as in asyncio.
    #[cold]
    fn of_slow(event: &Event) -> Signs {
        let mut signs = Signs(0);
        if event.is_error() || event.is_read_closed() {
            signs = signs.with(Signs::READABLE).with(Signs::READ_CLOSED);
        }
        if event.is_error() || event.is_write_closed() {
            signs = signs.with(Signs::WRITABLE);
        }
        if event.is_priority() {
            signs = signs.with(Signs::URGENT);
        }
        signs
    }

    /// Returns the sign that says "ready" in a direction.
    pub(crate) fn ready(direction: Direction) -> Signs {
        match direction {
            Direction::Read => Signs::READABLE,
            Direction::Write => Signs::WRITABLE,
        }
    }

    /// Returns the signs of both.
    pub(crate) const fn with(self, other: Signs) -> Signs {
        Signs(self.0 | other.0)
    }

    /// Returns these signs without the other ones.
    pub(crate) fn without(self, other: Signs) -> Signs {
        Signs(self.0 & !other.0)
    }

    /// Tells whether one of `other` is among these.
    pub(crate) fn any(self, other: Signs) -> bool {
        self.0 & other.0 != 0
    }
}

/// Tells whether a short read or write of an `S` says that there is no more: of a TCP stream it does.
///
/// The types are compared by name, since a descriptor that is borrowed has no `TypeId`. A type that is
/// not known costs a call that finds nothing.
pub(crate) fn is_clear<S>() -> bool {
    URGENT_IS_TOLD && type_name::<S>() == type_name::<TcpStream>()
}
