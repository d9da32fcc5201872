//! Instructions a message, counted by valgrind's callgrind: those of the loop, and those of the client,
//! which are always the same.

use std::process::Command;

use examples::Style;

use super::crowd::{Crowd, room_for};
use super::{FEW, MANY};

/// How much more a message may take among many.
const MORE_MAX: f64 = 1.1;

/// Messages in all: each connection sends as many as another.
const MESSAGES: usize = 8_000;

#[test]
fn a_message_with_callbacks_takes_as_many_instructions_among_4_000_connections_as_among_64() {
    check(Style::Callbacks);
}

#[test]
fn a_message_with_promises_takes_as_many_instructions_among_4_000_connections_as_among_64() {
    check(Style::Promises);
}

#[test]
fn a_message_with_tasks_takes_as_many_instructions_among_4_000_connections_as_among_64() {
    check(Style::Async);
}

#[test]
fn a_message_with_a_protocol_takes_as_many_instructions_among_4_000_connections_as_among_64() {
    check(Style::Protocol);
}

#[test]
fn a_message_with_fibers_takes_as_many_instructions_among_1_000_connections_as_among_64() {
    // All of a run is counted, which takes long among more.
    check_among(Style::Fibers, &MANY[..1]);
}

fn check(style: Style) {
    check_among(style, &MANY);
}

fn check_among(style: Style, many: &[usize]) {
    let valgrind = Command::new("valgrind").arg("--version").output();
    if !valgrind.is_ok_and(|output| output.status.success()) {
        println!("skipped: instructions are counted by valgrind, which is not installed");
        return;
    }
    let few = instructions(style, FEW).expect("room for a few");
    for &connections in many {
        let Some(many) = instructions(style, connections) else { return };
        println!(
            "{style}: {many:.0} instructions a message among {connections}, {few:.0} among {FEW}"
        );
        assert!(many < few * MORE_MAX, "{style}: {many} among {connections}, {few} among {FEW}");
    }
}

/// Returns what a message took; `None` if the system has no room for so many.
fn instructions(style: Style, connections: usize) -> Option<f64> {
    let messages = (rounds(connections) * connections) as f64;
    if style != Style::Fibers {
        return Some(
            collected(style, connections, "--toggle-collect=*counted_rounds*", 1)? / messages,
        );
    }
    // Callgrind takes a switch of stacks for the end of the function: all is collected, and compared.
    let of = |times| collected(style, connections, "--collect-atstart=yes", times);
    Some((of(2)? - of(1)?) / messages)
}

/// Runs [`under_valgrind`], and returns how many instructions were collected.
fn collected(style: Style, connections: usize, collect: &str, times: usize) -> Option<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(collect)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "flat::instructions::under_valgrind", "--ignored", "--nocapture"])
        .env("STYLE", style.name())
        .env("CONNECTIONS", connections.to_string())
        .env("TIMES", times.to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    if String::from_utf8_lossy(&output.stdout).contains("skipped: ") {
        return None;
    }
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    Some(collected.expect("callgrind's sum").1.trim().parse().unwrap())
}

fn rounds(connections: usize) -> usize {
    MESSAGES.div_ceil(connections)
}

#[test]
#[ignore = "a process of its own for other tests"]
fn under_valgrind() {
    let style = std::env::var("STYLE").unwrap().parse().unwrap();
    let connections = std::env::var("CONNECTIONS").unwrap().parse().unwrap();
    let times: usize = std::env::var("TIMES").unwrap().parse().unwrap();
    let Some(_room) = room_for(connections) else { return };
    let mut crowd = Crowd::of(style, connections);
    crowd.rounds(1);
    crowd.counted_rounds(times * rounds(connections));
}
