//! Listeners: several connections an event, bounded, and none lost when descriptors run out.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;
use std::time::Duration;

use loop_core::{Direction, EventLoop, LoopHandle, ManualClock, Source, TurnRule};
use mio::net::TcpListener;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::lab::{Lab, Note, Trace, alone};

/// Returns a listener on the loop, and so many connections that wait to be accepted.
fn listener(handle: &LoopHandle, waiting: usize) -> (Source<TcpListener>, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let peers = (0..waiting).map(|_| TcpStream::connect(address).unwrap()).collect();
    (Source::new(handle, listener).unwrap(), peers)
}

/// Accepts until the listener has no more, or has had its share of the turn.
fn accept_all(listener: &Source<TcpListener>) -> usize {
    let accept = || match listener.accept() {
        Ok((stream, _)) => Some(stream),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            None
        }
    };
    std::iter::from_fn(accept).count()
}

#[test]
fn a_listener_accepts_several_connections_an_event_and_a_bounded_number_a_turn() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (listener, _peers) = listener(&lab.handle, 100);
    let mut accepted = Vec::new();
    while accepted.iter().sum::<usize>() < 100 {
        listener.park_job(Direction::Read, std::rc::Rc::new(Note(lab.trace.clone())), 7);
        lab.event_loop.run_once().unwrap();
        accepted.push(accept_all(&listener));
    }
    assert_eq!(accepted, [64, 36]);
    assert_eq!(lab.handle.counts().events, 1, "the kernel reported them once");
    assert_eq!(lab.handle.counts().accepts, 100);
}

#[test]
fn a_listener_out_of_descriptors_reports_rests_and_resumes() {
    alone("accepting::out_of_descriptors");
}

#[test]
#[ignore = "a process of its own for another test"]
fn out_of_descriptors() {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let (handle, trace) = (event_loop.handle(), Trace::default());
    let reported = trace.clone();
    handle.set_exception_handler(move |_, context| reported.add(&context.message));
    let (listener, _peers) = listener(&handle, 1);
    event_loop.run_once().unwrap();
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(3), maximum: limit.maximum }).unwrap();
    assert_eq!(accept_all(&listener), 0);
    assert_eq!(accept_all(&listener), 0, "it rests");
    let said = trace.take();
    assert_eq!(said.len(), 1, "said once: {said:?}");
    assert!(said[0].starts_with("accepting again in 1 s"), "{said:?}");
    setrlimit(Resource::Nofile, limit).unwrap();
    listener.park_job(Direction::Read, std::rc::Rc::new(Note(trace.clone())), 7);
    event_loop.run_once().unwrap();
    assert!(trace.take().is_empty(), "it still rests");
    clock.advance(Duration::from_secs(1));
    event_loop.run_once().unwrap();
    event_loop.run_once().unwrap();
    assert_eq!(trace.take(), ["7"]);
    assert_eq!(accept_all(&listener), 1);
    the_next_shortage_is_told_after_a_minute(&mut event_loop, &clock, &listener, &trace);
}

#[test]
fn a_waker_that_is_parked_at_a_resting_listener_is_woken_when_the_rest_is_over() {
    alone("accepting::out_of_descriptors_with_a_waker");
}

#[test]
#[ignore = "a process of its own for another test"]
fn out_of_descriptors_with_a_waker() {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let (listener, _peers) = listener(&event_loop.handle(), 1);
    event_loop.handle().set_exception_handler(|_, _| ());
    event_loop.run_once().unwrap();
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(3), maximum: limit.maximum }).unwrap();
    assert_eq!(accept_all(&listener), 0);
    setrlimit(Resource::Nofile, limit).unwrap();
    let wakes = Arc::new(Wakes::default());
    listener.park_task(Direction::Read, &wakes.clone().into(), || None);
    turn(&mut event_loop);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 0, "it rests");
    clock.advance(Duration::from_secs(1));
    turn(&mut event_loop);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    assert_eq!(accept_all(&listener), 1);
}

/// A waker that counts its wakes.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Lets descriptors run out twice more: soon after the first time, and later.
fn the_next_shortage_is_told_after_a_minute(
    event_loop: &mut EventLoop,
    clock: &ManualClock,
    listener: &Source<TcpListener>,
    trace: &Trace,
) {
    let address = listener.io().local_addr().unwrap();
    let limit = getrlimit(Resource::Nofile);
    for (seconds, reports) in [(1, 0), (60, 1)] {
        clock.advance(Duration::from_secs(seconds));
        let _peer = TcpStream::connect(address).unwrap();
        listener.park_job(Direction::Read, std::rc::Rc::new(Note(trace.clone())), 8);
        turn(event_loop);
        assert_eq!(trace.take(), ["8"]);
        setrlimit(Resource::Nofile, Rlimit { current: Some(3), maximum: limit.maximum }).unwrap();
        assert_eq!(accept_all(listener), 0);
        setrlimit(Resource::Nofile, limit).unwrap();
        assert_eq!(trace.take().len(), reports, "{seconds} s later");
        clock.advance(Duration::from_secs(1));
        turn(event_loop);
        assert_eq!(accept_all(listener), 1);
    }
}

/// Makes one turn that does not wait.
fn turn(event_loop: &mut EventLoop) {
    event_loop.handle().stop();
    event_loop.run_forever().unwrap();
}
