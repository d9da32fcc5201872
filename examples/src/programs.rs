//! The programs that are written in every style.

use crate::program::Program;

/// Every program, by name.
pub static PROGRAMS: &[&Program] = &[
    &crate::chat::PROGRAM,
    &crate::crawler::PROGRAM,
    &crate::happy_eyeballs::PROGRAM,
    &crate::key_value::PROGRAM,
    &crate::proxy::PROGRAM,
    &crate::steps::PROGRAM,
];

impl Program {
    /// Finds a program by name.
    pub fn named(name: &str) -> Option<&'static Program> {
        PROGRAMS.iter().copied().find(|program| program.name == name)
    }
}
