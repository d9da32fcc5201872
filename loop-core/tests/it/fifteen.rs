//! The behaviours that any asyncio-faithful loop shows, as one table under both turn rules.
//!
//! Numbers 13 and 15 need futures and stand in `examples`. A turn is `stop`, then run; `|` ends it.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use loop_core::{Abort, LoopTime, TurnRule};

use crate::lab::{Lab, readable};

struct Behaviour {
    number: u32,
    name: &'static str,
    program: fn(&mut Lab),
    snapshot: &'static str,
    /// What the bounded rule shows; the same but for numbers 1 and 3.
    bounded: &'static str,
}

/// A row whose trace is the same under both rules.
const fn same(
    number: u32,
    name: &'static str,
    program: fn(&mut Lab),
    trace: &'static str,
) -> Behaviour {
    Behaviour { number, name, program, snapshot: trace, bounded: trace }
}

const TABLE: [Behaviour; 13] = [
    Behaviour {
        number: 1,
        name: "what a callback schedules runs after what was queued",
        program: scheduling_inside,
        snapshot: "a b | c |",
        bounded: "a b c | |",
    },
    same(2, "a cancelled callback does not run", cancelling_queued, "a cancelled:true |"),
    Behaviour {
        number: 3,
        name: "stop finishes the turn and keeps the rest",
        program: stopping,
        snapshot: "a b | late |",
        bounded: "a b late | |",
    },
    same(4, "what was ready, then I/O, then timers", io_between, "soon io timer |"),
    same(5, "past deadlines run in their order", past_deadlines, "-3 -2 -1 |"),
    same(6, "a timer of no delay comes after what is ready", zero_delay, "soon later | |"),
    same(7, "a reader is called while there is something to read", levels, "x | x | x | |"),
    same(8, "the second reader takes the place of the first", replacing, "second | true false"),
    same(9, "a reader removed in its own turn is silent", removing, "removed |"),
    same(10, "the reader goes before the writer", reader_first, "reader writer |"),
    same(11, "a failed callback does not take the next along", failing, "handled next |"),
    same(12, "an abort leaves at once and loses nothing", aborting, "left rest | closed:false"),
    same(14, "a thread's submissions run once, in order, promptly", submitting, "1000 in order"),
];

#[test]
fn the_fifteen_hold_under_the_snapshot_rule() {
    check(TurnRule::Snapshot, |behaviour| behaviour.snapshot);
}

#[test]
fn the_fifteen_hold_under_the_bounded_rule() {
    check(TurnRule::default(), |behaviour| behaviour.bounded);
}

fn check(rule: TurnRule, expected: fn(&Behaviour) -> &'static str) {
    for behaviour in &TABLE {
        let mut lab = Lab::new(rule);
        (behaviour.program)(&mut lab);
        let seen = lab.trace.take().join(" ");
        let Behaviour { number, name, .. } = behaviour;
        assert_eq!(seen, expected(behaviour), "{number}: {name}, under {rule:?}");
    }
}

fn scheduling_inside(lab: &mut Lab) {
    let (handle, trace) = (lab.handle.clone(), lab.trace.clone());
    lab.handle.call_soon(move || {
        trace.add("a");
        handle.call_soon(trace.adder("c"));
    });
    lab.soon("b");
    lab.turn();
    lab.turn();
}

fn cancelling_queued(lab: &mut Lab) {
    // The handle of b is known only after a is queued, so a looks it up.
    let place = std::rc::Rc::new(std::cell::Cell::new(None::<loop_core::Handle>));
    let (trace, found) = (lab.trace.clone(), place.clone());
    lab.handle.call_soon(move || {
        trace.add("a");
        let b = found.take().unwrap();
        b.cancel();
        trace.add(format!("cancelled:{}", b.cancelled()));
    });
    place.set(Some(lab.soon("b")));
    lab.turn();
}

fn stopping(lab: &mut Lab) {
    let (handle, trace) = (lab.handle.clone(), lab.trace.clone());
    lab.handle.call_soon(move || {
        trace.add("a");
        handle.stop();
        handle.call_soon(trace.adder("late"));
    });
    lab.soon("b");
    lab.event_loop.run_forever().unwrap();
    lab.trace.add("|");
    lab.turn();
}

fn io_between(lab: &mut Lab) {
    let (reader, _peer) = readable(1);
    lab.handle.add_reader(&reader, lab.trace.adder("io")).unwrap();
    lab.handle.call_at(LoopTime::ORIGIN + Duration::from_secs(1), lab.trace.adder("timer"));
    lab.soon("soon");
    lab.turn();
}

fn past_deadlines(lab: &mut Lab) {
    for late in [1, 3, 2] {
        let deadline = lab.handle.time() - Duration::from_secs(late);
        lab.handle.call_at(deadline, lab.trace.adder(format!("-{late}")));
    }
    lab.turn();
}

fn zero_delay(lab: &mut Lab) {
    lab.handle.call_later(Duration::ZERO, lab.trace.adder("later"));
    lab.soon("soon");
    lab.turn();
    lab.turn();
}

fn levels(lab: &mut Lab) {
    let (reader, _peer) = readable(3);
    let (trace, descriptor) = (lab.trace.clone(), reader.clone());
    let read_one = move || {
        let mut byte = [0];
        (&*descriptor).read_exact(&mut byte).unwrap();
        trace.add(char::from(byte[0]));
    };
    lab.handle.add_reader(&reader, read_one).unwrap();
    (0..4).for_each(|_| lab.turn());
}

fn replacing(lab: &mut Lab) {
    let (reader, _peer) = readable(1);
    lab.handle.add_reader(&reader, lab.trace.adder("first")).unwrap();
    lab.handle.add_reader(&reader, lab.trace.adder("second")).unwrap();
    lab.turn();
    lab.trace.add(lab.handle.remove_reader(&reader));
    lab.trace.add(lab.handle.remove_reader(&reader));
}

fn removing(lab: &mut Lab) {
    let (reader, _peer) = readable(1);
    lab.handle.add_reader(&reader, lab.trace.adder("reader")).unwrap();
    let (handle, trace) = (lab.handle.clone(), lab.trace.clone());
    lab.handle.call_soon(move || {
        handle.remove_reader(&reader);
        trace.add("removed");
    });
    lab.turn();
}

fn reader_first(lab: &mut Lab) {
    let (both, _peer) = readable(1);
    lab.handle.add_writer(&both, lab.trace.adder("writer")).unwrap();
    lab.handle.add_reader(&both, lab.trace.adder("reader")).unwrap();
    lab.turn();
}

fn failing(lab: &mut Lab) {
    let trace = lab.trace.clone();
    lab.handle.set_exception_handler(move |_, context| {
        assert!(context.message.contains("on purpose"), "{context}");
        assert!(context.to_string().contains("fifteen.rs"), "{context}");
        trace.add("handled");
    });
    lab.handle.call_soon(|| panic!("on purpose"));
    lab.soon("next");
    lab.turn();
}

fn aborting(lab: &mut Lab) {
    lab.handle.call_soon(|| resume_unwind(Box::new(Abort)));
    lab.soon("rest");
    let left = catch_unwind(AssertUnwindSafe(|| lab.event_loop.run_forever()));
    assert!(left.unwrap_err().is::<Abort>());
    lab.trace.add("left");
    lab.turn();
    lab.trace.add(format!("closed:{}", lab.handle.is_closed()));
}

fn submitting(lab: &mut Lab) {
    const COUNT: usize = 1_000;
    let remote = lab.handle.remote();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let began = Instant::now();
    let thread = std::thread::spawn({
        let seen = seen.clone();
        move || {
            for number in 0..COUNT {
                let seen = seen.clone();
                let submitted = remote.call_soon_threadsafe(move |handle| {
                    seen.lock().unwrap().push(number);
                    if number + 1 == COUNT {
                        handle.stop();
                    }
                });
                submitted.unwrap();
            }
        }
    });
    lab.event_loop.run_forever().unwrap();
    thread.join().unwrap();
    // A watchdog, not a measurement: without a wake-up the loop would block for ever.
    assert!(began.elapsed() < Duration::from_secs(10));
    let seen = seen.lock().unwrap();
    assert!(seen.iter().copied().eq(0..COUNT), "{} ran", seen.len());
    lab.trace.add(format!("{} in order", seen.len()));
}
