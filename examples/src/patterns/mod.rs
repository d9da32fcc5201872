//! How things are built from the parts: a handler that is a trait, asyncio's hybrid of transports and
//! streams, and what `async` itself is made of.
//!
//! No server and no program uses them; each has its tests.

pub mod handler;
pub mod hybrid;
pub mod made_of;
