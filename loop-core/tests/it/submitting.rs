//! One order for all submitters: what another thread submitted before something was queued on the
//! loop's thread runs before it, as in asyncio's one queue.

use std::cell::Cell;
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use loop_core::{Direction, LoopHandle, LoopTime, TurnRule};
use signal_hook::consts::SIGUSR2;
use signal_hook::low_level::raise;

use crate::lab::{Lab, Note, connection};

const RULES: [TurnRule; 3] = [TurnRule::Snapshot, TurnRule::Bounded(1), TurnRule::Bounded(256)];

/// What ran, in order, on whichever thread it was submitted.
#[derive(Clone, Default)]
struct Order(Arc<Mutex<Vec<String>>>);

impl Order {
    fn add(&self, event: &str) {
        self.0.lock().unwrap().push(event.to_owned());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn adder(&self, event: &str) -> impl Fn() + Clone + Send + 'static {
        let (order, event) = (self.clone(), event.to_owned());
        move || order.add(&event)
    }

    /// Submits `event` from another thread, and joins it.
    fn submit(&self, handle: &LoopHandle, event: &str) {
        let (remote, add) = (handle.remote(), self.adder(event));
        let submit = move || remote.call_soon_threadsafe(move |_| add()).map_err(drop);
        thread::spawn(submit).join().unwrap().unwrap();
    }
}

#[test]
fn a_submission_of_a_joined_thread_runs_before_a_later_call() {
    for rule in RULES {
        let (mut lab, order) = (Lab::new(rule), Order::default());
        for number in 0..100 {
            order.submit(&lab.handle, &format!("{number} there"));
            lab.handle.call_soon(order.adder(&format!("{number} here")));
        }
        lab.turn();
        (0..200).for_each(|_| lab.turn());
        let expected: Vec<String> = (0..100)
            .flat_map(|number| [format!("{number} there"), format!("{number} here")])
            .collect();
        assert_eq!(order.take(), expected, "{rule:?}");
    }
}

#[test]
fn a_submission_that_a_callback_waited_for_runs_before_what_it_queues_then() {
    for rule in RULES {
        let (mut lab, order) = (Lab::new(rule), Order::default());
        let (handle, at) = (lab.handle.clone(), order.clone());
        lab.handle.call_soon(move || {
            handle.call_soon(at.adder("first"));
            at.submit(&handle, "second");
            handle.call_soon(at.adder("third"));
            at.submit(&handle, "fourth");
            let (fifth, remote) = (at.adder("fifth"), handle.remote());
            remote.call_soon_threadsafe(move |_| fifth()).map_err(drop).unwrap();
        });
        (0..10).for_each(|_| lab.turn());
        assert_eq!(order.take(), ["first", "second", "third", "fourth", "fifth"], "{rule:?}");
    }
}

/// Under the snapshot rule what is submitted in a turn runs in the next, from whichever thread.
#[test]
fn a_submission_belongs_to_the_turn_of_the_calls_around_it() {
    let (mut lab, order) = (Lab::new(TurnRule::Snapshot), Order::default());
    let (handle, at) = (lab.handle.clone(), order.clone());
    lab.handle.call_soon(move || {
        at.submit(&handle, "there");
        handle.call_soon(at.adder("here"));
    });
    lab.handle.call_soon(order.adder("of this turn"));
    lab.turn();
    assert_eq!(order.take(), ["of this turn"]);
    lab.turn();
    assert_eq!(order.take(), ["there", "here"]);
}

#[test]
fn a_submission_runs_before_a_job_and_a_timer_that_are_queued_later() {
    for rule in RULES {
        let (mut lab, order) = (Lab::new(rule), Order::default());
        let (handle, at) = (lab.handle.clone(), order.clone());
        let add = at.adder("job");
        struct Adds<F>(F);
        impl<F: Fn() + 'static> loop_core::Job for Adds<F> {
            fn run(self: Rc<Self>, _part: u64) {
                (self.0)();
            }
        }
        lab.handle.call_soon(move || {
            handle.call_at(LoopTime::ORIGIN, at.adder("timer"));
            at.submit(&handle, "there");
            handle.queue(Rc::new(Adds(add.clone())), 0);
        });
        (0..10).for_each(|_| lab.turn());
        assert_eq!(order.take(), ["there", "job", "timer"], "{rule:?}");
    }
}

#[test]
fn a_socket_that_is_ready_again_is_queued_behind_a_submission() {
    let (mut lab, order) = (Lab::new(TurnRule::Snapshot), Order::default());
    let (source, _peer): (_, TcpStream) = connection(&lab);
    lab.turn();
    order.submit(&lab.handle, "there");
    source.queue_when_ready(Direction::Write, Rc::new(Note(lab.trace.clone())), 7);
    let kinds: Vec<&str> = lab.handle.snapshot().ready.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, ["call", "job"]);
}

#[test]
fn a_signal_that_was_raised_after_a_submission_is_handled_after_it() {
    let (mut lab, order) = (Lab::new(TurnRule::Snapshot), Order::default());
    lab.handle.add_signal_handler(SIGUSR2, order.adder("signal")).unwrap();
    order.submit(&lab.handle, "there");
    raise(SIGUSR2).unwrap();
    lab.turn();
    assert_eq!(order.take(), ["there", "signal"]);
}

#[test]
fn a_run_without_a_poll_takes_what_was_submitted() {
    let (mut lab, order) = (Lab::new(TurnRule::Snapshot), Order::default());
    order.submit(&lab.handle, "there");
    assert_eq!(lab.event_loop.run_ready(), 1);
    assert_eq!(order.take(), ["there"]);
}

#[test]
fn a_call_is_cancelled_and_not_the_submission_before_it() {
    let (mut lab, order) = (Lab::new(TurnRule::Snapshot), Order::default());
    order.submit(&lab.handle, "there");
    let here = lab.handle.call_soon(order.adder("here"));
    assert!(here.cancel());
    lab.turn();
    assert_eq!(order.take(), ["there"]);
}

#[test]
fn the_hook_of_the_ready_queue_is_called_once_for_a_submission_and_the_call_behind_it() {
    let (lab, order) = (Lab::new(TurnRule::Snapshot), Order::default());
    let calls = Rc::new(Cell::new(0));
    let counted = calls.clone();
    lab.handle.on_ready(move || counted.set(counted.get() + 1));
    order.submit(&lab.handle, "there");
    lab.handle.call_soon(order.adder("here"));
    lab.handle.call_soon(order.adder("here too"));
    assert_eq!(calls.get(), 1);
}

/// A foreign loop that was told to wait still learns of each submission: the byte of the first stays in
/// the pipe until a turn, or the next wait is declared.
#[test]
fn a_foreign_wait_survives_a_call_that_takes_the_submissions() {
    let (mut lab, order) = (Lab::new(TurnRule::Snapshot), Order::default());
    assert_eq!(lab.event_loop.prepare_to_wait(), None);
    order.submit(&lab.handle, "first");
    lab.handle.call_soon(order.adder("second"));
    order.submit(&lab.handle, "third");
    assert_eq!(lab.handle.counts().wake_writes, 1);
    assert_eq!(lab.event_loop.prepare_to_wait(), Some(Duration::ZERO));
    lab.turn();
    assert_eq!(order.take(), ["first", "second", "third"]);
}
