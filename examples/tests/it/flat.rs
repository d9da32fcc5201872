//! What a message costs, and what a connection holds, does not grow with how many there are.
//!
//! Rule: loop and clients share a thread, so that nothing depends on which is faster. In a round each
//! client sends a message, the loop runs until all are echoed, and each client reads its own.

mod crowd;
mod instructions;

use allocation_counter::measure;
use examples::Style;
use loop_core::Counts;

use crate::idle::ON_THE_LOOP;
use crowd::{Crowd, room_for};

/// The number that the others are held to, and what is served beside a burst.
const FEW: usize = 64;
const MANY: [usize; 2] = [1_000, 4_000];

/// Messages of a short run and the further ones of a long run, at least: more than one window of turns.
const MESSAGES: [usize; 2] = [8_000, 40_000];

/// By how much a count for each message may differ.
const DIFFERENCE_MAX: f64 = 0.05;

/// Within so many turns a loop has given back what a burst took.
const TURNS_TO_GIVE_BACK: usize = 2 * 64;

/// What a message takes of each.
#[derive(Clone, Copy, Debug)]
struct PerMessage {
    hops: f64,
    system_calls: f64,
    allocations: f64,
}

#[test]
fn a_message_costs_as_much_among_1_000_and_4_000_busy_connections_as_among_64() {
    let Some(_room) = room_for(MANY[1]) else { return };
    for style in ON_THE_LOOP {
        let few = per_message(style, FEW);
        for connections in MANY {
            let many = per_message(style, connections);
            let same = |of: fn(&PerMessage) -> f64| (of(&many) - of(&few)).abs() < DIFFERENCE_MAX;
            assert!(same(|cost| cost.hops), "{style}, {connections}: {many:?}, {few:?}");
            assert!(same(|cost| cost.system_calls), "{style}, {connections}: {many:?}, {few:?}");
            assert!(same(|cost| cost.allocations), "{style}, {connections}: {many:?}, {few:?}");
        }
    }
}

/// Takes the slope between a short and a long run.
fn per_message(style: Style, connections: usize) -> PerMessage {
    let mut crowd = Crowd::of(style, connections);
    let [short, more] = MESSAGES.map(|messages| messages.div_ceil(connections));
    crowd.rounds(short);
    let before = crowd.counts();
    let allocated = measure(|| crowd.rounds(more)).count_total;
    let counts = crowd.counts();
    let each = |of: fn(&Counts) -> u64| (of(&counts) - of(&before)) as f64;
    let messages = (more * connections) as f64;
    let calls = each(|counts| counts.polls + counts.reads + counts.writes + counts.registrations);
    PerMessage {
        hops: each(|counts| counts.hops) / messages,
        system_calls: calls / messages,
        allocations: allocated as f64 / messages,
    }
}

#[test]
fn what_a_burst_of_4_000_connections_took_is_given_back() {
    let Some(_room) = room_for(MANY[1]) else { return };
    for style in ON_THE_LOOP {
        let mut crowd = None;
        let before = measure(|| {
            let mut few = Crowd::of(style, FEW);
            few.rounds(2 * TURNS_TO_GIVE_BACK);
            crowd = Some(few);
        });
        let mut crowd = crowd.unwrap();
        let burst = measure(|| {
            crowd.grow(MANY[1]);
            crowd.rounds(10);
            crowd.shrink(FEW);
            crowd.rounds(TURNS_TO_GIVE_BACK);
        });
        let (left, live) = (burst.bytes_current, before.bytes_current);
        println!("{style}: {live} bytes live, {left} more after the burst");
        assert!(burst.bytes_max > live as u64, "{style}: the burst took nothing");
        assert!(left.abs() * 20 <= live, "{style}: {live} bytes before, {left} more after");
    }
}

#[test]
fn a_connection_that_was_served_holds_as_much_among_8_000_as_among_2_000() {
    /// The most that a connection holds, in bytes of the heap: free rows of the loop's tables count, which
    /// are not resident, and what the allocator adds does not.
    const BYTES_MAX: [(Style, i64); 5] = [
        (Style::Callbacks, 340),
        (Style::Promises, 600),
        (Style::Async, 580),
        (Style::Protocol, 340),
        // Without its stack, which is no part of the heap.
        (Style::Fibers, 600),
    ];
    let crowds = [2_000, 8_000];
    let Some(_room) = room_for(crowds[1]) else { return };
    for (style, most) in BYTES_MAX {
        let held = crowds.map(|connections| bytes_held(style, connections));
        println!("{style}: {held:?} bytes a connection");
        assert!(held.iter().all(|bytes| (1..=most).contains(bytes)), "{style}: {held:?}");
    }
}

/// Returns what each connection holds when all were served at once and then lay idle beside one.
fn bytes_held(style: Style, connections: usize) -> i64 {
    let mut crowd = Crowd::of(style, 1);
    crowd.rounds(TURNS_TO_GIVE_BACK);
    let held = measure(|| {
        crowd.grow(connections);
        crowd.rounds(1);
        crowd.rounds_of(1, TURNS_TO_GIVE_BACK);
    });
    // The clients' own list.
    let clients = size_of::<std::net::TcpStream>() * connections;
    (held.bytes_current - clients as i64) / connections as i64
}
