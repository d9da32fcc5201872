//! What `claims` and `claim` print and refuse. Experiments run by a stand-in for cargo, since the real
//! one would wait for the run of these tests.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use examples::claims::Registry;
use tempfile::TempDir;

use crate::program::{finish, oneloop, run, text};

/// Runs with a cargo that says what is told, and nothing else.
fn run_with(said: &str, arguments: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    let (cargo, told) = (folder.path().join("cargo"), folder.path().join("told"));
    fs::write(&told, said).unwrap();
    fs::write(&cargo, format!("#!/bin/sh\ncat '{}'\n", told.display())).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = oneloop(arguments);
    finish(command.env("CARGO", cargo).spawn().unwrap())
}

/// What libtest prints when the experiments of a claim hold and tell `lines`.
fn held(id: &str, lines: &str) -> String {
    let claim = Registry::embedded().claim(id).unwrap().clone();
    let mut said = String::new();
    for experiment in claim.experiments {
        let (_, test) = experiment.split_once("::").unwrap();
        said += &format!("test {test} ... ok\n");
    }
    format!("{said}\nsuccesses:\n\n---- one stdout ----\n{lines}")
}

/// The part that carries C22.
const GROWS: &str = "without flow control, all that is written more is held";

#[test]
fn the_list_has_every_claim_with_its_verdict() {
    let output = run(&["claims"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let list = text(&output.stdout);
    for claim in Registry::embedded().claims {
        let line = list
            .lines()
            .find(|line| line.trim_start().starts_with(&claim.id))
            .expect("a line for each");
        assert!(line.contains(claim.registered().name()), "{line}");
        let statement: Vec<_> = claim.statement.split_whitespace().collect();
        assert!(line.ends_with(&statement.join(" ")), "a pipe gets the whole: {line}");
    }
}

/// A checkout of which nothing is left but what it claims.
fn checkout(registry: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("essays")).unwrap();
    fs::create_dir_all(folder.path().join("benches/src")).unwrap();
    fs::write(folder.path().join("essays/claims.toml"), registry).unwrap();
    folder
}

#[test]
fn claims_are_those_of_the_checkout_that_one_stands_in() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../essays/claims.toml");
    let registry = fs::read_to_string(source).unwrap().replace("id = \"C22\"", "id = \"C92\"");
    let folder = checkout(&registry);
    let inside = folder.path().join("benches/src");
    let mut command = oneloop(&["claims"]);
    let listed = finish(command.current_dir(&inside).spawn().unwrap());
    assert!(text(&listed.stdout).contains("\nC92  "), "{}", text(&listed.stdout));
    let refused = finish(oneloop(&["claim", "C22"]).current_dir(&inside).spawn().unwrap());
    let complaint = text(&refused.stderr);
    assert_eq!((refused.status.code(), complaint.lines().count()), (Some(2), 1), "{complaint}");
    assert!(complaint.contains("C21, C92, C23"), "{complaint}");
}

#[test]
fn a_registry_that_cannot_be_read_is_named() {
    let folder = checkout("nonsense = [");
    let output = finish(oneloop(&["claims"]).current_dir(folder.path()).spawn().unwrap());
    let complaint = text(&output.stderr);
    assert_eq!((output.status.code(), complaint.lines().count()), (Some(1), 1), "{complaint}");
    assert!(complaint.contains("essays/claims.toml"), "{complaint}");
}

#[test]
fn an_unknown_claim_names_those_that_exist() {
    let output = run(&["claim", "C99"]);
    let complaint = text(&output.stderr);
    assert_eq!((output.status.code(), complaint.lines().count()), (Some(2), 1), "{complaint}");
    assert!(complaint.contains("C01, C02") && complaint.contains("C23"), "{complaint}");
}

#[test]
fn a_claim_shows_its_source_and_what_its_experiments_saw() {
    let lines = format!("C22 unsent_bytes = 41\nC22 holds: {GROWS}\nC20 fails: another's\n");
    let output = run_with(&held("C22", &lines), &["claim", "c22"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    for part in
        ["C22        `write`", "said by    Smith", "https://vorpus.org", "predicted  Linear"]
    {
        assert!(shown.contains(part), "{part}:\n{shown}");
    }
    for part in ["seen       unsent_bytes = 41", GROWS, "\nverdict    held\n"] {
        assert!(shown.contains(part), "{part}:\n{shown}");
    }
    assert!(!shown.contains("another's"), "{shown}");
}

#[test]
fn a_run_that_comes_to_another_verdict_says_so() {
    let output = run_with(&held("C22", &format!("C22 fails: {GROWS}\n")), &["claim", "C22"]);
    let shown = text(&output.stdout);
    assert!(shown.contains("verdict    refuted, where the registry says held"), "{shown}");
    // All of them, in one run: those that print nothing could decide nothing.
    let ids: Vec<_> = Registry::embedded().claims.into_iter().map(|claim| claim.id).collect();
    let said: String = ids.iter().map(|id| held(id, "")).collect();
    let output = run_with(&said, &["claims", "--check"]);
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    let stale = "C22: the registry says `held`, and this run `not measurable here`";
    assert!(complaint.contains(stale), "{complaint}");
}

#[test]
fn an_experiment_that_fails_or_is_not_there_gives_no_verdict() {
    for said in ["", "test demonstrations::c22_write_without_drain_grows ... FAILED\n"] {
        let output = run_with(said, &["claim", "C22"]);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{complaint}");
        assert!(complaint.contains("c22_write_without_drain_grows` did not hold"), "{complaint}");
        assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    }
}

#[test]
fn without_cargo_that_is_what_it_says() {
    let mut command = oneloop(&["claim", "C22"]);
    let output = finish(command.env("CARGO", "/nonexistent/cargo").spawn().unwrap());
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("experiments run by cargo, and there is none"), "{complaint}");
}
