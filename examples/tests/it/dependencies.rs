//! What the workspace is built of: licences that allow it, one source, one version of each crate.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;
use spdx::{Expression, ParseMode};

use crate::document;

/// Licences that ask for no more than to be named.
const ALLOWED: [&str; 9] = [
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "0BSD",
    "Unicode-3.0",
    "Unlicense",
];

/// Others, each with the reason why it may stay.
const EXCEPTIONS: [(&str, &str); 2] = [
    // The book's builder uses them as they are, and nothing that runs on the loop links them.
    ("MPL-2.0", "mdbook-"),
    // The pages carry its pictures, and name their source.
    ("CC-BY-4.0", "font-awesome-as-a-crate"),
];

/// Crates that are there in two versions, each with the reason.
const TWICE: [(&str, &str); 1] =
    // Derives of some crates stay with version 2, and the tests read sources with 3.
    [("syn", "procedural macros")];

/// Reads what cargo knows of the crates that are built on this system.
fn packages() -> Vec<Value> {
    let verbose = Command::new(env!("CARGO")).arg("-vV").output().unwrap();
    let verbose = String::from_utf8(verbose.stdout).unwrap();
    let host = verbose.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--locked", "--offline", "--format-version", "1"]);
    let output =
        command.args(["--filter-platform", host]).current_dir(document::root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let nodes = metadata["resolve"]["nodes"].take();
    let used: Vec<&str> =
        nodes.as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    let all = metadata["packages"].as_array().unwrap().iter();
    all.filter(|package| used.contains(&package["id"].as_str().unwrap())).cloned().collect()
}

fn text<'a>(package: &'a Value, field: &str) -> &'a str {
    package[field].as_str().unwrap_or_default()
}

/// Tells why a package may not be used, if it may not.
fn refusal(name: &str, licence: &str) -> Option<String> {
    let expression = match Expression::parse_mode(licence, ParseMode::LAX) {
        Ok(expression) => expression,
        Err(error) => return Some(format!("{name}: {licence:?} is no licence: {error}")),
    };
    let allowed = expression.evaluate(|asked| {
        let id = asked.license.id().map_or("", |id| id.name);
        let excepted = EXCEPTIONS.iter().any(|(it, of)| *it == id && name.starts_with(of));
        ALLOWED.contains(&id) || excepted
    });
    (!allowed).then(|| format!("{name}: {licence}"))
}

#[test]
fn every_licence_allows_what_the_workspace_does() {
    let of = |it: &Value| refusal(text(it, "name"), text(it, "license"));
    let refused: Vec<String> = packages().iter().filter_map(of).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn a_licence_that_asks_for_more_is_found() {
    for licence in ["GPL-3.0-only", "MIT AND GPL-2.0-only", "MPL-2.0", "", "none at all"] {
        assert!(refusal("planted", licence).is_some(), "{licence}");
    }
    for licence in ["MIT/Apache-2.0", "GPL-3.0-only OR MIT", "(MIT OR Apache-2.0) AND Unicode-3.0"]
    {
        assert_eq!(refusal("planted", licence), None);
    }
}

#[test]
fn every_crate_comes_from_the_registry_and_in_one_version() {
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages() {
        let (name, source) = (text(&package, "name"), package["source"].as_str());
        assert!(source.is_none_or(|source| source == registry), "{name}: {source:?}");
        versions.entry(name.to_owned()).or_default().push(text(&package, "version").to_owned());
    }
    versions.retain(|name, versions| {
        versions.len() > 1 && !TWICE.iter().any(|(twice, _)| twice == name)
    });
    assert!(versions.is_empty(), "in more than one version: {versions:?}");
}
