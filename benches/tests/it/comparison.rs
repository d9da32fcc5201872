//! A small comparison: what it prints, what it writes, how it ends.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{finish, names_a_file, oneloop, run, signal, text};

/// A comparison of a second or two that writes to `out`.
fn small(out: &Path) -> Vec<&str> {
    sized(out, "1")
}

fn sized<'a>(out: &'a Path, rounds: &'a str) -> Vec<&'a str> {
    let out = out.to_str().unwrap();
    let size = ["--rounds", rounds, "--seconds", "0.2", "--connections", "4"];
    ["compare", "--only", "raw,threads", "--out", out].into_iter().chain(size).collect()
}

fn run_directories(out: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn run_json(directory: &Path) -> Value {
    serde_json::from_slice(&fs::read(directory.join("run.json")).unwrap()).unwrap()
}

#[test]
fn a_comparison_reports_writes_its_files_and_overwrites_none() {
    let out = tempfile::tempdir().unwrap();
    for runs in 1..=2 {
        let output = run(&small(out.path()));
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(run_directories(out.path()).len(), runs);
        let report = text(&output.stdout);
        assert!(report.is_ascii(), "a pipe gets plain text");
        assert!(!report.contains('\u{1b}'));
        assert!(report.lines().all(|line| line.len() <= 80 || names_a_file(line)), "{report}");
        for part in ["Closed phase", "Open phase", "Spectrum", "Counts", "What it means", "Files"] {
            assert!(report.contains(part), "{part} is missing from {report}");
        }
    }
    for directory in run_directories(out.path()) {
        let run = run_json(&directory);
        assert_eq!(run["schema"], 3);
        assert_eq!(run["partial"], false);
        assert_eq!(run["failures"], Value::Array(vec![]));
        // Two servers, and one of them once more.
        assert_eq!(run["closed"].as_array().unwrap().len(), 3);
        assert_eq!(run["open"].as_array().unwrap().len(), 3);
        let rows = fs::read_to_string(directory.join("run.csv")).unwrap();
        assert_eq!(rows.lines().filter(|row| row.contains(",cpu_per_message,us,")).count(), 3);
        let series = run["series"].as_array().unwrap();
        assert_eq!(series.len(), 9);
        for file in series {
            let text = fs::read_to_string(directory.join(file.as_str().unwrap())).unwrap();
            assert!(text.contains("#[Mean"));
        }
    }
}

#[test]
fn rounds_in_which_the_generator_was_the_bottleneck_are_void_and_that_is_said() {
    let out = tempfile::tempdir().unwrap();
    // No generator sends so many one by one; whether a server answers them in time is no matter.
    let output = run(&[&small(out.path())[..], &["--rate", "1000000"]].concat());
    let report = text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(report.contains("enerator was the bottleneck"), "{report}");
    let run = run_json(&run_directories(out.path())[0]);
    let answered = !run["open"].as_array().unwrap().is_empty();
    assert_eq!(run["void_rounds"] == serde_json::json!([1]), answered, "{run}");
}

#[test]
fn an_interrupted_comparison_writes_what_it_has_and_leaves_no_server() {
    let out = tempfile::tempdir().unwrap();
    let child = oneloop(&sized(out.path(), "100")).spawn().unwrap();
    // Long enough for the first phases, far too short for all.
    thread::sleep(Duration::from_millis(1_500));
    let pid = child.id();
    signal(&child, Signal::INT);
    let output = finish(child);
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("PARTIAL"));
    let run = run_json(&run_directories(out.path())[0]);
    assert_eq!(run["partial"], true);
    assert!(!run["closed"].as_array().unwrap().is_empty());
    assert_eq!(servers_of(pid), Vec::<String>::new());
}

/// Lists the processes that were told to follow `parent`.
fn servers_of(parent: u32) -> Vec<String> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let follows = format!("--end-with\0{parent}\0");
    processes
        .filter_map(|process| fs::read_to_string(process.ok()?.path().join("cmdline")).ok())
        .filter(|line| line.contains(&follows))
        .collect()
}

#[test]
fn servers_die_with_a_comparison_that_is_killed() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let mut arguments = small(out.path());
    arguments.extend(["--seed", "1"]);
    let child = oneloop(&arguments).spawn().unwrap();
    let pid = child.id();
    let begun = Instant::now();
    while servers_of(pid).is_empty() && begun.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(5));
    }
    signal(&child, Signal::KILL);
    finish(child);
    let begun = Instant::now();
    while !servers_of(pid).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(10), "a server outlived its parent");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let out = tempfile::tempdir().unwrap();
    let mut child = oneloop(&small(out.path())).spawn().unwrap();
    drop(child.stdout.take());
    let output = finish(child);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    assert_eq!(run_directories(out.path()).len(), 1);

    let mut child = oneloop(&["list"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::with_capacity(1, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(finish(child).stderr.is_empty());
}

#[test]
fn an_unwritable_directory_is_refused_before_anything_is_measured() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("file");
    fs::write(&file, "").unwrap();
    let output = run(&small(&file));
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains(file.to_str().unwrap()));
}
