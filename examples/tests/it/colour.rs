//! Is it coloured? What crosses from a style to plain code, what the compiler refuses, and when
//! things happen.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use api_callbacks::{ServerBuilder, run_blocking};
use api_promises::{Fault, Promise};
use examples::claims::{observed, part, within};
use loop_core::{EventLoop, TurnRule};

use crate::client::connect;

mod compiled;
mod later;
mod shouting;
mod trace;

use self::later::{
    DEFERRALS, eager_starts, polls_of_deferrals, what_takes_its_callback_behind_the_call,
};
use self::shouting::{say, shouting};
use self::trace::{Trace, lab};

/// Callback protocols are uncoloured: the same object answers under the loop and on a blocking socket,
/// in a thread that has no reactor. A promise needs a loop to be made at all, and a future that is
/// called like a function does nothing.
#[test]
fn c08_a_callback_protocol_is_uncoloured_and_a_future_is_not() {
    let (mut event_loop, handle) = lab();
    let any = "127.0.0.1:0".parse().unwrap();
    let server = ServerBuilder::new().serve(&handle, any, |_| shouting()).unwrap();
    let address = server.local_addr();
    let remote = handle.remote();
    let talking = thread::spawn(move || {
        let answer = say(connect(address));
        remote.call_soon_threadsafe(|handle| handle.stop()).unwrap();
        answer
    });
    event_loop.run_forever().unwrap();
    let on_the_loop = talking.join().unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = thread::spawn(move || run_blocking(listener.accept().unwrap().0, shouting()));
    let blocking = say(connect(address));
    observed("C08", "answer_bytes_on_the_loop", on_the_loop.len());
    observed("C08", "answer_bytes_blocking", blocking.len());
    let same = blocking == on_the_loop;
    assert!(part("C08", "one protocol answers alike on the loop and without one", same));
    assert_eq!(on_the_loop, b"\0\0\0\x05HELLO");
    serving.join().unwrap().unwrap();

    // A future of the loop's, polled by hand where no loop runs, stays pending: only a runner ends it.
    let (_idle, handle) = lab();
    let slept = api_async::sleep(&handle, Duration::from_millis(1));
    let mut slept = pin!(slept);
    let polled = slept.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(part("C08", "a future that nobody runs stays pending", polled.is_pending()));
}

/// A promise takes its handler after completion, and a callback must be given at the call; a future
/// differs from both, since nothing starts before it is polled. A second handler is a compile error,
/// or has to be asked for.
#[test]
fn c16_a_promise_takes_its_handler_late_and_a_future_begins_late() {
    let (mut event_loop, handle) = lab();
    let trace = Trace::default();

    // The operation has ended long before it is asked for.
    let (promise, resolver) = Promise::<_, io::Error>::with_resolvers(&handle);
    resolver.resolve(7);
    event_loop.run_ready();
    let seen = trace.clone();
    let late = promise.map(move |value| {
        seen.note("late handler");
        value
    });
    trace.note("handler given");
    let shared = late.run_until_complete(&mut event_loop).unwrap().unwrap();
    let order = trace.take();
    observed("C16", "order_of_a_late_handler", order.join(", "));
    assert!(part("C16", "a promise takes its handler after completion", shared == 7));
    assert_eq!((shared, order), (7, vec!["handler given", "late handler"]));

    // Two handlers, both late, in the order of their coming.
    let shared = Promise::<_, Fault>::resolve(&handle, 7).share();
    for name in ["first", "second"] {
        let seen = trace.clone();
        shared.promise().map(move |_| seen.note(name)).detach(drop);
    }
    assert!(trace.take().is_empty(), "not inside `map`");
    while event_loop.run_ready() > 0 {}
    assert_eq!(trace.take(), ["first", "second"]);

    what_has_begun_when_it_is_made(&mut event_loop, &trace);
    what_takes_its_callback_behind_the_call(&mut event_loop, &trace);
}

fn what_has_begun_when_it_is_made(event_loop: &mut EventLoop, trace: &Trace) {
    let handle = event_loop.handle();
    // ANCHOR: begun
    // A future: made is not begun. A promise and a callback's operation have begun when made.
    let deadlines = || handle.snapshot().timed.len();
    let future = api_async::sleep(&handle, Duration::from_millis(1));
    observed("C16", "begun_by_making_a_future", deadlines());
    assert!(part("C16", "a future does not begin before it is polled", deadlines() == 0));
    let promise = api_promises::sleep(&handle, Duration::from_millis(1));
    observed("C16", "begun_by_making_a_promise", deadlines());
    assert!(part("C16", "a promise has begun when it is made", deadlines() == 1));
    let seen = trace.clone();
    let delay = Duration::from_millis(1);
    drop(api_callbacks::sleep(&handle, delay, move |_| seen.note("callback")));
    assert_eq!(deadlines(), 2);
    // ANCHOR_END: begun
    drop((future, promise));
    while deadlines() > 0 {
        event_loop.run_once().unwrap();
    }
    assert_eq!(trace.take(), ["callback"], "dropping its operation cancels no callback");
}

/// What deferring costs: one hop through the queue, and one allocation at most. Dear is, by the
/// threshold of the claim, what takes as much as an empty system call: whether a hop waits for a poll
/// is decided by the turn rule.
#[test]
fn c19_always_deferring_costs_a_hop_and_a_system_call_where_the_turn_rule_asks_for_it() {
    const TIMES: u64 = DEFERRALS;
    let (mut event_loop, handle) = lab();
    let sum = Rc::new(Cell::new(0));
    // ANCHOR: deferred
    let before = handle.counts();
    let measured = allocation_counter::measure(|| {
        for _ in 0..TIMES {
            let sum = sum.clone();
            handle.call_soon(move || sum.set(sum.get() + 1));
            event_loop.run_ready();
        }
    });
    let after = handle.counts();
    assert_eq!(sum.get(), TIMES);
    assert_eq!(after.hops - before.hops, TIMES, "one each");
    assert_eq!(after.polls - before.polls, 0, "no system call");
    assert_eq!((after.wake_writes, after.reads, after.writes), (0, 0, 0));
    // ANCHOR_END: deferred
    observed("C19", "deferrals", TIMES);
    observed("C19", "hops", after.hops - before.hops);
    observed("C19", "allocations_deferred", measured.count_total);
    let allocates = "deferring allocates, where a plain call does not";
    assert!(part("C19", allocates, measured.count_total >= TIMES));
    // A few more: the queue's own room grows once.
    assert!((TIMES..TIMES + 8).contains(&measured.count_total), "{}", measured.count_total);

    let inline = allocation_counter::measure(|| (0..TIMES).for_each(|_| sum.set(sum.get() + 1)));
    observed("C19", "allocations_inline", inline.count_total);
    assert_eq!((sum.get(), inline.count_total), (2 * TIMES, 0), "what it is compared with");

    let [ours, theirs] = [TurnRule::default(), TurnRule::Snapshot].map(polls_of_deferrals);
    observed("C19", "polls_by_the_default_rule", ours);
    observed("C19", "polls_by_the_snapshot_rule", theirs);
    let dear = "by the default rule a deferral takes a system call";
    assert!(!within("C19", dear, ours), "{ours}");
    let dear = "by the snapshot rule a deferral takes a system call";
    assert!(within("C19", dear, theirs), "{theirs}");
}

/// Spawn breaks causality: the spawning function returns before the effect, in every style. A scope does not
/// return before it.
#[test]
fn c21_spawn_returns_before_its_effect_and_a_scope_after_it() {
    let (mut event_loop, handle) = lab();
    let trace = Trace::default();
    // ANCHOR: spawned
    let begin: [(&str, &dyn Fn(Trace)); 3] = [
        ("callbacks", &|trace| drop(handle.call_soon(move || trace.note("effect")))),
        ("promises", &|trace| {
            let begun = Promise::<_, io::Error>::resolve(&handle, ());
            begun.map(move |()| trace.note("effect")).detach(drop);
        }),
        ("async", &|trace| {
            api_async::spawn(&handle, async move { trace.note("effect") }).detach();
        }),
    ];
    for (style, begin) in begin {
        begin(trace.clone());
        trace.note("returned");
        while event_loop.run_ready() > 0 {}
        let order = trace.take();
        observed("C21", &format!("order_{style}"), order.join(", "));
        let late = order == ["returned", "effect"];
        assert!(part("C21", &format!("{style}: what spawns returns before the effect"), late));
    }
    // ANCHOR_END: spawned
    eager_starts(&mut event_loop, &trace);

    let (seen, inside) = (trace.clone(), handle.clone());
    let scoped = async move {
        let child = seen.clone();
        api_async::scope(&inside, |scope| async move {
            scope.spawn(async move {
                child.note("effect");
                Ok::<_, io::Error>(())
            });
            Ok(())
        })
        .await
        .unwrap();
        seen.note("returned");
    };
    api_async::run_until_complete(&mut event_loop, scoped).unwrap();
    let order = trace.take();
    observed("C21", "order_scope", order.join(", "));
    assert!(part("C21", "a scope returns after the effect", order == ["effect", "returned"]));
}
