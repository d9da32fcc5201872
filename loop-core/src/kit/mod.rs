//! What needs no loop.

pub(crate) mod backoff;
