//! What the callbacks wing promises; the wings have the same tests wherever they make the same promise.

mod bytes;
mod cancelled;
mod combine;
mod depth;
mod fates;
mod hosts;
mod many;
mod random;
mod resolve;
mod serving;
mod tcp;
mod timer;
mod transport;
mod trees;
mod uncoloured;
