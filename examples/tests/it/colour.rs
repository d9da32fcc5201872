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
use examples::claims::{observed, part};
use loop_core::{EventLoop, LoopTime, ManualClock};

use crate::client::connect;

mod compiled;
mod shouting;
mod trace;

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

/// No keyword does not mean not blocking: a function that blocks compiles inside `async`, and while
/// it runs no other task has a turn, although ten deadlines pass. To block on the loop's own future
/// is refused.
#[test]
fn c09_a_blocking_call_inside_async_compiles_and_stalls_the_loop() {
    /// Takes 10 ms of the loop's clock, as a system call would, and gives nothing else a turn.
    fn looks_harmless(clock: &ManualClock) {
        clock.advance(Duration::from_millis(10));
    }

    let late_ticks = |blocks: bool| {
        let clock = ManualClock::new();
        let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
        let handle = event_loop.handle();
        let late = Rc::new(Cell::new(0));
        for tick in 1..=10 {
            let (timers, late) = (handle.clone(), late.clone());
            let tick = LoopTime::ORIGIN + Duration::from_millis(tick);
            handle.call_at(tick, move || {
                late.set(late.get() + u32::from(timers.time() > tick));
            });
        }
        let inside = clock.clone();
        let task = async move {
            if blocks {
                looks_harmless(&inside);
            }
        };
        api_async::spawn(&handle, task).detach();
        event_loop.run_once().unwrap();
        while clock.time().since_origin() < Duration::from_millis(11) {
            event_loop.run_once().unwrap();
            clock.advance(Duration::from_millis(1));
        }
        late.get()
    };
    let [free, blocked] = [late_ticks(false), late_ticks(true)];
    observed("C09", "deadlines", 10);
    observed("C09", "late_without_blocking", free);
    observed("C09", "late_with_blocking", blocked);
    assert!(part(
        "C09",
        "a blocking call inside async compiles and stalls the loop",
        blocked > free
    ));
    assert_eq!((free, blocked), (0, 9));

    block_on_inside_the_loop_is_refused();
}

fn block_on_inside_the_loop_is_refused() {
    let (mut event_loop, _) = lab();
    let refused = async { api_async::block_on(async { 1 }) };
    let refused = api_async::run_until_complete(&mut event_loop, refused).unwrap();
    assert!(part("C09", "`block_on` inside the loop is refused", refused.is_err()));
    assert_eq!(refused, Err(api_async::InsideLoop));
    assert_eq!(api_async::block_on(async { 1 }), Ok(1), "outside of a loop it may");
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

/// What deferring costs: one hop through the queue, which needs no poll and no system call, and one
/// allocation at most. The claim that this is dear would need more.
#[test]
fn c19_always_deferring_costs_a_hop_and_no_system_call() {
    const TIMES: u64 = 100;
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
    observed("C19", "allocations_inline", 0);
    observed("C19", "allocations_deferred", measured.count_total);
    observed("C19", "polls", after.polls - before.polls);
    assert!(part(
        "C19",
        "deferring allocates, where a plain call does not",
        measured.count_total >= TIMES
    ));
    assert!(!part("C19", "deferring needs a system call", after.polls > before.polls));
    // A few more: the queue's own room grows once.
    assert!((TIMES..TIMES + 8).contains(&measured.count_total), "{}", measured.count_total);

    let inline = allocation_counter::measure(|| (0..TIMES).for_each(|_| sum.set(sum.get() + 1)));
    assert_eq!((sum.get(), inline.count_total), (2 * TIMES, 0), "what it is compared with");
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
