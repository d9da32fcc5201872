//! The table of what an idle echo costs in each wing, exact, as ARCHITECTURE.md states it.
//!
//! Rule: loop and client share a thread, so that nothing depends on which is faster. A message is
//! sent, the loop runs until it is idle, the echo is read.

use std::io::{Read, Write};
use std::net::TcpStream;

use examples::{Style, fibers};
use loop_core::{Counts, EventLoop, LoopHandle, TurnRule};

use crate::document::{self, Table};

const MESSAGES: u64 = 100;

/// The styles whose costs the table states.
pub(crate) const ON_THE_LOOP: [Style; 5] =
    [Style::Callbacks, Style::Promises, Style::Async, Style::Protocol, Style::Fibers];

/// What so many messages cost.
struct Cost {
    before: Counts,
    after: Counts,
    allocations: u64,
}

#[test]
fn the_wings_cost_what_the_table_states() {
    let table = document::table("idle-echo");
    for style in ON_THE_LOOP {
        let bounded = cost(style, TurnRule::default());
        let snapshot = cost(style, TurnRule::Snapshot);
        check(&table, style, "reads", bounded.each(|counts| counts.reads));
        check(&table, style, "writes", bounded.each(|counts| counts.writes));
        check(&table, style, "registrations", bounded.each(|counts| counts.registrations));
        check(&table, style, "kernel events", bounded.each(|counts| counts.events));
        check(&table, style, "queue hops", bounded.each(|counts| counts.hops));
        check(&table, style, "allocations", of_each(bounded.allocations));
        check(&table, style, "turns and polls, bounded rule", bounded.polls());
        check(&table, style, "turns and polls, snapshot rule", snapshot.polls());
        let same = snapshot.each(|counts| counts.hops) == bounded.each(|counts| counts.hops);
        assert!(
            same && snapshot.allocations == bounded.allocations,
            "{style}: the rule changes it"
        );
    }
}

/// The wings do with the kernel what the floor does, and no more.
#[test]
fn the_table_states_the_same_kernel_work_for_the_wings_as_for_raw() {
    let table = document::table("idle-echo");
    for row in ["reads", "writes", "registrations", "turns and polls, bounded rule"] {
        for style in ON_THE_LOOP {
            assert_eq!(table.cell(row, style.name()), table.cell(row, "raw"), "{row}, {style}");
        }
    }
}

fn check(table: &Table, style: Style, row: &str, counted: u64) {
    assert_eq!(table.cell(row, style.name()), counted.to_string(), "{row}, {style}");
}

impl Cost {
    fn each(&self, count: impl Fn(&Counts) -> u64) -> u64 {
        of_each(count(&self.after) - count(&self.before))
    }

    fn polls(&self) -> u64 {
        let turns = self.each(|counts| counts.turns);
        assert_eq!(turns, self.each(|counts| counts.polls), "a turn polls once");
        turns
    }
}

/// Divides what all messages cost; each must cost the same.
fn of_each(total: u64) -> u64 {
    assert_eq!(total % MESSAGES, 0, "{total} for {MESSAGES} messages");
    total / MESSAGES
}

fn cost(style: Style, rule: TurnRule) -> Cost {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    handle.set_turn_rule(rule);
    let mut client = TcpStream::connect(serve(style, &handle)).unwrap();
    client.set_nodelay(true).unwrap();
    // The first messages bring the connection, a chunk for the pool, and room in the queues.
    (0..10).for_each(|_| exchange(&mut event_loop, &mut client));
    let before = handle.counts();
    let seen = allocation_counter::measure(|| {
        (0..MESSAGES).for_each(|_| exchange(&mut event_loop, &mut client));
    });
    Cost { before, after: handle.counts(), allocations: seen.count_total }
}

/// Starts the wing's echo server and returns its address.
pub(crate) fn serve(style: Style, handle: &LoopHandle) -> std::net::SocketAddr {
    let any = "127.0.0.1:0".parse().unwrap();
    match style {
        Style::Callbacks => {
            let listener = api_callbacks::TcpListener::bind(handle, any).unwrap();
            let address = listener.local_addr().unwrap();
            api_callbacks::echo::serve(listener, drop);
            address
        }
        Style::Promises => {
            let listener = api_promises::TcpListener::bind(handle, any).unwrap();
            let address = listener.local_addr().unwrap();
            api_promises::echo::serve(listener).detach(drop);
            address
        }
        Style::Async => {
            let listener = api_async::TcpListener::bind(handle, any).unwrap();
            let address = listener.local_addr().unwrap();
            api_async::spawn(handle, api_async::echo::serve(listener)).detach();
            address
        }
        Style::Protocol => {
            let server = api_callbacks::ServerBuilder::new();
            server.serve(handle, any, |_| api_callbacks::protocol::Echo).unwrap().local_addr()
        }
        Style::Fibers => {
            let listener = fibers::TcpListener::bind(handle, any).unwrap();
            let address = listener.local_addr().unwrap();
            fibers::spawn(handle, move || fibers::echo::serve(&listener)).detach();
            address
        }
        baseline => panic!("{baseline} has no loop of ours"),
    }
}

/// Sends a message, runs the loop until it is idle again, and takes the echo.
fn exchange(event_loop: &mut EventLoop, client: &mut TcpStream) {
    let handle = event_loop.handle();
    let written = handle.counts().writes;
    client.write_all(&[b'x'; 64]).unwrap();
    loop {
        event_loop.run_once().unwrap();
        let counts = handle.counts();
        if counts.writes > written && counts.calls == counts.hops {
            break;
        }
    }
    client.read_exact(&mut [0; 64]).unwrap();
}
