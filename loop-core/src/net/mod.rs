//! What programs read and write: sockets of TCP, raw descriptors, and the bytes that they move.

pub(crate) mod buffers;
pub(crate) mod chunk;
pub(crate) mod options;
pub(crate) mod partial;
pub(crate) mod tcp;
pub mod transfer;
pub(crate) mod watching;
