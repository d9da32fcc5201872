//! What tests put in the place of the kernel.

pub(crate) mod script;
