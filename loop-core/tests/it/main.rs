//! What the loop promises, on the kernel's own poll and on a clock that stands still.

mod closing;
mod errors;
mod fifteen;
mod lab;
mod remote;
mod running;
mod sources;
mod watching;
