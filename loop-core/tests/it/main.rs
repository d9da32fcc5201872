//! What the loop promises, on the kernel's own poll and on a clock that stands still.

mod accepting;
mod asyncio;
mod bad_input;
mod clock;
mod closing;
mod destructors;
mod endings;
mod errors;
mod faults;
mod fifteen;
mod fuzz;
mod lab;
mod offload;
mod remote;
mod running;
mod scale;
mod script;
mod signals;
mod sources;
mod stderr;
mod submitting;
mod timers;
mod transfers;
mod turns;
mod urgent;
mod watching;
