//! The registry of claims, and what the last run of each has seen.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::html::{escaped, with_code};
use crate::pages::Pages;

/// Every claim, in the order of the registry, with what was seen.
pub(crate) struct Registry {
    pub(crate) claims: Vec<Claim>,
    observations: BTreeMap<String, Observation>,
}

/// What is asserted, and what decides it.
#[derive(Deserialize)]
pub(crate) struct Claim {
    pub(crate) id: String,
    statement: String,
    source: Vec<Source>,
    prediction: String,
    verdict: String,
}

/// Who said it.
#[derive(Deserialize)]
struct Source {
    who: String,
    #[serde(rename = "where")]
    place: String,
    when: String,
}

/// What the last run saw.
#[derive(Deserialize)]
struct Observation {
    run: String,
    #[serde(default)]
    values: BTreeMap<String, toml::Value>,
    #[serde(default)]
    printed: String,
    verdict: String,
}

impl Registry {
    /// Reads `claims.toml` and `observations/` in the folder of the book.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub(crate) fn read(book: &Path) -> Result<Registry> {
        #[derive(Deserialize, Default)]
        struct File {
            #[serde(default)]
            claim: Vec<Claim>,
        }
        let path = book.join("claims.toml");
        let file: File = if path.exists() { parsed(&path)? } else { File::default() };
        let mut observations = BTreeMap::new();
        for claim in &file.claim {
            let path = book.join(format!("observations/{}.toml", claim.id));
            if path.exists() {
                observations.insert(claim.id.clone(), parsed(&path)?);
            }
        }
        Ok(Registry { claims: file.claim, observations })
    }

    /// Lays out a claim as a box that can be linked to.
    pub(crate) fn claim(&self, id: &str) -> Result<String, String> {
        let claim = self.claims.iter().find(|claim| claim.id == id);
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
        let seen = self.observations.get(id);
        match seen {
            Some(seen) => {
                text += "<dt>Seen</dt></dl>\n\n";
                text += &block(&seen.printed);
                text += &format!("\n<p class=\"claim-run\">Run {}</p>", escaped(&seen.run));
            }
            None => text += "<dt>Seen</dt><dd>not run yet</dd></dl>\n",
        }
        let verdict = escaped(&claim.verdict);
        let kind = claim.verdict.replace(' ', "-");
        text += &format!(
            "<p class=\"claim-verdict {kind}\">Verdict: <strong>{verdict}</strong></p>\n</div>\n\n"
        );
        Ok(text)
    }

    /// Makes a table of all claims, with a link to each that is in the book.
    pub(crate) fn table(&self, pages: &Pages) -> String {
        let row = |claim: &Claim| {
            let Claim { id, statement, verdict, .. } = claim;
            format!("| {} | {statement} | {verdict} |\n", pages.claim(id))
        };
        let rows: String = self.claims.iter().map(row).collect();
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
        match value.ok_or_else(|| format!("{id} has recorded no `{key}`"))? {
            toml::Value::String(text) => Ok(text.clone()),
            value => Ok(value.to_string()),
        }
    }

    /// Tells of every claim whose verdict is not that of its last run.
    pub(crate) fn stale(&self) -> Vec<String> {
        let stale = |claim: &Claim| match self.observations.get(&claim.id) {
            None => Some(format!("{}: there is no run of it", claim.id)),
            Some(seen) if seen.verdict != claim.verdict => {
                let (id, verdict, seen) = (&claim.id, &claim.verdict, &seen.verdict);
                Some(format!("{id}: the verdict is `{verdict}`, and the last run says `{seen}`"))
            }
            Some(_) => None,
        };
        self.claims.iter().filter_map(stale).collect()
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

/// Makes a block of what a program printed.
pub(crate) fn block(printed: &str) -> String {
    format!("``````text\n{}\n``````\n", printed.trim_end())
}

pub(crate) fn parsed<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}
