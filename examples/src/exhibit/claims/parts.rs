//! The parts of a statement, and what follows from how they came out.
//!
//! Rule: a statement falls with any part that carries it, whatever else holds. So a part that could
//! hardly fail rescues nothing, and a statement about all cases falls with one counter-example.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write};

use serde::{Deserialize, Serialize};

/// One point of a statement, or of what was predicted beside it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The sentence that experiments print.
    pub name: String,
    /// What falls with it.
    #[serde(default)]
    pub bears: Bears,
    /// The greatest figure with which it holds.
    pub at_most: Option<u64>,
    /// The least figure with which it holds.
    pub at_least: Option<u64>,
    /// What the figure counts.
    pub unit: Option<String>,
    /// Whether it was expected to hold.
    #[serde(default = "yes")]
    pub predicted: bool,
}

/// What falls with a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bears {
    /// The statement: this part carries it.
    #[default]
    Statement,
    /// A detail of the statement, which then holds in part.
    Detail,
    /// What was predicted, and no word of the statement.
    Prediction,
}

/// How a part came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decided {
    /// The experiment found it so.
    Holds,
    /// The experiment found it otherwise.
    Fails,
    /// The experiment could not ask, and has said why.
    Skipped,
}

/// What came of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Verdict {
    /// Every part of the statement holds.
    #[serde(rename = "held")]
    Held,
    /// A part that carries the statement falls.
    #[serde(rename = "refuted")]
    Refuted,
    /// What carries the statement holds, and a detail of it falls.
    #[serde(rename = "partly")]
    Partly,
    /// The experiments ran, and did not decide what carries the statement.
    #[serde(rename = "not measurable here")]
    NotMeasurableHere,
}

/// What a claim comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// That of an experiment.
    Verdict(Verdict),
    /// A demonstration showed what it is to show.
    Shown,
    /// A demonstration did not show what it is to show.
    NotShown,
    /// There is nothing to decide.
    Definition,
}

/// What an omitted prediction of a part means.
fn yes() -> bool {
    true
}

/// Returns what follows for a statement from its parts.
pub(super) fn verdict(parts: &[Part], decided: &BTreeMap<String, Decided>) -> Verdict {
    let came = |bears| {
        let those = parts.iter().filter(move |part| part.bears == bears);
        those.map(|part| decided.get(&part.name).copied().unwrap_or(Decided::Skipped))
    };
    if came(Bears::Statement).any(|came| came == Decided::Fails) {
        return Verdict::Refuted;
    }
    let mut carrying = came(Bears::Statement).peekable();
    if carrying.peek().is_none() || carrying.any(|came| came == Decided::Skipped) {
        return Verdict::NotMeasurableHere;
    }
    match came(Bears::Detail).any(|came| came == Decided::Fails) {
        true => Verdict::Partly,
        false => Verdict::Held,
    }
}

impl Part {
    /// Tells whether a figure keeps the threshold; nothing if none is named.
    pub fn keeps(&self, figure: u64) -> Option<bool> {
        if self.at_most.is_none() && self.at_least.is_none() {
            return None;
        }
        let below = self.at_most.is_none_or(|most| figure <= most);
        Some(below && self.at_least.is_none_or(|least| figure >= least))
    }

    /// Returns the threshold in words, such as `at most 4 allocations`; empty if none is named.
    pub fn threshold(&self) -> String {
        let mut text = String::new();
        for (word, figure) in [("at least", self.at_least), ("at most", self.at_most)] {
            if let Some(figure) = figure {
                let joint = if text.is_empty() { "" } else { ", " };
                write!(text, "{joint}{word} {figure}").expect("a string takes all");
            }
        }
        match &self.unit {
            Some(unit) if !text.is_empty() => text + " " + unit,
            _ => text,
        }
    }
}

impl Decided {
    /// Returns the word that experiments print.
    pub fn name(self) -> &'static str {
        match self {
            Decided::Holds => "holds",
            Decided::Fails => "fails",
            Decided::Skipped => "skipped",
        }
    }
}

impl Verdict {
    /// Returns the verdict as the registry spells it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Held => "held",
            Verdict::Refuted => "refuted",
            Verdict::Partly => "partly",
            Verdict::NotMeasurableHere => "not measurable here",
        }
    }
}

impl Outcome {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Verdict(verdict) => verdict.name(),
            Outcome::Shown => "shown",
            Outcome::NotShown => "not shown",
            Outcome::Definition => "definition",
        }
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
