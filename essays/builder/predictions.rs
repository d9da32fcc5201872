//! What is predicted of the claims that have no verdict yet.

use std::path::Path;

use anyhow::Result;
use examples::claims::Registry;
use serde::Deserialize;

use crate::history::History;
use crate::read::parsed;

/// `predictions.toml`.
#[derive(Default, Deserialize)]
pub(crate) struct Predictions {
    #[serde(default)]
    prediction: Vec<Prediction>,
}

/// What is expected of an experiment that is still to be run.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prediction {
    /// The id of the claim.
    id: String,
    /// The day of the prediction, in UTC.
    made: String,
    /// What the claim will assert.
    statement: String,
    /// What will be done.
    experiment: String,
    prediction: String,
    /// What had been seen by then.
    measured_before: Option<String>,
}

impl Predictions {
    /// Reads `predictions.toml` in the folder of the book; without one there are none.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub(crate) fn read(book: &Path) -> Result<Predictions> {
        let path = book.join("predictions.toml");
        if path.exists() { parsed(&path) } else { Ok(Predictions::default()) }
    }

    /// Tells of predictions that a claim repeats in other words, and of those that are younger than
    /// their experiments and do not say what had been measured.
    pub(crate) fn faults(&self, registry: &Registry, history: &History) -> Vec<String> {
        let mut faults = Vec::new();
        if !self.prediction.is_sorted_by(|one, next| one.id < next.id) {
            faults
                .push("the predictions are not in the order of their ids, each there once".into());
        }
        for Prediction { id, prediction, measured_before, .. } in &self.prediction {
            if registry.claim(id).is_some_and(|claim| claim.prediction != *prediction) {
                faults.push(format!("{id}: the registry has another prediction"));
            }
            let young = history.order(id, prediction).is_younger_than_its_experiment();
            if young && measured_before.is_none() {
                faults.push(format!("{id}: the prediction is younger than its experiment"));
            }
        }
        faults
    }

    /// Makes a table of those that have no verdict yet, with what git tells of their age.
    pub(crate) fn table(&self, registry: &Registry, history: &History) -> String {
        let row = |one: &Prediction| {
            let Prediction { id, made, statement, experiment, prediction, measured_before } = one;
            let order = history.order(id, prediction).sentence(measured_before.as_deref());
            format!("| {id} | {statement} | {experiment} | {prediction} | {made}. {order} |\n")
        };
        let open = self.prediction.iter().filter(|one| registry.claim(&one.id).is_none());
        let rows: String = open.map(row).collect();
        let head = "| claim | statement | experiment | predicted | made on |\n";
        format!("{head}|---|---|---|---|---|\n{rows}")
    }
}
