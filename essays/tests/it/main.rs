//! The book keeps its rules, and each rule is broken on purpose.

mod browser;
mod claims;
mod faults;
mod planted;
