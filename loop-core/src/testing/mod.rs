//! What a test puts in the place of the kernel and of the clock.

pub(crate) mod jumping;
pub(crate) mod manual_clock;
pub(crate) mod script;
