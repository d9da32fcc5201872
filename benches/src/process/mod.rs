//! This process, its children and the machine that they run on.

pub(crate) mod cpu;
pub(crate) mod ending;
pub(crate) mod environment;
pub(crate) mod exec;
pub(crate) mod interrupt;
pub(crate) mod limits;
pub(crate) mod open;
