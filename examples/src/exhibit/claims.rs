//! The registry of claims: what is asserted, who said it, what decides it, and what a run saw.
//!
//! An experiment tells what it saw in lines of its own, `C22 key = value`, and which parts of the
//! claim it found to hold, `C22 holds: part` or `C22 fails: part`. Rule: the verdict of a run follows
//! from the parts; no hand writes it.

mod check;

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

pub use check::{claim_of, findings};

/// Every claim of the essays, in the order of their ids.
#[derive(Clone, Debug, Deserialize)]
pub struct Registry {
    /// Ids that experiments are named by already, and that no essay has yet.
    #[serde(default)]
    pub awaited: Vec<String>,
    /// The claims.
    #[serde(default, rename = "claim")]
    pub claims: Vec<Claim>,
}

/// What is asserted, and what decides it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// `C22`: permanent.
    pub id: String,
    /// The assertion, as its friends would put it.
    pub statement: String,
    /// Who said it, the first first.
    pub source: Vec<Source>,
    /// How it is decided.
    pub kind: Kind,
    /// Tests, as `crate::module::name`, or commands of `oneloop`.
    pub experiments: Vec<String>,
    /// What was expected before the run.
    pub prediction: String,
    /// What came out.
    pub verdict: Verdict,
}

/// Who said it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A name, and a title.
    pub who: String,
    /// An address.
    #[serde(rename = "where")]
    pub place: String,
    /// A date, as far as it is known.
    pub when: String,
}

/// How a claim is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// By counts, which are the same on any machine.
    Test,
    /// By times, which are those of one machine.
    Benchmark,
}

/// What came of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Verdict {
    /// Every part of it holds.
    #[serde(rename = "held")]
    Held,
    /// No part of it holds.
    #[serde(rename = "refuted")]
    Refuted,
    /// Some parts hold, some fail.
    #[serde(rename = "partly")]
    Partly,
    /// The experiments ran, and could decide nothing.
    #[serde(rename = "not measurable here")]
    NotMeasurableHere,
}

/// What a run of a claim's experiments saw, as it is kept.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Observation {
    /// The time and the commit, by which the run is named.
    pub run: String,
    /// The day of the run.
    pub date: String,
    /// What the sources were, and whether they differed from it.
    pub commit: String,
    /// The compiler.
    pub rustc: String,
    /// The experiments that ran, all to their end.
    pub tests: Vec<String>,
    /// What follows from the parts.
    pub verdict: Verdict,
    /// What the experiments printed of the claim.
    pub printed: String,
    /// The values that an essay may quote, by key.
    pub values: BTreeMap<String, String>,
}

/// What the output of experiments tells of one claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The lines, without the claim's id.
    pub printed: String,
    /// Each value by its key.
    pub values: BTreeMap<String, String>,
    /// How many parts hold, and how many fail.
    pub parts: (usize, usize),
}

impl Registry {
    /// Returns the registry that the program was built with.
    ///
    /// # Panics
    /// When it is not well formed, which a test holds.
    pub fn embedded() -> Registry {
        Registry::parse(include_str!("../../../essays/claims.toml")).expect("a test parses it")
    }

    /// Reads a registry.
    ///
    /// # Errors
    /// Where and why it is not one.
    pub fn parse(text: &str) -> Result<Registry, toml::de::Error> {
        toml::from_str(text)
    }

    /// Finds a claim by its id, in capitals or not.
    pub fn claim(&self, id: &str) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.id.eq_ignore_ascii_case(id))
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

impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Seen {
    /// Takes from an output what it tells of a claim.
    pub fn read(id: &str, output: &str) -> Seen {
        let mut seen = Seen::default();
        let mark = format!("{id} ");
        for line in output.lines().filter_map(|line| line.strip_prefix(&mark)) {
            seen.printed += &format!("{line}\n");
            if line.starts_with("holds: ") {
                seen.parts.0 += 1;
            } else if line.starts_with("fails: ") {
                seen.parts.1 += 1;
            } else if let Some((key, value)) = line.split_once(" = ") {
                seen.values.insert(key.to_owned(), value.to_owned());
            }
        }
        seen
    }

    /// Returns what follows from the parts.
    pub fn verdict(&self) -> Verdict {
        match self.parts {
            (0, 0) => Verdict::NotMeasurableHere,
            (_, 0) => Verdict::Held,
            (0, _) => Verdict::Refuted,
            _ => Verdict::Partly,
        }
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
