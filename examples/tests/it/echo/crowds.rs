//! Many connections at once: busy, and idle.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use examples::Style;

use crate::client::{close_gently, connect, expect, pattern, ping};
use crate::process::{cpu, told_or_skip};
use crate::server::{raise_descriptor_limit, start, stop};

pub(super) fn a_thousand_connections_are_served_at_once(style: Style) {
    const CROWD: usize = 1_000;
    let limit = raise_descriptor_limit();
    // Other tests of this process hold descriptors, too.
    if limit < CROWD as u64 * 3 {
        eprintln!("skipped: {limit} descriptors are too few for {CROWD} connections and the rest");
        return;
    }
    let server = start(style);
    let mut crowd: Vec<TcpStream> = (0..CROWD).map(|_| connect(server.addr())).collect();
    for round in 0..3 {
        for (number, stream) in crowd.iter_mut().enumerate() {
            stream.write_all(&pattern(round + number, 64)).unwrap();
        }
        for (number, stream) in crowd.iter_mut().enumerate() {
            expect(stream, &pattern(round + number, 64));
        }
    }
    crowd.into_iter().for_each(close_gently);
    stop(server);
}

pub(super) fn an_idle_server_uses_no_processor(style: Style) {
    let server = start(style);
    let mut crowd: Vec<TcpStream> = (0..100).map(|_| connect(server.addr())).collect();
    crowd.iter_mut().for_each(|stream| ping(stream, b"then silence"));
    let mut used = Vec::new();
    // The first span may still hold the end of the work; a server that spins spins in all of them.
    for _ in 0..3 {
        let before = told_or_skip!(cpu(&server));
        thread::sleep(Duration::from_millis(300));
        used.push(cpu(&server).unwrap().saturating_sub(before));
    }
    let least = used.iter().min().unwrap();
    assert!(*least < Duration::from_millis(5), "{used:?} of each 300 ms");
    stop(server);
}
