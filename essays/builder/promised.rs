//! What is promised, how each promise is tested, and the figure that was seen.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use crate::experiments::tests;
use crate::html::escaped;
use crate::read::parsed;

/// `promised.toml`, and the tests that there are.
#[derive(Default)]
pub(crate) struct Promised {
    sections: Vec<Section>,
    tests: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Registered {
    section: Vec<Section>,
}

/// What is promised of one part.
#[derive(Deserialize)]
struct Section {
    of: String,
    promise: Vec<Promise>,
}

/// Lays out the name of a test or a command on a line of its own, which may break between its words.
fn code(name: &str) -> String {
    let name = escaped(name).replace("::", "::<wbr>").replace('_', "_<wbr>");
    format!("<br><small><code>{name}</code></small>")
}

/// One promise.
#[derive(Deserialize)]
struct Promise {
    what: String,
    /// Tests by name, as `crate::module::name`.
    #[serde(default)]
    tests: Vec<String>,
    /// Commands that test it for longer, or otherwise than by a test.
    #[serde(default)]
    commands: Vec<String>,
    /// What was seen, and when.
    #[serde(default)]
    seen: String,
}

impl Promised {
    /// Reads `promised.toml` in the folder of the book; without one nothing is promised.
    ///
    /// # Errors
    /// When it, or a test, is there and cannot be read.
    pub(crate) fn read(root: &Path, book: &Path) -> Result<Promised> {
        let path = book.join("promised.toml");
        if !path.exists() {
            return Ok(Promised::default());
        }
        let Registered { section: sections } = parsed(&path)?;
        Ok(Promised { sections, tests: tests(root)? })
    }

    /// Makes a table for each part.
    pub(crate) fn tables(&self) -> String {
        let mut text = String::new();
        for Section { of, promise: promises } in &self.sections {
            write!(text, "## {of}\n\n| promised, and tested by | seen |\n|---|---|\n")
                .expect("a string takes it");
            for Promise { what, tests, commands, seen } in promises {
                let tested: String = tests.iter().chain(commands).map(|name| code(name)).collect();
                writeln!(text, "| {what}{tested} | {seen} |").expect("a string takes it");
            }
            text.push('\n');
        }
        text
    }

    /// Tells of every promise that nothing tests, and of every test that is not there.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for Promise { what, tests, commands, .. } in
            self.sections.iter().flat_map(|section| &section.promise)
        {
            if tests.is_empty() && commands.is_empty() {
                faults.push(format!("nothing tests that {what}"));
            }
            for test in tests.iter().filter(|test| !self.tests.contains(*test)) {
                faults.push(format!("there is no test `{test}`"));
            }
        }
        faults
    }
}
