//! Sockets of TCP, and the bytes that they move.

pub(crate) mod chunk;
pub(crate) mod options;
pub(crate) mod partial;
pub(crate) mod tcp;
pub mod transfer;
