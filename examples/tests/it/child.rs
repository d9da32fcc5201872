//! A child process under `Server`, well-behaved or not: here every child is a line of shell.

use std::process::Command;

use examples::Server;
use rustix::process::{Pid, test_kill_process};

use crate::server::{PATIENCE, wait_until};

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
