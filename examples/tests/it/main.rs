//! What the servers promise, checked from outside: through sockets, signals and `/proc`.

mod causality;
mod child;
mod client;
mod colour;
mod counts;
mod crossings;
mod depth;
mod document;
mod echo;
mod fifteen;
mod frames;
mod idle;
mod process;
mod server;
mod strace;
mod tidy;
mod virality;
