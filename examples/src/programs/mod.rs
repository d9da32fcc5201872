//! The programs that are written in every style.

mod blocking;
pub(crate) mod bounds;
mod left;
pub(crate) mod program;

pub mod chat;
pub mod crawler;
pub mod happy_eyeballs;
pub mod key_value;
pub mod proxy;
pub mod steps;

pub use bounds::TIME_MAX;
pub use left::Left;
use program::Program;

/// Every program, by name.
pub static PROGRAMS: &[&Program] = &[
    &chat::PROGRAM,
    &crawler::PROGRAM,
    &happy_eyeballs::PROGRAM,
    &key_value::PROGRAM,
    &proxy::PROGRAM,
    &steps::PROGRAM,
];

impl Program {
    /// Finds a program by name.
    pub fn named(name: &str) -> Option<&'static Program> {
        PROGRAMS.iter().copied().find(|program| program.name == name)
    }
}
