//! What the traits of `futures` read and write beside streams: halves of one, any descriptor.

pub(crate) mod descriptor;
pub(crate) mod halves;
