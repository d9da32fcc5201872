//! Sockets and descriptors as futures: what waits for them, and what `futures`' traits add.

pub(crate) mod claim;
pub(crate) mod descriptor;
pub(crate) mod halves;
