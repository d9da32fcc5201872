//! What an idle echo costs, counted by the server itself.
//!
//! Rule: the slope between a short run and a long one is the cost of a message; what start and end
//! cost cancels out. Every style on a loop polls, reads and writes alike; they differ in hops
//! through the ready queue, of which the floor has none, and in allocations.

use std::thread;
use std::time::Duration;

use examples::{Server, ServerCounts, Style};

use crate::client::{close_gently, connect, ping};
use crate::server::{start_with, stop};

const SHORT: u32 = 100;
const LONG: u32 = 1_100;

#[test]
fn callbacks_hop_twice_and_allocate_nothing() {
    assert_cost(Style::Callbacks, Some(2.0), 0.0);
}

#[test]
fn promises_hop_three_times_and_allocate_nothing() {
    assert_cost(Style::Promises, Some(3.0), 0.0);
}

#[test]
fn async_await_hops_once_and_allocates_nothing() {
    assert_cost(Style::Async, Some(1.0), 0.0);
}

#[test]
fn a_protocol_hops_once_and_allocates_nothing() {
    assert_cost(Style::Protocol, Some(1.0), 0.0);
}

#[test]
fn an_echo_with_fibers_takes_one_hop_and_no_allocation() {
    assert_cost(Style::Fibers, Some(1.0), 0.0);
}

#[test]
fn raw_allocates_nothing() {
    assert_cost(Style::Raw, None, 0.0);
}

/// Checks that a message costs one poll, one read, one write, no registration, and what is stated.
fn assert_cost(style: Style, hops: Option<f64>, allocations: f64) {
    let short = counts_of_idle_messages(style, SHORT);
    let long = counts_of_idle_messages(style, LONG);
    let cost = |count: fn(&ServerCounts) -> Option<u64>| {
        let counted = |counts| count(counts).map(|count| count as f64);
        Some((counted(&long)? - counted(&short)?) / f64::from(LONG - SHORT))
    };
    assert_eq!(cost(|counts| counts.reads), Some(1.0), "reads");
    assert_eq!(cost(|counts| counts.writes), Some(1.0), "writes");
    assert_eq!(cost(|counts| counts.registrations), Some(0.0), "registrations");
    assert_eq!(cost(|counts| counts.allocations), Some(allocations), "allocations");
    // The first message may share its event with the connection, and the signal may interrupt a
    // poll or not: one or two in a thousand.
    let about =
        |cost: Option<f64>, stated: f64| cost.is_some_and(|cost| (cost - stated).abs() < 0.005);
    let polls = cost(|counts| counts.polls);
    assert!(about(polls, 1.0), "polls: {polls:?}");
    let hopped = cost(|counts| counts.hops);
    assert!(hops.is_none_or(|hops| about(hopped, hops)), "hops: {hopped:?}, stated {hops:?}");
}

/// Plays messages against a server that counts, and returns its counts.
fn counts_of_idle_messages(style: Style, messages: u32) -> ServerCounts {
    let server = start_with(style, &["--counts"]);
    play(&server, messages);
    serde_json::from_str(&stop(server).stdout).unwrap()
}

/// Plays messages of 64 bytes over one connection, each after the echo of the one before.
fn play(server: &Server, messages: u32) {
    play_paced(server, messages, Duration::ZERO);
}

/// Plays the same with a pause after each echo.
pub(crate) fn play_paced(server: &Server, messages: u32, pause: Duration) {
    let mut stream = connect(server.addr());
    for _ in 0..messages {
        ping(&mut stream, &[b'x'; 64]);
        if !pause.is_zero() {
            thread::sleep(pause);
        }
    }
    close_gently(stream);
}
