//! What the kernel says of sockets and descriptors, and what waits for it.

pub(crate) mod descriptors;
pub(crate) mod direction;
pub(crate) mod signs;
pub(crate) mod sleeper;
pub(crate) mod source;
pub(crate) mod target;
pub(crate) mod waiters;
pub(crate) mod waking;
pub(crate) mod watcher;
pub(crate) mod watching;
