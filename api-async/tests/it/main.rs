//! What the async wing promises; the wings have the same tests wherever they make the same promise.

mod accepting;
mod bytes;
mod cancellations;
mod combine;
mod costs;
mod depth;
mod doors;
mod fuzz;
mod halves;
mod lab;
mod many;
mod panics;
mod regressions;
mod run;
mod scope;
mod seeing;
mod sockets;
mod task;
mod tcp;
mod timer;
mod waiters;
