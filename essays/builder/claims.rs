//! The registry of claims as pages show it, with what the last run of each has seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use examples::claims::{Claim, Observation, Registry, Source, claim_of, findings};
use serde::Deserialize;

use crate::experiments::tests;
use crate::html::{escaped, with_code};
use crate::pages::Pages;

/// The registry, the runs, and the tests that there are.
pub(crate) struct Claims {
    registry: Registry,
    observations: BTreeMap<String, Observation>,
    tests: BTreeSet<String>,
}

impl Claims {
    /// Reads `claims.toml` and `observations/` in the folder of the book, and the tests of the workspace.
    ///
    /// # Errors
    /// When a file cannot be read or understood.
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
            tests: tests(root)?.into_iter().filter(|test| claim_of(test).is_some()).collect(),
        })
    }

    /// Returns the claims, in the order of their ids.
    pub(crate) fn all(&self) -> &[Claim] {
        &self.registry.claims
    }

    /// Tells of claims without an experiment, experiments without a claim, verdicts that are not those
    /// of the last run.
    pub(crate) fn faults(&self) -> Vec<String> {
        findings(&self.registry, &self.tests, &self.observations)
    }

    /// Lays out a claim as a box that can be linked to.
    pub(crate) fn claim(&self, id: &str) -> Result<String, String> {
        let claim = self.registry.claims.iter().find(|claim| claim.id == id);
        let claim = claim.ok_or_else(|| format!("no claim is called `{id}`"))?;
        let anchor = id.to_lowercase();
        let said: Vec<_> = claim.source.iter().map(said).collect();
        let mut text = format!(
            "<div class=\"claim\" id=\"{anchor}\">\n<p class=\"claim-statement\">\
             <a class=\"claim-id\" href=\"#{anchor}\">{id}</a> {}</p>\n\
             <dl><dt>Said by</dt><dd>{}</dd>\n<dt>Decided by</dt>\
             <dd><code>oneloop claim {id}</code></dd>\n<dt>Predicted</dt><dd>{}</dd>\n",
            with_code(&claim.statement),
            said.join("; "),
            with_code(&claim.prediction),
        );
        text += &match self.observations.get(id) {
            Some(Observation { printed, run, .. }) => {
                let run = escaped(run);
                format!(
                    "<dt>Seen</dt><dd>in the run <span class=\"claim-run\">{run}</span></dd></dl>\n\n{}\n",
                    block(printed)
                )
            }
            None => "<dt>Seen</dt><dd>not run yet</dd></dl>\n".to_owned(),
        };
        let verdict = claim.verdict.name();
        let class = verdict.replace(' ', "-");
        text += &format!(
            "<p class=\"claim-verdict {class}\">Verdict: <strong>{verdict}</strong></p>\n</div>\n\n"
        );
        Ok(text)
    }

    /// Makes a table of all claims, with a link to each that is in the book.
    pub(crate) fn table(&self, pages: &Pages) -> String {
        let row = |claim: &Claim| {
            let Claim { id, statement, verdict, .. } = claim;
            format!("| {} | {statement} | {verdict} |\n", pages.claim(id))
        };
        let rows: String = self.registry.claims.iter().map(row).collect();
        format!("| claim | statement | verdict |\n|---|---|---|\n{rows}")
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

/// Says who said it, where and when.
fn said(source: &Source) -> String {
    let (who, place, when) = (&source.who, &source.place, &source.when);
    let who = with_code(who);
    if place.starts_with("https://") || place.starts_with("http://") {
        return format!("<a href=\"{}\">{who}</a>, {}", escaped(place), escaped(when));
    }
    format!("{who}, {}, {}", with_code(place), escaped(when))
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

/// Makes a block of what a program printed.
pub(crate) fn block(printed: &str) -> String {
    format!("``````text\n{}\n``````\n", printed.trim_end())
}

pub(crate) fn parsed<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}
