//! What a program builds with, and no turn needs.

pub(crate) mod backoff;
pub(crate) mod completer;
pub(crate) mod foreign;
pub(crate) mod loop_time;
pub(crate) mod pace;
