//! A client that takes no replies holds up itself alone.

use std::io::Read;
use std::thread;
use std::time::Duration;

use examples::key_value::Version;

use super::LONG_GRACE;
use super::running::{Client, Running, bulk, request};
use crate::client::pattern;

/// Asks for 64 MiB and does not take them; tells whether the last command was executed all the same.
fn is_worked_for_while_it_takes_nothing(server: &Running) -> bool {
    let (mut greedy, mut witness) = (server.client(), server.client());
    let value = pattern(0, 256 << 10);
    greedy.ask(request(&[b"SET", b"big", &value]), "+OK\r\n");
    let last = request(&[b"SET", b"last", b"done"]);
    greedy.send([request(&[b"GET", b"big"]).repeat(256), last].concat());
    let is_done = |witness: &mut Client| {
        witness.send("EXISTS last\r\n");
        let mut told = [0; 4];
        witness.0.read_exact(&mut told).unwrap();
        &told == b":1\r\n"
    };
    // A server that would do it does it at once; one that would not is given some time to err.
    let done = (0..30).any(|_| {
        thread::sleep(Duration::from_millis(10));
        is_done(&mut witness)
    });
    // A client that takes its replies after all has lost none.
    for _ in 0..256 {
        greedy.expect(bulk(&value));
    }
    greedy.expect("+OK\r\n");
    assert!(is_done(&mut witness));
    done
}

pub(super) fn who_takes_no_replies_is_not_worked_for(version: Version) {
    let server = Running::start(version, LONG_GRACE);
    assert!(!is_worked_for_while_it_takes_nothing(&server), "replies pile up");
    server.stop();
}

#[test]
fn the_naive_one_works_for_who_takes_no_replies() {
    let server = Running::start(Version::Naive, LONG_GRACE);
    assert!(is_worked_for_while_it_takes_nothing(&server), "the bug is gone");
    server.stop();
}
