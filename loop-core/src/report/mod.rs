//! What goes wrong, and what the loop tells of itself.

pub(crate) mod counts;
pub(crate) mod errors;
pub(crate) mod failures;
pub(crate) mod reports;
pub(crate) mod running;
pub(crate) mod snapshot;
pub(crate) mod stderr;
pub(crate) mod unwinding;
