//! The ready-made peers: each echoes as our own servers do, or is absent and named as that.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::Duration;
use std::{env, fs, thread};

use examples::Server;
use serde_json::Value;

use crate::program::{finish, oneloop, only_run, text};

/// What any step of a conversation may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sizes below, at and above the chunk of the peers, and one that fills every buffer on the way.
const SIZES: [usize; 9] = [1, 64, 1_000, 16_383, 16_384, 16_385, 65_536, 1 << 20, 8 << 20];

/// Held while a peer is made ready, so that none is compiled twice.
static WORKSHOP: Mutex<()> = Mutex::new(());

/// Prepares the program with a folder for peers that all tests share.
fn with_peers(arguments: &[&str]) -> Command {
    let mut command = oneloop(arguments);
    command.env("ONELOOP_PEERS", folder());
    command
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers")
}

fn run_with_peers(arguments: &[&str]) -> Output {
    finish(with_peers(arguments).spawn().unwrap())
}

/// Starts a peer, unless it is absent here, which is then said.
fn start(name: &str) -> Option<Server> {
    let _one_at_a_time = WORKSHOP.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let built = run_with_peers(&["peers", name, "--build"]);
    if !built.status.success() {
        let reason = text(&built.stderr).trim();
        assert!(reason.contains(" needs "), "{reason}");
        // Straight to standard error, which the harness does not capture.
        let _ = writeln!(std::io::stderr(), "skipped: {reason}");
        return None;
    }
    let mut command = with_peers(&["peers", name, "--end-with", &std::process::id().to_string()]);
    Some(Server::start(&mut command).unwrap_or_else(|error| panic!("{name}: {error}")))
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.addr()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Returns bytes that are alike at no two places that a chunk apart.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8 ^ (at / 16_384) as u8).collect()
}

fn expect(stream: &mut TcpStream, sent: &[u8]) {
    let mut echoed = vec![0; sent.len()];
    stream.read_exact(&mut echoed).unwrap();
    assert!(echoed == sent, "{} bytes came back changed", sent.len());
}

/// Writes from a thread of its own while the reply is read, then ends the writing half if asked.
fn exchange(stream: &mut TcpStream, message: &[u8], half_close: bool) {
    let mut writer = stream.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            writer.write_all(message).unwrap();
            if half_close {
                writer.shutdown(Shutdown::Write).unwrap();
            }
        });
        expect(stream, message);
    });
}

fn every_size_comes_back(server: &Server) {
    let mut stream = connect(server);
    SIZES.iter().for_each(|&size| exchange(&mut stream, &bytes(size), false));
}

fn a_half_closed_client_gets_everything_back_and_then_the_end(server: &Server) {
    for size in SIZES.into_iter().chain([0]) {
        let mut stream = connect(server);
        exchange(&mut stream, &bytes(size), true);
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "after {size} bytes");
    }
}

fn many_connections_are_served_at_the_same_time(server: &Server) {
    let mut streams: Vec<_> = (0..500).map(|_| connect(server)).collect();
    for round in 0..3_u8 {
        streams.iter_mut().for_each(|stream| stream.write_all(&[round; 100]).unwrap());
        streams.iter_mut().for_each(|stream| expect(stream, &[round; 100]));
    }
}

/// One reads nothing while the server owes it much; others leave while something is under way.
fn clients_that_stall_or_vanish_do_not_hold_up_the_others(server: &Server) {
    let mut stalled = connect(server);
    stalled.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let block = vec![7; 1 << 20];
    let refused = (0..256).any(|_| stalled.write_all(&block).is_err());
    assert!(refused, "the server took 256 MiB that its client did not read back");
    for _ in 0..100 {
        let mut leaver = connect(server);
        leaver.write_all(&block[..100_000]).unwrap();
    }
    exchange(&mut connect(server), &bytes(1_000), true);
}

fn echoes_as_ours_do(name: &str) {
    let Some(server) = start(name) else { return };
    every_size_comes_back(&server);
    a_half_closed_client_gets_everything_back_and_then_the_end(&server);
    many_connections_are_served_at_the_same_time(&server);
    clients_that_stall_or_vanish_do_not_hold_up_the_others(&server);
    // With clients that are connected all the same.
    let idle = connect(&server);
    let stopped = server.stop().unwrap();
    assert!(stopped.status.success(), "{name}: {}", stopped.status);
    assert_eq!(stopped.stderr, "", "{name}");
    drop(idle);
}

macro_rules! peers_echo_as_ours_do {
    ($($test:ident: $name:literal,)*) => {
        /// Each has a test, so that what is absent is seen in the list of tests.
        const TESTED: &[&str] = &[$($name),*];

        $(#[test]
        fn $test() {
            echoes_as_ours_do($name);
        })*
    };
}

peers_echo_as_ours_do! {
    libuv_echoes_as_ours_do: "libuv",
    asio_callbacks_echo_as_ours_do: "asio-callbacks",
    asio_coroutines_echo_as_ours_do: "asio-coroutines",
    asyncio_protocol_echoes_as_ours_do: "asyncio-protocol",
    asyncio_streams_echo_as_ours_do: "asyncio-streams",
    uvloop_protocol_echoes_as_ours_do: "uvloop-protocol",
    uvloop_streams_echo_as_ours_do: "uvloop-streams",
    node_callbacks_echo_as_ours_do: "node-callbacks",
    node_await_echoes_as_ours_do: "node-await",
    go_echoes_as_ours_do: "go",
}

/// Runs with a path in which no tool is found.
fn without_tools(arguments: &[&str]) -> Output {
    let mut command = oneloop(arguments);
    let folder = tempfile::tempdir().unwrap();
    command.env("PATH", folder.path()).env("ONELOOP_PEERS", folder.path());
    finish(command.spawn().unwrap())
}

#[test]
fn every_peer_is_listed_and_tested() {
    let listed = without_tools(&["peers"]);
    assert!(listed.status.success(), "{}", text(&listed.stderr));
    let (head, absent) = text(&listed.stdout).split_once("\nAbsent here\n").unwrap();
    assert_eq!(head.lines().count(), 1, "without tools, none can be used: {head}");
    let rows = absent.lines().take_while(|line| !line.is_empty());
    let names: Vec<_> = rows.map(|row| row.split_whitespace().next().unwrap()).collect();
    assert_eq!(names, TESTED);
    for part in ["Debian: libuv1-dev", "pip: uvloop", "Debian: golang-go"] {
        assert!(absent.contains(part), "{part}: {absent}");
    }
}

#[test]
fn a_peer_that_is_absent_is_an_error_by_name_and_a_note_among_all() {
    for arguments in [&["duel", "raw", "go"][..], &["compare", "--peer", "libuv"], &["peers", "go"]]
    {
        let output = without_tools(arguments);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{complaint}");
        assert!(complaint.contains("needs") && complaint.contains("Debian: g"), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
    let out = tempfile::tempdir().unwrap();
    let mut arguments = vec!["compare", "--only", "raw", "--rounds", "1", "--seconds", "0.1"];
    arguments.extend(["--peers", "all", "--out", out.path().to_str().unwrap()]);
    let output = without_tools(&arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report = text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(report.contains("ABSENT: go needs Go (Debian: golang-go)"), "{report}");
    let (_, run) = only_run(out.path());
    let absent = run["arguments"]["absent"].as_array().unwrap();
    assert_eq!(absent.len(), TESTED.len(), "{run}");
}

#[test]
fn an_unknown_peer_names_the_nearest_one() {
    for arguments in
        [&["compare", "--peer", "libuw"][..], &["peers", "libuw"], &["duel", "raw", "libuw"]]
    {
        let output = without_tools(arguments);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{complaint}");
        assert!(complaint.contains("did you mean `libuv`?"), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}

#[test]
fn a_ready_made_peer_is_compared_under_its_name_and_version() {
    if start("asyncio-protocol").is_none() {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let mut arguments = vec!["compare", "--only", "raw", "--rounds", "1", "--seconds", "0.2"];
    arguments.extend(["--peer", "asyncio-protocol", "--out", out.path().to_str().unwrap()]);
    let output = run_with_peers(&arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("asyncio-protocol"));
    let (_, run) = only_run(out.path());
    let arm: &Value = &run["arguments"]["arms"][1];
    assert!(arm["version"].as_str().unwrap().contains("Python"), "{arm}");
    assert_eq!(arm["command"].as_array().unwrap().last().unwrap(), "{port}");
}

#[test]
fn a_compiled_peer_is_compiled_once() {
    if start("libuv").is_none() {
        return;
    }
    let program = folder().join("libuv");
    let built = || fs::metadata(&program).unwrap().modified().unwrap();
    let first = built();
    assert!(start("libuv").is_some());
    assert_eq!(built(), first);
}
