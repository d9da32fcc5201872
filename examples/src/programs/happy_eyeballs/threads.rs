//! Happy eyeballs with threads.
//!
//! Rule: each attempt waits on a thread of its own, and none is left when the race is decided: a
//! cancellation ends what waits still.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use loop_core::{AggregateError, Elapsed};

use super::{Failures, Options, Race, failed};
use crate::Left;
use crate::programs::blocking::{self, Bounds, Cancellation};
use crate::programs::bounds::TIME_MAX;

/// What came of an attempt, and which one it was.
type Ended = (usize, io::Result<TcpStream>);

// ANCHOR: connect
pub(super) fn connect(
    addresses: &[SocketAddr],
    delay: Duration,
    deadline: Instant,
) -> Result<TcpStream, Failures> {
    let decided = Cancellation::new(None)?;
    let mut waiting = addresses.iter().enumerate();
    let mut failures = BTreeMap::new();
    let (ends, ended) = mpsc::channel();
    let mut turn_of_next = Instant::now();
    thread::scope(|threads| {
        let result = loop {
            if failures.len() == addresses.len() {
                break Err(all_failed(failures));
            }
            if Instant::now() >= deadline {
                break Err(Elapsed.into());
            }
            if turn_of_next <= Instant::now()
                && let Some((number, &address)) = waiting.next()
            {
                turn_of_next = Instant::now() + delay;
                attempt(threads, (number, address), &ends, &decided);
            }
            let wake = if waiting.len() > 0 { turn_of_next.min(deadline) } else { deadline };
            match ended.recv_timeout(wake.saturating_duration_since(Instant::now())) {
                Ok((_, Ok(stream))) => break Ok(stream),
                Ok((number, Err(error))) => {
                    failures.insert(number, failed(addresses[number], &error));
                    if number + 1 + waiting.len() == addresses.len() {
                        turn_of_next = Instant::now();
                    }
                }
                Err(_late) => {}
            }
        };
        // The scope waits for its threads.
        decided.cancel();
        result
    })
}
// ANCHOR_END: connect

// ANCHOR: attempt
/// Begins an attempt. One that has no thread has failed.
fn attempt<'s>(
    threads: &'s Scope<'s, '_>,
    (number, address): (usize, SocketAddr),
    ends: &Sender<Ended>,
    decided: &'s Cancellation<'_>,
) {
    let (bounds, told) = (Bounds { until: None, cancel: Some(decided) }, ends.clone());
    let wait = move || drop(told.send((number, blocking::connect(address, bounds))));
    if let Err(error) = thread::Builder::new().spawn_scoped(threads, wait) {
        drop(ends.send((number, Err(error))));
    }
}
// ANCHOR_END: attempt

// ANCHOR: all_failed
fn all_failed(failures: BTreeMap<usize, io::Error>) -> Failures {
    AggregateError { errors: failures.into_values().collect() }
}
// ANCHOR_END: all_failed

// ANCHOR: run
pub(super) fn run(options: &Options) -> io::Result<Race> {
    let deadline = Instant::now() + options.limit.unwrap_or(TIME_MAX);
    let connected = connect(&options.addresses, options.delay, deadline);
    let winner = connected.and_then(|stream| Ok(stream.peer_addr()?));
    Ok(Race { connected: winner, left: Left::default() })
}
// ANCHOR_END: run
