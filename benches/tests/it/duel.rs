//! Duels: what they see, what they say of servers that fail, how they end. Bounds on what was
//! measured are wide: these tests run on busy machines, in builds of every profile.
#![cfg(target_os = "linux")]

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde_json::Value;

use crate::program::{finish, oneloop, run, signal, text};

const SMALL: [&str; 4] = ["--connections", "16", "--slices", "20..40"];

fn duel<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    ["duel"].iter().chain(arguments).chain(&SMALL).copied().collect()
}

/// Tells whether there are two processors, without which there is no duel.
fn can_duel() -> bool {
    thread::available_parallelism().is_ok_and(|processors| processors.get() > 1)
}

fn json(stdout: &[u8]) -> Value {
    serde_json::from_slice(stdout).unwrap()
}

/// Lists the servers that were told to follow `parent` and have `word` in their command line.
fn servers_of(parent: u32, word: &str) -> Vec<Pid> {
    let follows = format!("--end-with\0{parent}\0");
    let processes = fs::read_dir("/proc").unwrap();
    processes
        .filter_map(|process| {
            let process = process.ok()?;
            let line = fs::read_to_string(process.path().join("cmdline")).ok()?;
            let pid = process.file_name().to_str()?.parse().ok()?;
            (line.contains(&follows) && line.contains(word)).then(|| Pid::from_raw(pid))?
        })
        .collect()
}

/// Starts a duel and, a while after it has begun to load a server of `style`, signals that server.
fn struck(arguments: &[&str], style: &str, with: Signal) -> (Option<i32>, Value) {
    let child = oneloop(arguments).spawn().unwrap();
    let begun = Instant::now();
    let word = format!("\0{style}\0");
    let victim = loop {
        if let Some(&victim) = servers_of(child.id(), &word).last() {
            break victim;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "no {style} was started");
        thread::sleep(Duration::from_millis(5));
    };
    thread::sleep(Duration::from_millis(700));
    kill_process(victim, with).unwrap();
    let output = finish(child);
    (output.status.code(), json(&output.stdout))
}

/// A busy machine may starve the generator, and then the servers sleep and both look alike: what
/// is asked here is that the control can be seen, not that it is seen at every moment.
#[test]
fn five_microseconds_are_seen_and_a_server_is_not_told_from_itself() {
    const TRIES: usize = 10;
    if !can_duel() {
        return;
    }
    let medians = || {
        let outcome = json(&run(&duel(&["--self-test", "--seconds", "2", "--json"])).stdout);
        [0, 1].map(|bout| outcome["bouts"][bout]["ratio"]["median"].as_f64().unwrap_or(f64::NAN))
    };
    let mut seen = Vec::new();
    let is_told = |&[null, dearer]: &[f64; 2]| (0.7..1.4).contains(&null) && dearer > 1.15;
    while !seen.last().is_some_and(is_told) {
        assert!(seen.len() < TRIES, "null and control in {TRIES} tries: {seen:?}");
        seen.push(medians());
    }
}

#[test]
fn any_command_is_a_server_and_the_report_keeps_the_measure() {
    if !can_duel() {
        return;
    }
    let program = env!("CARGO_BIN_EXE_oneloop");
    let peer = format!("peer={program} serve echo --style raw --listen 127.0.0.1:{{port}}");
    let output = run(&duel(&["raw", &peer, "--seconds", "0.6"]));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report = text(&output.stdout);
    assert!(report.is_ascii());
    assert!(report.lines().all(|line| line.len() <= 80), "{report}");
    for part in ["raw (null)", "\npeer ", "binomial", "seed"] {
        assert!(report.contains(part), "{part} is missing from {report}");
    }
}

#[test]
fn peers_join_a_duel_and_one_that_does_not_start_is_no_matter_to_the_others() {
    if !can_duel() {
        return;
    }
    let program = env!("CARGO_BIN_EXE_oneloop");
    let mine = format!("mine='{program}' serve echo --style raw --listen 127.0.0.1:{{port}}");
    let peers = ["--peer", "none=./is-not-there {port}", "--peer", &mine];
    let cases: [(&[&str], &[&str]); 2] = [
        (&[], &["raw", "none", "mine"]),
        (&["threads", "raw"], &["threads", "raw", "none", "mine"]),
    ];
    for (named, met) in cases {
        let more = ["--seconds", "0.3", "--json"];
        let output = run(&duel(&[named, &peers, &more].concat()));
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        let outcome = json(&output.stdout);
        let bouts = outcome["bouts"].as_array().unwrap();
        let others: Vec<&str> = bouts.iter().filter_map(|bout| bout["other"].as_str()).collect();
        assert_eq!(others, met);
        let base = met[0];
        for bout in bouts {
            assert_eq!(bout["base"], base);
            assert_eq!(bout["failed"] == "none", bout["other"] == "none", "{bout}");
            let pairs = bout["pairs"].as_array().unwrap();
            assert_eq!(pairs.is_empty(), bout["other"] == "none", "{bout}");
        }
    }
}

#[test]
fn a_server_that_does_not_start_is_named() {
    if !can_duel() {
        return;
    }
    for (peer, reason) in [
        ("peer=./is-not-there {port}", "cannot start ./is-not-there"),
        ("peer=false {port}", "exit status: 1"),
        ("peer=ls ./is-not-there-{port}", "No such file"),
    ] {
        let output = run(&duel(&["raw", peer, "--seconds", "0.2"]));
        let report = text(&output.stdout);
        assert_eq!(output.status.code(), Some(2), "{report}");
        // The line may be broken anywhere.
        let flat = report.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains("peer FAILED:") && flat.contains(reason), "{report}");
        assert!(report.contains("raw (null)"), "{report}");
    }
}

#[test]
fn a_server_that_dies_is_named_and_the_others_go_on() {
    if !can_duel() {
        return;
    }
    let all = duel(&["--all", "--seconds", "1.2", "--json"]);
    let (code, outcome) = struck(&all, "callbacks", Signal::KILL);
    assert_eq!(code, Some(2));
    let bouts = outcome["bouts"].as_array().unwrap();
    // The null, and each style but the first.
    assert_eq!(bouts.len(), examples::Style::ALL.len());
    for bout in bouts {
        let struck = bout["other"] == "callbacks";
        assert_eq!(bout["failed"] == "callbacks", struck, "{bout}");
        assert_eq!(bout["ratio"].is_object() && bout["partial"] == false, !struck, "{bout}");
    }
    let reason = bouts[1]["reason"].as_str().unwrap();
    assert!(reason.contains("ended by signal 9"), "{reason}");
}

#[test]
fn a_server_that_hangs_is_named() {
    if !can_duel() {
        return;
    }
    let two = duel(&["raw", "async", "--seconds", "3", "--json"]);
    let (code, outcome) = struck(&two, "async", Signal::STOP);
    assert_eq!(code, Some(2));
    assert_eq!(outcome["bouts"][1]["failed"], "async");
    let reason = outcome["bouts"][1]["reason"].as_str().unwrap();
    assert!(reason.contains("never answered"), "{reason}");
}

#[test]
fn an_interrupted_duel_says_so_and_leaves_no_server() {
    if !can_duel() {
        return;
    }
    let child = oneloop(&duel(&["raw", "threads", "--seconds", "60"])).spawn().unwrap();
    let pid = child.id();
    thread::sleep(Duration::from_millis(1_500));
    signal(&child, Signal::INT);
    let output = finish(child);
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("PARTIAL"));
    assert!(servers_of(pid, "").is_empty());
}

#[test]
fn bad_arguments_are_refused_in_one_line() {
    for (arguments, part) in [
        (&["raw", "calbacks"][..], "did you mean `callbacks`?"),
        (&["raw", "peer=./echo"], "{port}"),
        (&["raw", "raw=./echo {port}"], "built-in"),
        (&["go=a {port}", "go=b {port}"], "two peers are called `go`"),
        (&["--peer", "go=a {port}", "--peer", "go=b {port}"], "two peers are called `go`"),
        (&["--peer", "go=a"], "no {port}"),
        (&["raw", "async", "--slices", "160..40"], "such as 40..160"),
        (&["raw", "async", "--connections", "1000000"], "connections are possible"),
    ] {
        let output = run(&[&["duel"], arguments].concat());
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{complaint}");
        assert!(complaint.contains(part), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
    assert!(text(&run(&["duel", "raw"]).stderr).contains("<B>"));
    assert!(text(&run(&["duel", "--help"]).stdout).contains("Examples:"));
}

#[test]
fn one_processor_is_too_few_and_that_is_said() {
    let output = thread::spawn(|| {
        let allowed = sched_getaffinity(None).unwrap();
        let first = (0..CpuSet::MAX_CPU).find(|&cpu| allowed.is_set(cpu)).unwrap();
        let mut one = CpuSet::new();
        one.set(first);
        sched_setaffinity(None, &one).unwrap();
        run(&["duel", "raw", "async"])
    });
    let output = output.join().unwrap();
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("two processors"), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
}
