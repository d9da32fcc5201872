//! What the traits of `futures` read and write: connections, their halves, any descriptor.

pub(crate) mod descriptor;
pub(crate) mod halves;
mod stream;
