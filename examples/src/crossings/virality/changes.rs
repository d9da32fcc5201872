//! What the refactorings have changed, as the test that counts it has recorded it.

use serde::{Deserialize, Serialize};

/// What a refactoring has changed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Change {
    /// The style.
    pub name: String,
    /// How many functions do work: all but the constructor.
    pub functions: usize,
    /// The functions that have another signature, in their order; their constructor is not counted.
    pub signatures: Vec<String>,
    /// How many tokens the program has before.
    pub tokens: usize,
    /// How many tokens came.
    pub added: usize,
    /// How many tokens went.
    pub removed: usize,
}

/// All that was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Changes {
    /// The refactorings, in the order of the page.
    pub change: Vec<Change>,
}

/// Returns what the committed refactorings have changed.
///
/// Counting reads Rust, which the test `virality` does with a parser that no other part of the program
/// needs; it fails when the record is not what it counts.
///
/// # Panics
/// When the record is not well formed, which that test holds.
pub fn changes() -> Vec<Change> {
    let changes: Changes =
        toml::from_str(include_str!("changes.toml")).expect("a test has recorded it");
    changes.change
}
