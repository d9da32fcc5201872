//! The registry of claims: what is asserted, who said it, what decides it, and what a run saw.
//!
//! A statement is divided into named parts. An experiment tells what it saw in lines of its own,
//! `C22 key = value`, and how each part came out, `C22 holds: part` or `C22 fails: part`. Rule: the
//! verdict follows from the parts and from how they bear on the statement; no hand writes it.

mod check;
mod parts;
mod told;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use check::{claim_of, findings};
pub use parts::{Bears, Decided, Outcome, Part, Verdict};
pub use told::{Seen, observed, part, skipped, within};

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
    /// What kind of thing it is, which says whether it can have a verdict.
    pub nature: Nature,
    /// The assertion, as its friends would put it.
    pub statement: String,
    /// The wordings that the statement had before, the oldest first.
    #[serde(default)]
    pub history: Vec<Wording>,
    /// Who said it, the first first.
    pub source: Vec<Source>,
    /// What the decision rests on.
    pub decided_by: DecidedBy,
    /// Tests, as `crate::module::name`, or commands of `oneloop`.
    pub experiments: Vec<String>,
    /// What was expected before the run.
    pub prediction: String,
    /// What had been measured when the prediction was made; such a prediction shows no foresight.
    pub measured_before: Option<String>,
    /// What the statement says, point by point, as experiments print it.
    #[serde(default)]
    pub parts: Vec<Part>,
    /// The faults under which an experiment comes out the other way.
    #[serde(default)]
    pub faults: Vec<PlantedFault>,
    /// What came out; of an experiment alone.
    pub verdict: Option<Verdict>,
}

/// What kind of thing a claim is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Nature {
    /// It could have come out otherwise, and has a verdict.
    Experiment,
    /// It shows a mechanism that follows from the construction: it is shown, or it is not.
    Demonstration,
    /// It says how a word is used.
    Definition,
}

/// A statement as it was before.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wording {
    /// What it said.
    pub statement: String,
    /// The day on which it was changed.
    pub until: String,
    /// Why it was changed.
    pub why: String,
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

/// A fault that is planted to see an experiment come out the other way.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlantedFault {
    /// What is done wrong.
    pub what: String,
    /// The test that plants it, as `crate::module::name`.
    pub test: String,
}

/// What the decision about a claim rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecidedBy {
    /// Counts, which are the same on any machine.
    Counts,
    /// Times, which are those of one machine.
    Times,
}

/// What a run of a claim's experiments saw, as it is kept.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
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
    /// What the experiments printed of the claim.
    pub printed: String,
    /// How each part came out, by its name.
    pub parts: BTreeMap<String, Decided>,
    /// The values that an essay may quote, by key.
    pub values: BTreeMap<String, String>,
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

impl Claim {
    /// Finds a part by its name.
    pub fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }

    /// Returns what the registry says of it: its verdict, or what stands in the place of one.
    pub fn registered(&self) -> Outcome {
        match (self.nature, self.verdict) {
            (Nature::Experiment, Some(verdict)) => Outcome::Verdict(verdict),
            (Nature::Experiment, None) => Outcome::Verdict(Verdict::NotMeasurableHere),
            (Nature::Demonstration, _) => Outcome::Shown,
            (Nature::Definition, _) => Outcome::Definition,
        }
    }

    /// Returns what follows for the statement from how its parts came out.
    pub fn outcome(&self, decided: &BTreeMap<String, Decided>) -> Outcome {
        match self.nature {
            Nature::Experiment => Outcome::Verdict(parts::verdict(&self.parts, decided)),
            Nature::Demonstration if parts::verdict(&self.parts, decided) == Verdict::Held => {
                Outcome::Shown
            }
            Nature::Demonstration => Outcome::NotShown,
            Nature::Definition => Outcome::Definition,
        }
    }

    /// Returns the parts that came out otherwise than predicted.
    pub fn surprises(&self, decided: &BTreeMap<String, Decided>) -> Vec<&Part> {
        let wrong = |part: &&Part| match decided.get(&part.name) {
            Some(Decided::Holds) => !part.predicted,
            Some(Decided::Fails) => part.predicted,
            Some(Decided::Skipped) | None => false,
        };
        self.parts.iter().filter(wrong).collect()
    }
}

impl Nature {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Nature::Experiment => "experiment",
            Nature::Demonstration => "demonstration",
            Nature::Definition => "definition",
        }
    }
}
