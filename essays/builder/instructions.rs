//! Where the instructions of a message go, and what was tried to have fewer.

use std::fmt::Write;
use std::path::Path;

use crate::read::parsed;
use anyhow::Result;
use serde::Deserialize;

/// `instructions.toml`: what was counted, written by hand after each change that was measured.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Instructions {
    #[serde(rename = "part")]
    parts: Vec<Part>,
    tried: Vec<Tried>,
}

/// What a part of a message's way takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    what: String,
    /// A number, or the span that several styles lie in.
    instructions: String,
}

/// Changes that had the same outcome.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tried {
    outcome: String,
    changes: Vec<Change>,
}

/// A change, and by how many instructions it made a message dearer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    what: String,
    style: String,
    instructions: i32,
}

impl Instructions {
    /// Reads `instructions.toml` in the folder of the book; without one there is nothing to show.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub(crate) fn read(book: &Path) -> Result<Instructions> {
        let path = book.join("instructions.toml");
        if path.exists() { parsed(&path) } else { Ok(Instructions::default()) }
    }

    /// Makes a table of the parts, and one for each outcome of what was tried.
    pub(crate) fn tables(&self) -> String {
        let mut text =
            "## Where they go\n\n| part of a message's way | instructions |\n|---|--:|\n"
                .to_owned();
        for Part { what, instructions } in &self.parts {
            writeln!(text, "| {what} | {instructions} |").expect("a string takes it");
        }
        for Tried { outcome, changes } in &self.tried {
            write!(
                text,
                "\n## Tried: {outcome}\n\n| change | style | instructions |\n|---|---|--:|\n"
            )
            .expect("a string takes it");
            for Change { what, style, instructions } in changes {
                writeln!(text, "| {what} | {style} | {instructions:+} |")
                    .expect("a string takes it");
            }
        }
        text
    }
}
