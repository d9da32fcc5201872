//! What the async wing promises; the wings have the same tests wherever they make the same promise.

mod bytes;
mod combine;
mod doors;
mod lab;
mod regressions;
mod run;
mod scope;
mod seeing;
mod task;
mod tcp;
mod timer;
