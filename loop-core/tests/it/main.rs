//! What the loop promises, on the kernel's own poll and on a clock that stands still.

mod asyncio;
mod closing;
mod errors;
mod faults;
mod fifteen;
mod lab;
mod remote;
mod running;
mod script;
mod sources;
mod watching;
