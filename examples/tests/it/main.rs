//! What the servers promise, checked from outside: through sockets, signals and `/proc`.

mod chat;
mod child;
mod client;
mod counts;
mod crawler;
mod document;
mod echo;
mod fifteen;
mod idle;
mod key_value;
mod process;
mod proxy;
mod server;
mod sockets;
mod strace;
mod tidy;
