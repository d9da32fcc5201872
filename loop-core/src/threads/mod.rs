//! What comes to the loop from other threads: submissions, offloaded work, signals.

pub(crate) mod offload;
pub(crate) mod offloaded;
pub(crate) mod remote;
pub(crate) mod resolve;
pub(crate) mod self_pipe;
pub(crate) mod signal_handlers;
pub(crate) mod signals;
