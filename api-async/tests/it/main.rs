//! What the async wing promises; the wings have the same tests wherever they make the same promise.

mod bytes;
mod combine;
mod doors;
mod regressions;
mod task;
mod tcp;
mod timer;
