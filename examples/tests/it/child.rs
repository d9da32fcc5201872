//! A child process under `Server`, well-behaved or not: here every child is a line of shell.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use examples::{Server, Style};
use rustix::process::{Pid, test_kill_process};

use crate::client::{connect, ping};
use crate::server::{PATIENCE, serve, wait_until};

fn shell(script: &str) -> std::io::Result<Server> {
    Server::start(Command::new("sh").args(["-c", script]))
}

fn reason(script: &str) -> String {
    shell(script).err().expect("the child never listens").to_string()
}

#[test]
fn a_child_that_ends_before_it_listens_is_an_error_with_what_it_said() {
    let error = reason("echo starting; echo no luck today >&2; exit 3");
    assert!(error.contains("no luck today") && error.contains("exit status: 3"), "{error}");
}

#[test]
fn a_child_that_announces_no_address_is_an_error() {
    let error = reason("echo listening on nothing; exec sleep 60");
    assert!(error.contains("`nothing`"), "{error}");
}

#[test]
fn a_program_that_does_not_exist_is_named() {
    let error = Server::start(&mut Command::new("no-such-program")).err().unwrap();
    assert!(error.to_string().contains("no-such-program"), "{error}");
}

#[test]
fn what_a_child_prints_never_blocks_it_and_is_kept() {
    let script = "echo preface; echo listening on 127.0.0.1:9
        yes | head -c 1000000; yes | head -c 1000000 >&2";
    let mut server = shell(script).unwrap();
    assert_eq!(server.addr().port(), 9);
    wait_until("the child printed all", PATIENCE, || !server.is_running().unwrap());
    let stopped = server.stop().unwrap();
    assert!(stopped.status.success());
    assert_eq!((stopped.stdout.len(), stopped.stderr.len()), (1_000_000, 1_000_000));
}

#[test]
fn a_child_that_ignores_the_request_to_end_is_killed() {
    let stubborn = "trap '' TERM; echo listening on 127.0.0.1:9; exec sleep 60";
    let stopped = shell(stubborn).unwrap().stop().unwrap();
    assert!(!stopped.status.success());
}

#[test]
fn a_dropped_server_leaves_no_process() {
    let server = shell("echo listening on 127.0.0.1:9; exec sleep 60").unwrap();
    let pid = Pid::from_raw(server.pid().cast_signed()).unwrap();
    test_kill_process(pid).unwrap();
    drop(server);
    assert!(test_kill_process(pid).is_err(), "the process is still there");
}

/// Finds an address on which nothing listens.
fn free_addr() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn a_server_that_announces_nothing_is_known_by_its_address() {
    let addr = free_addr();
    let mut server =
        Server::start_at(serve(Style::Raw).arg(addr.to_string()), addr, || true).unwrap();
    assert_eq!(server.addr(), addr);
    assert!(server.is_running().unwrap());
    ping(&mut connect(addr), b"hello");
    assert!(server.stop().unwrap().status.success());
}

#[test]
fn of_a_silent_server_that_ends_the_last_line_is_told() {
    let script = "echo a long story >&2; echo its end >&2; echo >&2; exit 4";
    let error = Server::start_at(Command::new("sh").args(["-c", script]), free_addr(), || true);
    let error = error.err().expect("nothing listens").to_string();
    assert!(error.contains("ended before it listened (exit status: 4): its end"), "{error}");
}

#[test]
fn what_a_silent_server_started_ends_with_it() {
    let addr = free_addr();
    let (program, addr_text) = (serve(Style::Raw).get_program().to_owned(), addr.to_string());
    // The sleeper holds the pipes: what was said is known only when it has ended.
    let script = "sleep 60 & echo said >&2; exec \"$0\" raw \"$1\"";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(program).arg(addr_text);
    let stopped = Server::start_at(&mut command, addr, || true).unwrap().stop().unwrap();
    assert!(stopped.status.success(), "{stopped:?}");
    assert_eq!(stopped.stderr, "said\n");
}

#[test]
fn the_last_words_of_a_server_are_its_last_line() {
    let server = shell("echo first >&2; echo last >&2; echo listening on 127.0.0.1:9");
    assert_eq!(server.unwrap().stop().unwrap().last_words(), Some("last"));
}
