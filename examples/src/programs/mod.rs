//! The programs that are written in every style.

pub mod chat;
pub mod crawler;
pub mod happy_eyeballs;
pub mod key_value;
pub(crate) mod program;
pub mod proxy;
pub mod steps;

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
