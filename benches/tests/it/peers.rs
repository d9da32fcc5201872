//! Foreign servers: compared like our own, and no danger to the run when they fail.

use std::fs;
use std::path::Path;
use std::process::{Child, Output};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{finish, names_a_file, oneloop, only_run, run, signal, text};

/// Compares `raw` and the peers in one short round.
fn compare(out: &Path, peers: &[&str]) -> Output {
    let mut arguments = vec!["compare", "--only", "raw", "--rounds", "1", "--seconds", "0.2"];
    arguments.extend(["--connections", "4", "--out", out.to_str().unwrap()]);
    arguments.extend(peers.iter().flat_map(|peer| ["--peer", peer]));
    run(&arguments)
}

/// Our own server, as a stranger would start it.
fn serve_raw() -> String {
    let program = env!("CARGO_BIN_EXE_oneloop");
    format!("'{program}' serve echo --style raw --listen 127.0.0.1:{{port}}")
}

/// Returns the entries of a list of `run.json` that belong to an arm.
fn of_arm<'a>(run: &'a Value, list: &str, arm: &str) -> Vec<&'a Value> {
    run[list].as_array().unwrap().iter().filter(|entry| entry["arm"] == arm).collect()
}

#[test]
fn a_peer_is_measured_like_our_own_servers_under_its_name() {
    let out = tempfile::tempdir().unwrap();
    let output = compare(out.path(), &[&format!("my-server={}", serve_raw())]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report = text(&output.stdout);
    assert!(report.lines().any(|line| line.trim_start().starts_with("my-server")), "{report}");
    assert!(report.lines().all(|line| line.len() <= 80 || names_a_file(line)), "{report}");

    let (directory, run) = only_run(out.path());
    assert_eq!(run["arguments"]["arms"][0], "raw");
    assert_eq!(run["arguments"]["arms"][1]["name"], "my-server");
    for phase in ["closed", "open"] {
        assert_eq!(of_arm(&run, phase, "my-server").len(), 1);
    }
    if cfg!(target_os = "linux") {
        let figures = of_arm(&run, "closed", "my-server")[0];
        assert!(figures["server_cpu_ns"].as_u64().unwrap() > 0, "{figures}");
    }
    assert!(of_arm(&run, "counts", "my-server").is_empty());
    assert!(!of_arm(&run, "counts", "raw").is_empty());
    // On a machine that has other things to do, its name says that it is void.
    let file = |name: &str| directory.join(format!("my-server-response{name}-us.hgrm")).exists();
    assert!(file("") || file("-void"));
}

#[test]
fn peers_that_fail_are_told_with_what_they_said_and_the_others_go_on() {
    let out = tempfile::tempdir().unwrap();
    let ends = "ends=sh -c 'echo much ado >&2; echo no luck on {port} >&2; exit 3'";
    // What it starts serves on, but is not what was started.
    let serve = serve_raw().replace('\'', "\"");
    let dies = format!("dies=sh -c '{serve} & sleep 0.1; echo had enough >&2; exit 7'");
    let wrong = "nothing=./no-such-program {port}";
    let output = compare(out.path(), &[ends, &dies, wrong]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let (_, run) = only_run(out.path());
    for (arm, reason) in [("ends", "no luck on"), ("dies", "had enough"), ("nothing", "no-such")] {
        let failures = of_arm(&run, "failures", arm);
        assert_eq!(failures.len(), 1, "{arm}: {failures:?}");
        assert!(failures[0]["reason"].as_str().unwrap().contains(reason), "{failures:?}");
        assert!(text(&output.stdout).contains(&format!("FAILED: {arm}")));
    }
    assert!(!text(&output.stdout).contains("much ado"), "the last line says it");
    assert_eq!(of_arm(&run, "open", "raw").len(), 1);
    assert_eq!(of_arm(&run, "failures", "raw").len(), 0);
}

#[test]
fn a_peer_that_is_none_is_refused_in_one_line_before_anything_starts() {
    let out = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &str); 5] = [
        (&["echo {port}"], "NAME='COMMAND {port}'"),
        (&["tokio=echo {port}"], "built-in"),
        (&["go=echo 8080"], "no {port}"),
        (&["go='echo {port}"], "without an end"),
        (&["go=a {port}", "go=b {port}"], "two peers are called `go`"),
    ];
    for (peers, reason) in cases {
        let output = compare(out.path(), peers);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{complaint}");
        assert!(complaint.contains(reason), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
}

/// Starts a comparison with a peer that never listens, and waits until that peer is there.
fn wait_for_a_silent_peer(out: &Path, mark: &str) -> Child {
    let peer = format!("sleeper=sleep {mark}{{port}}");
    let arguments = ["compare", "--only", "raw", "--out", out.to_str().unwrap(), "--peer", &peer];
    let child = oneloop(&arguments).spawn().unwrap();
    wait_until("the peer never started", || sleeps(mark));
    child
}

fn sleeps(mark: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap();
    let mut lines = processes
        .filter_map(|process| fs::read_to_string(process.ok()?.path().join("cmdline")).ok());
    lines.any(|line| line.starts_with(&format!("sleep\0{mark}")))
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(15), "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn peers_die_with_a_comparison_that_is_killed() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let mark = format!("59.1{}", std::process::id());
    let child = wait_for_a_silent_peer(out.path(), &mark);
    signal(&child, Signal::KILL);
    finish(child);
    wait_until("the peer outlived the comparison", || !sleeps(&mark));
}

#[test]
fn an_interrupt_does_not_wait_for_a_peer() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let mark = format!("59.2{}", std::process::id());
    let child = wait_for_a_silent_peer(out.path(), &mark);
    let begun = Instant::now();
    signal(&child, Signal::INT);
    let output = finish(child);
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(text(&output.stdout).contains("PARTIAL"));
    wait_until("the peer outlived the comparison", || !sleeps(&mark));
}
