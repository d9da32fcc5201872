//! What the promises wing promises; the wings have the same tests wherever they make the same promise.

mod bars;
mod bridges;
mod bytes;
mod chain;
mod clean_ups;
mod closed_loop;
mod closing;
mod combine;
mod combine_more;
mod depth;
mod endings;
mod fuzz;
mod groups;
mod guards;
mod lab;
mod late;
mod panicking_functions;
mod panics;
mod places;
mod regressions;
mod results;
mod shared;
mod tcp;
mod timer;
mod v8;
