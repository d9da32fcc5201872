//! What the loop knows of a socket besides what the kernel tells.

use crate::readiness::direction::Direction;

/// What the loop itself knows; what the kernel tells is [`Signs`](crate::readiness::signs::Signs).
#[derive(Clone, Copy, Default)]
pub(crate) struct Flags(u8);

impl Flags {
    /// The loop is closing.
    pub(crate) const CANCELLED: Flags = Flags(1);
    /// A listener does not accept for a while, since descriptors have run out.
    pub(crate) const RESTING: Flags = Flags(2);
    /// The exception handler was told so.
    pub(crate) const REPORTED: Flags = Flags(4);
    /// A short read or write of this descriptor means nothing.
    pub(crate) const VAGUE: Flags = Flags(8);
    /// The source was dropped: no task is kept for a next time.
    pub(crate) const CLOSED: Flags = Flags(64);
    /// The task that is kept for reading is waiting.
    const READ_AWAITED: Flags = Flags(16);
    /// The task that is kept for writing is waiting.
    const WRITE_AWAITED: Flags = Flags(32);

    /// Returns the flag that says that a task waits in a direction.
    pub(crate) fn awaited(direction: Direction) -> Flags {
        match direction {
            Direction::Read => Flags::READ_AWAITED,
            Direction::Write => Flags::WRITE_AWAITED,
        }
    }

    /// Returns the flags of both.
    pub(crate) fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// Returns these flags without the other ones.
    pub(crate) fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }

    /// Tells whether one of `other` is among these.
    pub(crate) fn any(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }
}
