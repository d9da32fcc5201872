//! Suites: loads that are cited by name and version, those of the program and those of files.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::program::{run, text};

fn compare(suite: &str, out: &Path) -> std::process::Output {
    let mut arguments = vec!["compare", "--only", "raw,async", "--rounds", "1", "--seconds", "0.2"];
    arguments.extend(["--suite", suite, "--out", out.to_str().unwrap()]);
    run(&arguments)
}

/// Returns every `run.json` in a folder, in the order in which the runs began.
fn runs(out: &Path) -> Vec<Value> {
    let mut runs = Vec::new();
    for entry in fs::read_dir(out).unwrap() {
        let path = entry.unwrap().path();
        match fs::read(path.join("run.json")) {
            Ok(file) => runs.push(serde_json::from_slice::<Value>(&file).unwrap()),
            // Several loads are a directory each, in one of the sweep.
            Err(_) if path.is_dir() => runs.extend(self::runs(&path)),
            Err(_) => {}
        }
    }
    runs.sort_by_key(|run| run["arguments"]["suite"]["load"].as_u64());
    runs
}

#[test]
fn each_suite_is_listed_with_its_version_and_a_sentence() {
    let listed = run(&["list"]);
    for name in [
        "echo-small",
        "echo-large",
        "pipelined",
        "connections",
        "churn",
        "bursts",
        "slow-readers",
        "idle-crowd",
    ] {
        let row = text(&listed.stdout).lines().find(|line| line.trim().starts_with(name));
        let row = row.unwrap_or_else(|| panic!("{name} is not listed"));
        assert!(row.contains(&format!("{name} 1")) && row.len() > 40, "{row}");
    }
}

#[test]
fn a_suite_is_measured_and_cited_by_name_and_version() {
    for (suite, says) in [
        ("churn", "each message on a connection of its own"),
        ("pipelined", "16 messages under way"),
        ("bursts", "in bursts of 64 messages within 2 ms"),
        ("slow-readers", "beside 8 slow readers of 65,536 bytes/s"),
    ] {
        let out = tempfile::tempdir().unwrap();
        let output = compare(suite, out.path());
        assert!(output.status.success(), "{suite}: {}", text(&output.stderr));
        let report = text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
        let cited = format!("suite {suite}, version 1:");
        assert!(report.contains(&cited) && report.contains(says), "{report}");
        let run = &runs(out.path())[0];
        assert_eq!(run["arguments"]["suite"]["name"], suite);
        assert_eq!(run["arguments"]["suite"]["version"], 1);
        for phase in ["closed", "open"] {
            // Two servers, and one of them once more.
            assert_eq!(run[phase].as_array().unwrap().len(), 3, "{suite}: {run}");
        }
    }
}

#[test]
fn a_file_is_a_suite_whose_loads_are_runs_of_their_own() {
    let out = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    let head = "name = \"mine\"\nversion = 7\nstands_for = \"What we have\"\n";
    let load = |connections| format!("[[load]]\nconnections = {connections}\nsize_bytes = 100\n");
    fs::write(&file, [head, &load(1), &load(3), "idle_connections = 20\n"].concat()).unwrap();
    let output = compare(file.to_str().unwrap(), out.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let runs = runs(out.path());
    assert_eq!(runs.len(), 2);
    for (run, (load, connections)) in runs.iter().zip([(1, 1), (2, 3)]) {
        let suite = &run["arguments"]["suite"];
        assert_eq!((&suite["name"], &suite["version"]), (&"mine".into(), &7.into()));
        assert_eq!((&suite["load"], &suite["loads"]), (&load.into(), &2.into()));
        assert_eq!(run["arguments"]["connections"], connections);
    }
    assert!(text(&output.stdout).contains("load 2 of 2"), "{}", text(&output.stdout));
}

#[test]
fn what_is_no_suite_is_refused_in_one_line_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.toml");
    let good = "name = \"bad\"\nversion = 1\nstands_for = \"x\"\n[[load]]\nconnections = 5\n";
    fs::write(&file, format!("{good}size = 64\n")).unwrap();
    let huge = folder.path().join("huge.toml");
    fs::write(&huge, good.replace("= 5", "= 900_000\nsize_bytes = 1")).unwrap();
    let cases = [
        ("chrun", "did you mean `churn`?"),
        ("no/such.toml", "no/such.toml: "),
        (file.to_str().unwrap(), "bad.toml, line 6, size: unknown field"),
        (huge.to_str().unwrap(), "connections are possible"),
    ];
    for (suite, reason) in cases {
        let out = tempfile::tempdir().unwrap();
        let output = compare(suite, out.path());
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{complaint}");
        assert!(complaint.contains(reason), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
    }
    let both = run(&["compare", "--suite", "churn", "--size", "5"]);
    assert_eq!(both.status.code(), Some(2), "{}", text(&both.stderr));
}
