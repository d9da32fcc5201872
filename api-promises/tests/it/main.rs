//! What the promises wing promises; the wings have the same tests wherever they make the same promise.

mod chain;
mod combine;
mod regressions;
mod tcp;
mod timer;
