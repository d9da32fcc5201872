//! What the async wing promises; the wings have the same tests wherever they make the same promise.

mod combine;
mod regressions;
mod task;
mod tcp;
mod timer;
