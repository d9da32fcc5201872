//! What a guard costs beside what it guards, and what cancels a chain that ends in a callback.

use std::cell::Cell;
use std::io::Write;
use std::net;
use std::rc::Rc;
use std::time::Duration;

use allocation_counter::measure;
use api_promises::{CancellationToken, TcpStream, callbackify, sleep};
use loop_core::{EventLoop, is_cancelled};

use crate::lab::{Failing, Lab};

/// Reads so many messages, each after the one before, under a token or not; returns the allocations and hops.
fn read(times: u64, token: Option<CancellationToken>) -> (u64, u64) {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let stream = TcpStream::from_std(&handle, listener.accept().unwrap().0).unwrap();
    let count = Rc::new(Cell::new(0));
    let before = handle.counts().hops;
    let allocated = measure(|| {
        for _ in 0..times {
            let (read, count) = (stream.read_chunk(), count.clone());
            let read = match &token {
                Some(token) => token.guard(read),
                None => read,
            };
            let counts =
                move |chunk: Option<_>| count.set(count.get() + u64::from(chunk.is_some()));
            read.map(counts).detach(|error| panic!("{error}"));
            peer.write_all(b"!").unwrap();
            event_loop.run_once().unwrap();
        }
    });
    assert_eq!(count.get(), times);
    (allocated.count_total, handle.counts().hops - before)
}

/// The slope between a short and a long run, after one that makes room.
fn each(guarded: bool) -> (u64, u64) {
    let [_, short, long] =
        [100, 100, 1_100].map(|times| read(times, guarded.then(CancellationToken::new)));
    ((long.0 - short.0) / 1_000, (long.1 - short.1) / 1_000)
}

#[test]
fn a_read_under_a_token_costs_one_allocation_and_no_hop_beside_a_plain_one() {
    let (plain, guarded) = (each(false), each(true));
    assert_eq!((guarded.0 - plain.0, guarded.1 - plain.1), (1, 0), "{plain:?} {guarded:?}");
}

#[test]
fn what_is_guarded_and_cancelled_loses_no_byte() {
    let mut event_loop = EventLoop::new().unwrap();
    let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let accepted = listener.accept().unwrap().0;
    let stream = TcpStream::from_std(&event_loop.handle(), accepted).unwrap();
    let token = CancellationToken::new();
    let read = token.guard(stream.read_chunk());
    peer.write_all(b"kept").unwrap();
    token.cancel();
    let cancelled = read.run_until_complete(&mut event_loop).unwrap().unwrap_err();
    assert!(is_cancelled(&cancelled));
    let chunk = stream.read_chunk().run_until_complete(&mut event_loop).unwrap().unwrap();
    assert_eq!(chunk.as_deref(), Some(&b"kept"[..]));
}

#[test]
fn a_chain_that_ends_in_a_callback_is_cancelled_down_to_its_timer_and_told_once() {
    let mut lab = Lab::new();
    let ends = Rc::new(Cell::new(0));
    let (told, hour) = (ends.clone(), sleep(&lab.handle, Duration::from_secs(3_600)));
    let operation = callbackify(hour.map(|()| 1), move |end: std::io::Result<u32>| {
        assert!(is_cancelled(&end.unwrap_err()));
        told.set(told.get() + 1);
    });
    assert!(operation.cancel() && !operation.cancel());
    assert!(lab.handle.snapshot().timed.is_empty());
    assert_eq!(ends.get(), 0, "from the queue");
    lab.settle();
    assert_eq!(ends.get(), 1);
    assert!(!operation.cancel());
}

#[test]
fn what_has_its_outcome_is_not_cancelled_and_a_dropped_handle_cancels_nothing() {
    let mut lab = Lab::new();
    let settled = callbackify(Failing::resolve(&lab.handle, 1), |end| assert_eq!(end, Ok(1)));
    assert!(!settled.cancel());
    let (promise, resolver) = Failing::with_resolvers(&lab.handle);
    let told = Rc::new(Cell::new(0));
    let seen = told.clone();
    drop(callbackify(promise, move |end| seen.set(end.unwrap())));
    resolver.resolve(7);
    lab.settle();
    assert_eq!(told.get(), 7);
    assert!(lab.reported().is_empty());
}

/// What must be noted is noted by the handler that is the next behind an operation.
#[test]
fn what_has_come_is_handled_before_a_token_of_the_same_turn_gives_the_rest_up() {
    let (mut lab, noted) = (Lab::new(), Rc::new(Cell::new(false)));
    let (token, notes) = (CancellationToken::new(), noted.clone());
    let (answer, resolver) = Failing::<u64>::with_resolvers(&lab.handle);
    let chain = answer.map(move |_| notes.set(true)).map(|()| unreachable!("it is given up"));
    lab.note("chain", chain.guard(&token));
    resolver.resolve(1);
    token.cancel();
    assert!(!noted.get(), "no handler runs inside of a call");
    assert_eq!(lab.settle(), "chain:Err(Cancelled)");
    assert!(noted.get() && lab.reported().is_empty());
}
