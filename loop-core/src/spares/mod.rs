//! What is kept to be used again: as much as the load needs, and no more for long.

pub(crate) mod stack;
pub(crate) mod store;
mod windows;
