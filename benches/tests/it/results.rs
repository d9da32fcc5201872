//! The published runs: each figure follows from what was recorded, and each run is listed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{run, text};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results")
}

/// Returns the directory of each published run.
fn published() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let runs: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    assert!(!runs.is_empty());
    runs
}

#[test]
fn every_figure_of_a_published_run_follows_from_its_record() {
    for directory in published() {
        let output = run(&["verify", directory.to_str().unwrap()]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains("are as recorded"), "{}", text(&output.stdout));
    }
}

#[test]
fn every_published_run_is_listed_and_has_its_page() {
    let list = fs::read_to_string(folder().join("README.md")).unwrap();
    for directory in published() {
        let name = directory.file_name().unwrap().to_str().unwrap();
        let page = format!("{name}/report.html");
        assert!(folder().join(&page).is_file(), "{page}");
        assert!(list.contains(&format!("({page})")), "{page} is not listed");
    }
}
