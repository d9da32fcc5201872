//! What the kernel says of sockets and descriptors, and what waits for it.

pub(crate) mod direction;
pub(crate) mod flags;
pub(crate) mod parking;
pub(crate) mod reactor;
pub(crate) mod signs;
pub(crate) mod sleeper;
pub(crate) mod socket;
pub(crate) mod source;
pub(crate) mod watch;
