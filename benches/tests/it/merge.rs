//! Loads of several generators against one server, added up from their logs.

use std::path::Path;
use std::process::Output;

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{finish, oneloop, run, signal, start_server, text};

const RAW: [&str; 6] = ["serve", "echo", "--style", "raw", "--listen", "127.0.0.1:0"];

fn load<'a>(addr: &'a str, log: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let base = ["load", "--connect", addr, "--connections", "2", "--json", "--log"];
    [&base[..], &[log.to_str().unwrap()], more].concat()
}

fn merge(logs: &[&Path]) -> Output {
    let logs = logs.iter().map(|log| log.to_str().unwrap());
    run(&["report", "--merge"].into_iter().chain(logs).collect::<Vec<_>>())
}

fn messages(output: &Output) -> u64 {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["messages"].as_u64().unwrap()
}

#[test]
fn loads_of_the_same_time_are_added_up_by_count() {
    let folder = tempfile::tempdir().unwrap();
    let (child, addr) = start_server(&RAW);
    for rate in [&[][..], &["--rate", "500"]] {
        let logs = ["a.hlog", "b.hlog"].map(|name| folder.path().join(name));
        let more = [&["--seconds", "2", "--tag", "mine"], rate].concat();
        let loads = logs.each_ref().map(|log| oneloop(&load(&addr, log, &more)).spawn().unwrap());
        let sum: u64 = loads.map(|load| messages(&finish(load))).iter().sum();
        let output = merge(&[&logs[0], &logs[1]]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let report = text(&output.stdout);
        let phase = if rate.is_empty() { "mine/closed" } else { "mine/open" };
        assert!(report.starts_with(phase) && report.contains("2 logs added up"), "{report}");
        let counted: Vec<u64> = report
            .lines()
            .filter(|line| line.starts_with("response"))
            .map(|line| line.split_whitespace().nth(1).unwrap().replace(',', "").parse().unwrap())
            .collect();
        assert_eq!(counted, [sum], "{report}");
        assert_eq!(report.lines().any(|line| line.starts_with("send-lag")), !rate.is_empty());
        assert!(report.lines().all(|line| line.len() <= 80), "{report}");
    }
    signal(&child, Signal::TERM);
    finish(child);
}

#[test]
fn loads_of_other_times_are_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let (child, addr) = start_server(&RAW);
    let logs = ["a.hlog", "b.hlog"].map(|name| folder.path().join(name));
    for log in &logs {
        messages(&run(&load(&addr, log, &["--seconds", "0.1"])));
    }
    signal(&child, Signal::TERM);
    finish(child);
    let [a, b] = &logs;
    let plain = folder.path().join("plain.hlog");
    std::fs::write(&plain, "#[Histogram log format version 1.3]\n").unwrap();
    let cases: [(&[&Path], &str); 4] = [
        (&[a, b], "were not made at the same time"),
        (&[a, a], "are the same load"),
        (&[a, &plain], "plain.hlog: was not written by `oneloop load --log`"),
        (&[a, &folder.path().join("none.hlog")], "none.hlog: "),
    ];
    for (logs, reason) in cases {
        let output = merge(logs);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{complaint}");
        assert!(complaint.contains(reason), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
    assert!(merge(&[a]).status.success());
}

#[test]
fn a_log_is_printed_in_the_place_of_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let (child, addr) = start_server(&RAW);
    let output = run(&["load", "--connect", &addr, "--seconds", "0.1", "--log", "-"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    signal(&child, Signal::TERM);
    finish(child);
    let log = folder.path().join("a.hlog");
    std::fs::write(&log, &output.stdout).unwrap();
    let merged = merge(&[&log]);
    assert!(text(&merged.stdout).starts_with("load/closed"), "{}", text(&merged.stderr));
    assert!(!Path::new("-").exists());
}

#[test]
fn a_log_that_cannot_be_written_is_refused_before_anything_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("none/a.hlog");
    // Nothing listens there: the log is looked at first.
    let output = run(&load("127.0.0.1:1", &log, &[]));
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("none/a.hlog"), "{}", text(&output.stderr));
    let bad = load("127.0.0.1:1", &log, &["--tag", "a,b"]);
    let output = run(&bad);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("letters, digits"), "{}", text(&output.stderr));
}
