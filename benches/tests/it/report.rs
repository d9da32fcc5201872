//! A run that is over, printed again.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{only_run, run, text};

/// Runs a small comparison and returns its report and its directory.
fn compared(out: &Path) -> (String, PathBuf) {
    let size = ["--rounds", "2", "--seconds", "0.2", "--connections", "4"];
    let base = ["compare", "--only", "raw,async", "--out", out.to_str().unwrap()];
    let output = run(&[&base[..], &size].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    (text(&output.stdout).to_owned(), only_run(out).0)
}

/// Asks for a report that cannot be, and returns the complaint.
fn refusal(path: &Path) -> String {
    let output = run(&["report", path.to_str().unwrap()]);
    let complaint = text(&output.stderr).to_owned();
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(output.stdout.is_empty());
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert!(complaint.contains(path.to_str().unwrap()), "{complaint}");
    complaint
}

#[test]
fn a_run_is_printed_again_from_its_files() {
    let out = tempfile::tempdir().unwrap();
    let (first, directory) = compared(out.path());
    for path in [&directory, &directory.join("run.json")] {
        let again = run(&["report", path.to_str().unwrap()]);
        assert!(again.status.success(), "{}", text(&again.stderr));
        assert_eq!(text(&again.stdout), first);
    }
}

#[test]
fn a_report_of_one_round_does_not_speak_of_rounds() {
    let out = tempfile::tempdir().unwrap();
    let size = ["--rounds", "1", "--seconds", "0.1", "--connections", "2"];
    let base = ["compare", "--only", "raw", "--out", out.path().to_str().unwrap()];
    let output = run(&[&base[..], &size].concat());
    let report = text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(report.contains(" of 1 open round "), "{report}");
    assert!(!report.contains(" 1 rounds") && !report.contains(" 1 open rounds"), "{report}");
}

#[test]
fn what_no_run_can_have_written_is_named_and_what_never_ends_is_not_read() {
    let out = tempfile::tempdir().unwrap();
    let (_, directory) = compared(out.path());
    let file = directory.join("run.json");
    let sound: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for messages in [[300, 100], [40, 40]] {
        let mut damaged = sound.clone();
        damaged["counts"][0]["messages"] = serde_json::json!(messages);
        fs::write(&file, damaged.to_string()).unwrap();
        assert!(refusal(&file).contains("messages went from"));
    }
    let mut damaged = sound.clone();
    damaged["closed"][0]["server_cpu_ns"] = 0.into();
    fs::write(&file, damaged.to_string()).unwrap();
    assert!(refusal(&file).contains("server_cpu_ns is 0"));
    let pipe = directory.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    assert!(refusal(&pipe).contains("is no regular file"));
    fs::write(&file, sound.to_string()).unwrap();
    fs::remove_file(directory.join("run.hlog")).unwrap();
    fs::rename(&pipe, directory.join("run.hlog")).unwrap();
    assert_eq!(run(&["report", file.to_str().unwrap()]).status.code(), Some(1));
}

#[test]
fn a_full_disk_takes_the_files_and_not_the_report() {
    let out = tempfile::tempdir().unwrap();
    // A file may have 512 bytes; a larger write fails, since its signal is ignored.
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_oneloop"), "compare", "--only", "raw"]);
    command.args(["--rounds", "1", "--seconds", "0.1", "--connections", "2", "--out"]);
    let output = command.arg(out.path()).output().unwrap();
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("cannot write to"), "{complaint}");
    assert!(text(&output.stdout).contains("What it means"), "{}", text(&output.stdout));
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
}

#[test]
fn a_run_is_printed_as_markdown() {
    let out = tempfile::tempdir().unwrap();
    let (_, directory) = compared(out.path());
    let output = run(&["report", "--markdown", directory.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report = text(&output.stdout);
    assert!(report.starts_with("# oneloop compare, "), "{report}");
    for part in ["\n## Closed phase", "\n## Open phase", "\n## Counts", "\n## What it means\n\n"] {
        assert!(report.contains(part), "{part} is missing from {report}");
    }
    assert!(!report.contains("\n\n\n"), "{report}");
    assert_eq!(report.matches("```").count() % 2, 0);
    let rows: Vec<&str> = report.lines().filter(|line| line.starts_with("| async |")).collect();
    assert!(rows.len() >= 3, "{report}");
    assert!(rows.iter().all(|row| row.ends_with(" |")));
}

#[test]
fn every_phase_of_every_round_is_an_interval_of_the_log() {
    let out = tempfile::tempdir().unwrap();
    let (_, directory) = compared(out.path());
    let log = fs::read_to_string(directory.join("run.hlog")).unwrap();
    assert!(log.starts_with("#[Histogram log format version 1.3]\n"), "{log}");
    for arm in ["raw", "async", "raw-null"] {
        let open = ["open/response", "open/service", "open/send-lag", "open/hiccup"];
        for series in ["closed/response"].into_iter().chain(open) {
            let tag = format!("Tag={arm}/{series},");
            assert_eq!(log.lines().filter(|line| line.starts_with(&tag)).count(), 2, "{tag}");
        }
    }
    assert_eq!(log.lines().filter(|line| line.starts_with("Tag=")).count(), 30);
}

#[test]
fn what_is_no_run_is_refused() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("run.json");
    assert!(refusal(&file).contains("No such file"));
    assert!(refusal(out.path()).contains("run.json: No such file"));
    for (content, reason) in [
        ("not at all", "is no JSON"),
        ("{}", "is no run of oneloop"),
        (r#"{"schema": 3}"#, "is no run of oneloop"),
        (r#"{"schema": 1, "closed": []}"#, "by an older oneloop (schema 1; this one"),
        (r#"{"schema": 99, "closed": []}"#, "by a newer oneloop (schema 99; this one"),
        (r#"{"schema": 3, "closed": []}"#, "is damaged: missing field"),
    ] {
        fs::write(&file, content).unwrap();
        let complaint = refusal(&file);
        assert!(complaint.contains(reason), "{complaint}");
    }
}

#[test]
fn a_log_that_does_not_belong_to_the_run_is_refused() {
    let out = tempfile::tempdir().unwrap();
    let (_, directory) = compared(out.path());
    let log = directory.join("run.hlog");
    let whole = fs::read_to_string(&log).unwrap();
    let reason = || {
        let output = run(&["report", directory.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr).to_owned()
    };
    let without = |what: &str| {
        let kept = whole.lines().filter(|line| !line.starts_with(what));
        kept.map(|line| format!("{line}\n")).collect::<String>()
    };
    fs::write(&log, without("Tag=raw/open/service")).unwrap();
    assert!(reason().contains("round 1 of raw is missing"), "{}", reason());
    fs::write(&log, whole.replace("HISTF", "HISTX")).unwrap();
    assert!(reason().contains("damaged interval"), "{}", reason());
    fs::write(&log, "a log of something else\n").unwrap();
    assert!(reason().contains("is no HdrHistogram interval log"), "{}", reason());
    fs::remove_file(&log).unwrap();
    assert!(reason().contains("run.hlog: No such file"), "{}", reason());
}
