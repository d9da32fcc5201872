//! What the async wing promises; the wings have the same tests wherever they make the same promise.

mod accepting;
mod bridges;
mod bytes;
mod cancellations;
mod closed_loop;
mod combine;
mod contract;
mod costs;
mod depth;
mod fuzz;
mod giving_way;
mod group;
mod halves;
mod inspecting;
mod lab;
mod many;
mod panicking_parts;
mod panics;
mod regressions;
mod run;
mod scope;
mod sockets;
mod task;
mod tcp;
mod timer;
mod waiters;
