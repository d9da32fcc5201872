//! The program as its users meet it: the real binary, real sockets on loopback, files in a
//! temporary directory.

mod claims;
mod command_line;
mod comparison;
mod cost;
mod demo;
mod duel;
mod fake;
mod load;
mod merge;
mod method;
mod page;
mod peers;
mod program;
mod program_costs;
mod ready_made;
mod redis;
mod report;
mod results;
mod run;
mod serve;
mod show;
mod suites;
