//! The program as its users meet it: the real binary, real sockets on loopback, files in a
//! temporary directory.

mod command_line;
mod comparison;
mod cost;
mod fake;
mod load;
mod program;
mod serve;
