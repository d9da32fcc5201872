//! What the servers promise, checked from outside: through sockets, signals and `/proc`.

mod causality;
mod chat;
mod child;
mod client;
mod colour;
mod counts;
mod crawler;
mod crossings;
mod demonstrations;
mod depth;
mod document;
mod echo;
mod fifteen;
mod frames;
mod happy_eyeballs;
mod idle;
mod key_value;
mod process;
mod programs;
mod proxy;
mod server;
mod sockets;
mod steps;
mod strace;
mod tidy;
mod virality;
