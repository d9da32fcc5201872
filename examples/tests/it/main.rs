//! What the servers promise, checked from outside: through sockets, signals and `/proc`.

mod child;
mod client;
mod counts;
mod echo;
mod process;
mod server;
mod strace;
