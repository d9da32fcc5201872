//! The registry of claims as pages show it, with what the last run of each has seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Result;
use examples::claims::{Claim, Observation, PlantedFault, Registry, findings};

use crate::claim;
use crate::experiments::tests;
use crate::history::History;
use crate::html::block;
use crate::pages::Pages;
use crate::predictions::Predictions;
use crate::read::parsed;

/// The registry, the runs, the predictions, and the tests that there are.
pub(crate) struct Claims {
    registry: Registry,
    observations: BTreeMap<String, Observation>,
    predictions: Predictions,
    /// What git tells of when each was written.
    history: History,
    tests: BTreeSet<String>,
}

impl Claims {
    /// Reads `claims.toml`, `predictions.toml` and `observations/` in the folder of the book, the tests
    /// of the workspace, and the history.
    ///
    /// # Errors
    /// When a file cannot be read or understood; a history that cannot be read is none.
    pub(crate) fn read(root: &Path, book: &Path) -> Result<Claims> {
        let mut observations = BTreeMap::new();
        let folder = book.join("observations");
        if folder.is_dir() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                if path.extension().is_some_and(|extension| extension == "toml") {
                    observations.insert(id, parsed(&path)?);
                }
            }
        }
        Ok(Claims {
            registry: parsed(&book.join("claims.toml"))?,
            observations,
            predictions: Predictions::read(book)?,
            history: History::read(root),
            tests: tests(root)?,
        })
    }

    /// Returns the claims, in the order of their ids.
    pub(crate) fn all(&self) -> &[Claim] {
        &self.registry.claims
    }

    /// Tells of claims without an experiment, experiments without a claim, parts that nothing decides,
    /// verdicts that are not those of the last run, and wordings that were dropped.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = findings(&self.registry, &self.tests, &self.observations);
        faults.extend(self.registry.claims.iter().flat_map(|claim| self.history.dropped(claim)));
        faults
    }

    /// Tells of predictions that are not what the registry says, or younger than their experiments.
    pub(crate) fn faults_of_predictions(&self) -> Vec<String> {
        self.predictions.faults(&self.registry, &self.history)
    }

    /// Lays out a claim as a box that can be linked to.
    pub(crate) fn claim(&self, id: &str) -> Result<String, String> {
        let claim = self.registry.claims.iter().find(|claim| claim.id == id);
        let claim = claim.ok_or_else(|| format!("no claim is called `{id}`"))?;
        let order = self.history.order(id, &claim.prediction);
        Ok(claim::laid_out(claim, self.observations.get(id), &order))
    }

    /// Makes a table of all claims, with a link to each that is in the book.
    pub(crate) fn table(&self, pages: &Pages) -> String {
        let row = |claim: &Claim| {
            let Claim { id, statement, nature, prediction, .. } = claim;
            let (outcome, nature) = (claim.registered().name(), nature.name());
            let order = self.history.order(id, prediction);
            let order = order.brief(claim.measured_before.as_deref());
            format!("| {} | {statement} | {nature} | {outcome} | {order} |\n", pages.claim(id))
        };
        let rows: String = self.registry.claims.iter().map(row).collect();
        let head = "| claim | statement | what it is | outcome | which was first |\n";
        format!("{head}|---|---|---|---|---|\n{rows}")
    }

    /// Makes a table of the predictions that came out otherwise.
    pub(crate) fn wrong(&self, pages: &Pages) -> String {
        let row = |claim: &Claim| {
            let otherwise = claim::surprise(claim, self.observations.get(&claim.id)?)?;
            Some(format!("| {} | {} | {otherwise} |\n", pages.claim(&claim.id), claim.prediction))
        };
        let rows: String = self.registry.claims.iter().filter_map(row).collect();
        format!("| claim | predicted | what came out otherwise |\n|---|---|---|\n{rows}")
    }

    /// Makes a table of the faults under which experiments come out the other way.
    pub(crate) fn planted(&self, pages: &Pages) -> String {
        let mut text = String::from("| claim | what is done wrong | test |\n|---|---|---|\n");
        for claim in &self.registry.claims {
            for PlantedFault { what, test } in &claim.faults {
                text += &format!("| {} | {what} | `{test}` |\n", pages.claim(&claim.id));
            }
        }
        text
    }

    /// Makes a table of what is predicted of the claims to come.
    pub(crate) fn to_come(&self) -> String {
        self.predictions.table(&self.registry, &self.history)
    }

    /// Returns what the last run of a claim printed, as a block.
    pub(crate) fn observed(&self, id: &str) -> Result<String, String> {
        Ok(block(&self.observation(id)?.printed))
    }

    /// Returns one value that the last run of a claim recorded; it is named `C22.key`.
    pub(crate) fn value(&self, name: &str) -> Result<String, String> {
        let (id, key) = name.split_once('.').ok_or("a value is named `CLAIM.KEY`")?;
        let value = self.observation(id)?.values.get(key);
        value.map(|value| grouped(value)).ok_or_else(|| format!("{id} has recorded no `{key}`"))
    }

    fn observation(&self, id: &str) -> Result<&Observation, String> {
        self.observations.get(id).ok_or_else(|| format!("there is no run of `{id}`"))
    }
}

/// Divides a long whole number by commas, for a sentence; what is none stays as it is.
fn grouped(value: &str) -> String {
    if value.len() <= 4 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.to_owned();
    }
    let mut text = String::new();
    for (place, digit) in value.chars().enumerate() {
        if place > 0 && (value.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
