//! Runs the binary under a watchdog.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// No test takes nearly as long, even under valgrind on a machine that has other things to do; a
/// program that does not end is ended.
const WATCHDOG: Duration = Duration::from_secs(600);

/// Prepares the binary with its output captured.
pub(crate) fn oneloop(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // What is left without being asked where is left there.
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

/// Runs to the end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    finish(oneloop(arguments).spawn().unwrap())
}

/// Makes a comparison that leaves its run in `out`. On a machine that is too busy for it a server may not
/// answer in time, and fails: then it is made again, twice at most.
pub(crate) fn compare(out: &Path, arguments: &[&str]) -> Output {
    for _ in 0..2 {
        let output = run(arguments);
        if !text(&output.stderr).contains("at least one server failed") {
            return output;
        }
        fs::remove_dir_all(out).unwrap();
    }
    run(arguments)
}

/// Waits for the end, not for ever.
pub(crate) fn finish(child: Child) -> Output {
    let pid = Pid::from_child(&child);
    let (done, waited) = mpsc::channel();
    let watchdog = thread::spawn(move || {
        if waited.recv_timeout(WATCHDOG).is_err() {
            let _ = kill_process(pid, Signal::KILL);
            panic!("the program did not end");
        }
    });
    let output = child.wait_with_output().unwrap();
    let _ = done.send(());
    watchdog.join().unwrap();
    output
}

/// Asks a program to end.
pub(crate) fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Starts a server and returns it with the address that it announced.
pub(crate) fn start_server(arguments: &[&str]) -> (Child, String) {
    let mut child = oneloop(arguments).spawn().unwrap();
    let mut first = String::new();
    let stdout = child.stdout.as_mut().unwrap();
    // One byte at a time, so that the rest stays in the pipe for the one that waits for the end.
    BufReader::with_capacity(1, stdout).read_line(&mut first).unwrap();
    let addr = first.trim().strip_prefix("listening on ").expect("the server announces itself");
    let addr = addr.to_owned();
    (child, addr)
}

/// Returns what was printed.
pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Returns the only run's directory in `out`, and its `run.json`.
pub(crate) fn only_run(out: &Path) -> (PathBuf, Value) {
    let mut paths: Vec<_> = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path()).collect();
    let directory = paths.pop().unwrap();
    assert!(paths.is_empty(), "{paths:?}");
    let file = fs::read(directory.join("run.json")).unwrap();
    (directory, serde_json::from_slice(&file).unwrap())
}

/// Tells whether a line of a report names a file, whose path is as long as it is.
pub(crate) fn names_a_file(line: &str) -> bool {
    line.starts_with("Files:") || line.starts_with("Page:")
}
