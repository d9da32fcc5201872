//! A cancel or a limit in the turn in which the answer is read: the session is known to be open, and is undone.
//!
//! The turns are made one by one, and the peer is on the same thread: nothing is left to chance.

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use loop_core::{EventLoop, LoopHandle, ManualClock, TurnRule};

use super::{Options, async_await, callbacks, promises};

type Cancel = Box<dyn FnOnce()>;

/// Begins the transfer of a style; returns what cancels it.
type Begin = fn(&LoopHandle, Options, Rc<Cell<bool>>) -> Cancel;

const WITH_CALLBACKS: Begin = |handle, options, ended| {
    let token = api_callbacks::CancellationToken::new();
    callbacks::transfer(handle, options, &token, move |_| ended.set(true));
    Box::new(move || token.cancel())
};

const WITH_PROMISES: Begin = |handle, options, ended| {
    let token = api_promises::CancellationToken::new();
    let transfer = promises::transfer(handle, options, &token);
    transfer.inspect(move |_| ended.set(true)).detach(drop);
    Box::new(move || token.cancel())
};

const WITH_ASYNC: Begin = |handle, options, ended| {
    let token = api_async::CancellationToken::new();
    let (owned, cancels) = (handle.clone(), token.clone());
    let transfer = async move {
        let _ = async_await::transfer(&owned, &options, &token).await;
        ended.set(true);
    };
    api_async::spawn(handle, transfer).detach();
    Box::new(move || cancels.cancel())
};

#[test]
fn a_cancel_in_the_turn_of_the_answer_is_rolled_back_in_every_style() {
    for begin in [WITH_CALLBACKS, WITH_PROMISES, WITH_ASYNC] {
        a_cancel_in_the_turn_of_the_answer_is_rolled_back(begin);
    }
}

#[test]
fn a_limit_in_the_turn_of_the_answer_is_rolled_back_under_both_rules() {
    for rule in [TurnRule::Snapshot, TurnRule::default()] {
        for begin in [WITH_CALLBACKS, WITH_PROMISES, WITH_ASYNC] {
            a_limit_in_the_turn_of_the_answer_is_rolled_back(begin, rule);
        }
    }
}

fn a_cancel_in_the_turn_of_the_answer_is_rolled_back(begin: Begin) {
    let mut event_loop = EventLoop::new().unwrap();
    let (handle, ended) = (event_loop.handle(), Rc::new(Cell::new(false)));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let cancel = begin(&handle, patient(listener.local_addr().unwrap()), ended.clone());
    // The kernel completes the connection without the peer.
    turns_until(&mut event_loop, || handle.counts().writes > 0);
    let mut peer = listener.accept().unwrap().0;
    assert_eq!(heard(&mut peer), "AUTH open sesame\n");

    peer.write_all(b"OK 7\n").unwrap();
    // The timer is due in the same turn, and runs behind what reads.
    handle.call_later(Duration::from_nanos(1), cancel);
    thread::sleep(Duration::from_millis(2));
    event_loop.run_once().unwrap();

    peer.set_nonblocking(true).unwrap();
    let mut farewell = String::new();
    turns_until(&mut event_loop, || {
        farewell += &heard(&mut peer);
        farewell.ends_with("QUIT\n")
    });
    assert_eq!(farewell, "ROLLBACK\nQUIT\n");
    peer.write_all(b"\x04").unwrap();
    turns_until(&mut event_loop, || ended.get());
}

/// The limit of the step and the answer are there in one turn, by a clock that stands until it is told to move.
fn a_limit_in_the_turn_of_the_answer_is_rolled_back(begin: Begin, rule: TurnRule) {
    let (clock, ended) = (ManualClock::new(), Rc::new(Cell::new(false)));
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let handle = event_loop.handle();
    handle.set_turn_rule(rule);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let options =
        Options { step_limit: Duration::from_secs(1), ..patient(listener.local_addr().unwrap()) };
    drop(begin(&handle, options, ended.clone()));
    turns_until(&mut event_loop, || handle.counts().writes > 0);
    let mut peer = listener.accept().unwrap().0;
    assert_eq!(heard(&mut peer), "AUTH open sesame\n");

    peer.write_all(b"OK 7\n").unwrap();
    thread::sleep(Duration::from_millis(2));
    clock.advance(Duration::from_secs(1));
    event_loop.run_once().unwrap();

    peer.set_nonblocking(true).unwrap();
    let mut farewell = String::new();
    turns_until(&mut event_loop, || {
        // A style that goes on with the answer comes to the next limit.
        clock.advance(Duration::from_millis(100));
        farewell += &heard(&mut peer);
        farewell.ends_with("QUIT\n")
    });
    assert_eq!(farewell, "ROLLBACK\nQUIT\n");
    peer.write_all(b"\x04").unwrap();
    turns_until(&mut event_loop, || ended.get());
}

/// Options whose limits are not reached.
fn patient(server: SocketAddr) -> Options {
    let minute = Duration::from_secs(60);
    Options {
        step_limit: minute,
        total_limit: minute,
        clean_up_limit: minute,
        ..Options::new(server)
    }
}

/// Returns what a peer was told; nothing, if that has yet to come.
fn heard(peer: &mut TcpStream) -> String {
    let mut bytes = [0; 256];
    match peer.read(&mut bytes) {
        Ok(count) => String::from_utf8_lossy(&bytes[..count]).into_owned(),
        Err(error) if error.kind() == ErrorKind::WouldBlock => String::new(),
        Err(error) => panic!("{error}"),
    }
}

/// Makes turns until something is so, for ten seconds at most.
fn turns_until(event_loop: &mut EventLoop, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it never comes");
        event_loop.handle().call_later(Duration::from_millis(1), || ());
        event_loop.run_once().unwrap();
    }
}
