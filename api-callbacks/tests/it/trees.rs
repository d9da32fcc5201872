//! Trees of wholes that are drawn at random, with parts, functions, cancels and destructors that
//! panic, cancelled at any moment, their loop closed at any moment. What is left is counted: each
//! callback is called once or reported, and all that was captured is dropped. A tree that is cancelled,
//! or has called back, has reached each of its parts that was pending: their timers are gone at once.
//!
//! `FUZZ_SECONDS=600 cargo test --release -p api-callbacks --test it -- --nocapture trees`
//! `FUZZ_SEED` runs one case again.

mod branches;
mod world;

use std::cell::Cell;
use std::env;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use api_callbacks::Operation;
use api_callbacks::combine::race;
use loop_core::{Cancelled, EventLoop, ManualClock};

use branches::tree;
use world::{Done, Tree, World};

/// The callback of a tree.
struct Root {
    calls: Cell<u32>,
    /// Its start has unwound.
    unwound: Cell<bool>,
}

/// A tree that was begun: its callback's record, its parts, and what cancels it.
struct Begun {
    root: Rc<Root>,
    tree: Rc<Tree>,
    operation: Option<Operation>,
}

#[test]
fn trees_of_wholes_lose_nothing_whatever_panics_and_whenever_they_are_cancelled_or_closed() {
    let of_env = |name: &str| env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    if let Some(seed) = of_env("FUZZ_SEED") {
        run_case(seed);
        return;
    }
    let limit = Duration::from_secs(of_env("FUZZ_SECONDS").unwrap_or(10));
    let (begun, mut trees, mut seed) = (Instant::now(), 0, of_env("FUZZ_FIRST").unwrap_or(1));
    while begun.elapsed() < limit {
        match catch_unwind(|| run_case(seed)) {
            Ok(count) => trees += count,
            Err(payload) => {
                let message = loop_core::panic_message(&*payload).to_owned();
                panic!("FUZZ_SEED={seed}: {message}");
            }
        }
        seed += 1;
    }
    println!("{trees} trees in {seed} cases");
}

/// Runs one case, and returns how many trees it began.
fn run_case(seed: u64) -> usize {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let handle = event_loop.handle();
    let world = World::new(&handle, seed);
    let mut roots = Vec::new();
    for _ in 0..world.below(40) {
        act(&mut event_loop, &clock, &world, &mut roots);
        look_at_ended(&world, &roots);
    }
    if world.below(2) == 0 {
        settle_all(&mut event_loop, &clock, &world, &roots);
    }
    event_loop.close();
    look_at_ended(&world, &roots);
    // What is dropped from here on, a closed loop's default handler is told.
    let silent = |Begun { root, .. }: &&Begun| {
        root.calls.get() == 0 && !root.unwound.get() && Rc::strong_count(root) == 1
    };
    let silent = roots.iter().filter(silent).count();
    assert!(silent <= world.dropped_reports.get(), "{silent} callbacks are lost in silence");
    while !world.kept.borrow().is_empty() {
        end_one(&world);
    }
    let snapshot = handle.snapshot();
    assert!(snapshot.timed.is_empty() && snapshot.ready.is_empty(), "{snapshot}");
    assert_eq!(world.alive.get(), 0, "what was captured is alive");
    assert_eq!(world.missed.take(), [""; 0], "parts that no cancel has reached");
    for Begun { root, .. } in &roots {
        assert!(root.calls.get() <= 1, "called {} times", root.calls.get());
        assert!(!root.unwound.get() || root.calls.get() == 0, "called though its start unwound");
        assert_eq!(Rc::strong_count(root), 1);
    }
    roots.len()
}

/// Does one thing of what a program may do.
fn act(event_loop: &mut EventLoop, clock: &ManualClock, world: &Rc<World>, roots: &mut Vec<Begun>) {
    match world.below(10) {
        0..3 => roots.push(start(world)),
        3 if !roots.is_empty() => {
            let which = world.below(roots.len() as u64) as usize;
            let Begun { tree, operation, .. } = &roots[which];
            let cancel = || operation.as_ref().is_some_and(Operation::cancel);
            let cancelled = catch_unwind(AssertUnwindSafe(cancel));
            if cancelled.expect("a whole's cancel does not unwind") {
                world.look_for_missed("was cancelled", tree);
            }
        }
        4 | 5 => end_one(world),
        6 => clock.advance(Duration::from_millis(world.below(20))),
        _ => turn(event_loop, world),
    }
}

/// Starts a tree.
fn start(world: &Rc<World>) -> Begun {
    let root = Rc::new(Root { calls: Cell::new(0), unwound: Cell::new(false) });
    let (heard, tracked) = (root.clone(), world.track());
    let depth = world.below(5);
    let parts = Rc::new(Tree::default());
    let part = tree(world, &parts, depth);
    let done: Done = Box::new(move |_| {
        let _held = tracked;
        heard.calls.set(heard.calls.get() + 1);
    });
    // Inside a whole, so that the completion is one that is reported.
    let operation = catch_unwind(AssertUnwindSafe(|| race(&world.handle, [part], done))).ok();
    root.unwound.set(operation.is_none());
    assert_eq!(root.calls.get(), 0, "nothing calls back before its operation returned");
    Begun { root, tree: parts, operation }
}

/// Looks at the trees that have called back: nothing of them is left to be asked.
fn look_at_ended(world: &World, roots: &[Begun]) {
    for Begun { root, tree, .. } in roots {
        if root.calls.get() > 0 {
            world.look_for_missed("has called back", tree);
        }
    }
}

/// Takes a turn; an `Abort` leaves it.
fn turn(event_loop: &mut EventLoop, world: &World) {
    if !world.handle.is_closed() {
        let run = AssertUnwindSafe(|| {
            world.handle.call_soon(|| ());
            event_loop.run_once()
        });
        let _ = catch_unwind(run);
    }
}

fn end_one(world: &World) {
    let Some(done) = world.kept.borrow_mut().pop() else { return };
    let end = AssertUnwindSafe(|| match world.below(4) {
        0 => drop(done),
        1 => done(Err(ErrorKind::NotFound.into())),
        _ => done(Err(Cancelled.into())),
    });
    let _ = catch_unwind(end);
}

/// Ends all that is pending; every whole comes to its end then, while the loop is open.
fn settle_all(event_loop: &mut EventLoop, clock: &ManualClock, world: &Rc<World>, roots: &[Begun]) {
    for _ in 0..100_000 {
        end_one(world);
        turn(event_loop, world);
        look_at_ended(world, roots);
        let snapshot = world.handle.snapshot();
        let idle = world.kept.borrow().is_empty() && snapshot.ready.is_empty();
        match snapshot.timed.first() {
            Some(next) if idle => clock.advance(next.deadline - clock.time()),
            None if idle => {
                assert_eq!(world.alive.get(), 0, "what was captured is alive, and nothing pends");
                for Begun { root, .. } in roots {
                    assert_eq!(Rc::strong_count(root), 1, "a callback waits for nothing");
                }
                return;
            }
            _ => {}
        }
    }
    panic!("it does not end");
}
