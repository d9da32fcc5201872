//! What depth, chains and fans cost, by counts: exact, on any machine.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;

use allocation_counter::measure;
use examples::Style;
use examples::demonstrations::depth::{Shape, async_await, inline, run};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use loop_core::EventLoop;

/// Allocations of a shape on a thread that has nothing to use again yet.
fn allocations(style: Style, shape: Shape) -> u64 {
    let counted = std::thread::spawn(move || {
        let mut event_loop = EventLoop::new().unwrap();
        measure(|| assert!(run(&mut event_loop, style, shape).is_ok())).count_total
    });
    counted.join().unwrap()
}

fn nested(depth: u64, suspensions: u64) -> Shape {
    Shape::Nested { depth, suspensions }
}

#[test]
fn every_style_makes_the_same_calls() {
    let mut event_loop = EventLoop::new().unwrap();
    for style in Style::WINGS {
        for size in [1, 7, 1_000] {
            let shapes = [(nested(size, 3), size), (Shape::Chain(size), size)];
            for (shape, calls) in shapes.into_iter().chain([(Shape::FanOut(size), size)]) {
                assert_eq!(run(&mut event_loop, style, shape).unwrap(), calls, "{style} {shape:?}");
            }
        }
    }
    for depth in inline::DEPTHS {
        let handle = event_loop.handle();
        let calls = inline::futures(depth, 3);
        assert_eq!(api_async::run_until_complete(&mut event_loop, calls).unwrap(), depth);
        let calls = event_loop.run_until_complete(|completer| {
            inline::callbacks(handle, depth, 3, |calls| completer.complete(calls));
        });
        assert_eq!(calls.unwrap(), depth);
    }
}

/// Allocations for a level more, a suspension more, a step more and an operation more.
#[test]
fn c32_allocations_grow_with_depth_but_not_with_suspensions() {
    let each = |style, shape: fn(u64) -> Shape| {
        let [short, long] = [512, 1_024].map(|size| allocations(style, shape(size)));
        // What a vector grows by is less than one an operation.
        ((long - short) as f64 / 512.0).round() as u64
    };
    let seen = Style::WINGS.map(|style| {
        let level = each(style, |depth| nested(depth, 1));
        let suspension = each(style, |suspensions| nested(32, suspensions));
        let step = each(style, Shape::Chain);
        let operation = each(style, Shape::FanOut);
        (style, [level, suspension, step, operation])
    });
    let pinned = [
        (Style::Callbacks, [1, 1, 1, 3]),
        (Style::Promises, [1, 0, 1, 4]),
        (Style::Async, [1, 0, 0, 2]),
    ];
    assert_eq!(seen, pinned);
}

/// Where the compiler knows what calls what, depth costs no box; a suspension of a callback does.
#[test]
fn c33_what_is_compiled_as_one_allocates_the_same_at_any_depth() {
    let count = |depth, suspensions, with_async| {
        let mut event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        let mut call = || {
            let handle = handle.clone();
            let calls = if with_async {
                let calls = inline::futures(depth, suspensions);
                api_async::run_until_complete(&mut event_loop, calls)
            } else {
                event_loop.run_until_complete(|completer| {
                    let done = |calls| completer.complete(calls);
                    inline::callbacks(handle, depth, suspensions, done);
                })
            };
            assert_eq!(calls.unwrap(), depth);
        };
        call();
        measure(call).count_total
    };
    for with_async in [false, true] {
        let counts = inline::DEPTHS.map(|depth| count(depth, 1, with_async));
        assert_eq!(counts, [counts[0]; 6]);
        let suspensions = if with_async { 0 } else { 9 };
        assert_eq!(count(32, 10, with_async), counts[5] + suspensions);
    }
}

/// Calls in calls, each of which counts how often it is entered; the innermost waits.
fn entered(depth: u64, suspensions: u64, entries: &Rc<Cell<u64>>) -> LocalBoxFuture<'static, u64> {
    if depth == 0 {
        return async_await::nested(0, suspensions).boxed_local();
    }
    let (mut deeper, entries) = (entered(depth - 1, suspensions, entries), entries.clone());
    poll_fn(move |context| {
        entries.set(entries.get() + 1);
        deeper.as_mut().poll(context)
    })
    .boxed_local()
}

/// A task is polled from its root; a callback is called where it waits.
#[test]
fn c33_a_wake_enters_every_level_of_a_task() {
    for depth in [1, 32, 1_000] {
        let mut event_loop = EventLoop::new().unwrap();
        let entries = Rc::default();
        let calls = entered(depth, 10, &entries);
        api_async::run_until_complete(&mut event_loop, calls).unwrap();
        assert_eq!(entries.get(), depth * (10 + 1));
        // With callbacks, each level runs once, when the innermost has its answer.
        let returned = run(&mut event_loop, Style::Callbacks, nested(depth, 10)).unwrap();
        assert_eq!(returned, depth);
    }
}
