//! What the servers promise, checked from outside: through sockets, signals and `/proc`.

mod child;
mod client;
mod counts;
mod document;
mod echo;
mod fifteen;
mod happy_eyeballs;
mod idle;
mod process;
mod server;
mod steps;
mod strace;
mod tidy;
