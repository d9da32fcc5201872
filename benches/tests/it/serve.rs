//! One server alone: its first line, its last line, its end.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::process::Signal;

use crate::program::{finish, oneloop, run, signal, start_server, text};

const RAW: [&str; 5] = ["serve", "echo", "--style", "raw", "--listen"];

fn raw_on<'a>(addr: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    RAW.into_iter().chain([addr]).chain(more.iter().copied()).collect()
}

#[test]
fn a_server_announces_itself_echoes_and_ends_on_either_signal() {
    for ending in [Signal::INT, Signal::TERM] {
        let (child, addr) = start_server(&raw_on("127.0.0.1:0", &[]));
        let mut socket = TcpStream::connect(&addr).unwrap();
        socket.write_all(b"hello").unwrap();
        let mut echoed = [0; 5];
        socket.read_exact(&mut echoed).unwrap();
        assert_eq!(&echoed, b"hello");
        signal(&child, ending);
        let output = finish(child);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
}

#[test]
fn a_server_that_cannot_tell_its_address_does_not_serve() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = oneloop(&raw_on("127.0.0.1:0", &[]));
    let output = finish(command.stdout(full).spawn().unwrap());
    let complaint = text(&output.stderr);
    assert_eq!((output.status.code(), complaint.lines().count()), (Some(1), 1), "{complaint}");
    assert!(complaint.contains("cannot write to standard output"), "{complaint}");
}

#[test]
fn counts_are_one_line_of_json_at_the_end() {
    let (child, addr) = start_server(&raw_on("127.0.0.1:0", &["--counts"]));
    drop(TcpStream::connect(&addr).unwrap());
    signal(&child, Signal::TERM);
    let output = finish(child);
    let counts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(counts["reads"].is_u64(), "{counts}");
}

#[test]
fn a_port_in_use_and_a_foreign_address_are_named() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    // The second is of a block reserved for documentation: no machine has it.
    for addr in [taken.as_str(), "192.0.2.1:7000"] {
        let output = run(&raw_on(addr, &[]));
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{complaint}");
        assert_eq!(complaint.matches(addr).count(), 1, "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_that_is_tied_to_its_parent_does_not_start_without_it() {
    // Process 1 is the parent of no server here.
    let output = finish(oneloop(&raw_on("127.0.0.1:0", &["--end-with", "1"])).spawn().unwrap());
    assert_eq!(output.status.code(), Some(1));
}
