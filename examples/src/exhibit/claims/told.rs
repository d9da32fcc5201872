//! What experiments print of a claim, and what is read from it.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::{Decided, Registry};

/// What the output of experiments tells of one claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The lines, without the claim's id.
    pub printed: String,
    /// Each value by its key.
    pub values: BTreeMap<String, String>,
    /// How each part came out, by its name; one that fails once fails.
    pub parts: BTreeMap<String, Decided>,
}

impl Seen {
    /// Takes from an output what it tells of a claim.
    pub fn read(id: &str, output: &str) -> Seen {
        let mut seen = Seen::default();
        let mark = format!("{id} ");
        for line in output.lines().filter_map(|line| line.strip_prefix(&mark)) {
            seen.printed += &format!("{line}\n");
            if let Some((part, decided)) = decided(line) {
                let earlier = seen.parts.insert(part.to_owned(), decided);
                if earlier == Some(Decided::Fails) {
                    seen.parts.insert(part.to_owned(), Decided::Fails);
                }
            } else if let Some((key, value)) = line.split_once(" = ") {
                seen.values.insert(key.to_owned(), value.to_owned());
            }
        }
        seen
    }
}

/// Reads a line that tells how a part came out.
fn decided(line: &str) -> Option<(&str, Decided)> {
    let (word, part) = line.split_once(": ")?;
    match word {
        "holds" => Some((part, Decided::Holds)),
        "fails" => Some((part, Decided::Fails)),
        // Behind the part stands why it could not be asked.
        "skipped" => Some((part.split_once(" (").map_or(part, |(part, _)| part), Decided::Skipped)),
        _ => None,
    }
}

/// Tells a value that an experiment saw.
pub fn observed(claim: &str, key: &str, value: impl Display) {
    println!("{claim} {key} = {value}");
}

/// Tells whether a part of a claim holds, and returns that, for the test to pin.
pub fn part(claim: &str, part: &str, holds: bool) -> bool {
    println!("{claim} {}: {part}", if holds { "holds" } else { "fails" });
    holds
}

/// Tells whether a figure keeps the threshold that the registry names for a part, and returns that,
/// for the test to pin.
///
/// # Panics
/// When the registry names no threshold for it.
pub fn within(claim: &str, name: &str, figure: u64) -> bool {
    let registry = Registry::embedded();
    let named = registry.claim(claim).and_then(|claim| claim.part(name));
    let keeps = named.and_then(|part| part.keeps(figure));
    part(claim, name, keeps.unwrap_or_else(|| panic!("{claim} has no threshold for: {name}")))
}

/// Tells that a part could not be asked here, and why.
pub fn skipped(claim: &str, part: &str, why: &str) {
    println!("{claim} skipped: {part} ({why})");
}
