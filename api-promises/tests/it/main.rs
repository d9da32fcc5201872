//! What the promises wing promises; the wings have the same tests wherever they make the same promise.

mod bars;
mod bytes;
mod chain;
mod combine;
mod combine_more;
mod endings;
mod fuzz;
mod lab;
mod panics;
mod regressions;
mod shared;
mod tcp;
mod timer;
mod v8;
