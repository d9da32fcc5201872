//! What the callbacks wing promises; the wings have the same tests wherever they make the same promise.

mod bytes;
mod cancelled;
mod closed_loop;
mod closing;
mod combine;
mod completions;
mod depth;
mod hosts;
mod lab;
mod limits;
mod many;
mod panics;
mod places;
mod random;
mod resolve;
mod returns_first;
mod sequences;
mod serving;
mod tcp;
mod timer;
mod tokens;
mod transport;
mod trees;
mod uncoloured;
