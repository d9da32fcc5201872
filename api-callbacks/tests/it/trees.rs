//! Trees of wholes that are drawn at random, with parts, functions, cancels and destructors that
//! panic, cancelled at any moment, their loop closed at any moment. What is left is counted: each
//! callback is called once or reported, and all that was captured is dropped.
//!
//! `FUZZ_SECONDS=600 cargo test --release -p api-callbacks --test it -- --nocapture trees`
//! `FUZZ_SEED` runs one case again.

use std::cell::{Cell, RefCell};
use std::env;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use api_callbacks::combine::{Completion, Start, all, all_settled, any, map_limit};
use api_callbacks::combine::{race, retry, timeout};
use api_callbacks::{Composed, Operation, sleep};
use loop_core::{Abort, Backoff, Cancelled, EventLoop, LoopHandle, ManualClock};

type Done = Completion<Tracked, io::Error>;
type Part = Start<Tracked, io::Error>;

/// Random numbers, what is alive, and what the program keeps.
struct World {
    handle: LoopHandle,
    random: Cell<u64>,
    /// Whether destructors and the like may panic.
    panics: bool,
    alive: Cell<i64>,
    kept: RefCell<Vec<Done>>,
    dropped_reports: Cell<usize>,
}

/// Something captured; it counts, and it may panic when it is dropped.
struct Tracked {
    world: Rc<World>,
    panics: bool,
}

/// The callback of a tree.
struct Root {
    calls: Cell<u32>,
    /// Its start has unwound.
    unwound: Cell<bool>,
}

/// A part that the program completes some time, or when it is cancelled.
struct Kept {
    world: Rc<World>,
    done: Cell<Option<Done>>,
    on_cancel: u64,
}

impl World {
    fn below(&self, bound: u64) -> u64 {
        let mut random = self.random.get();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random.set(random);
        (random >> 16) % bound
    }

    /// Panics without a word, once in so many times.
    fn may_panic(&self, once_in: u64) {
        if self.panics && self.below(once_in) == 0 {
            match self.below(40) {
                0 => resume_unwind(Box::new(Abort)),
                _ => resume_unwind(Box::new("on purpose")),
            }
        }
    }

    fn track(self: &Rc<World>) -> Tracked {
        self.alive.set(self.alive.get() + 1);
        Tracked { world: self.clone(), panics: self.panics && self.below(12) == 0 }
    }

    /// A value: several of them in one vector would end the process if two panicked, as in plain Rust.
    fn value(self: &Rc<World>) -> Tracked {
        let mut value = self.track();
        value.panics = false;
        value
    }

    fn result(self: &Rc<World>) -> io::Result<Tracked> {
        match self.below(4) {
            0 => Err(ErrorKind::NotFound.into()),
            1 if self.below(4) == 0 => Err(Cancelled.into()),
            _ => Ok(self.value()),
        }
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.world.alive.set(self.world.alive.get() - 1);
        if self.panics && !thread::panicking() {
            resume_unwind(Box::new("a destructor"));
        }
    }
}

impl Composed for Kept {
    fn cancel(self: Rc<Self>) -> bool {
        self.world.may_panic(6);
        let Some(done) = self.done.take() else { return false };
        match self.on_cancel {
            0 => {
                self.done.set(Some(done));
                false
            }
            1 => {
                drop(done);
                true
            }
            2 => {
                // Against the rule: from inside the cancel.
                done(Err(Cancelled.into()));
                true
            }
            _ => {
                let end = move || done(Err(Cancelled.into()));
                drop(self.world.handle.try_call_soon(end));
                true
            }
        }
    }
}

fn leaf(world: &Rc<World>) -> Part {
    let (w, tracked) = (world.clone(), world.track());
    match world.below(8) {
        0 => Box::new(move |done| {
            let _held = tracked;
            w.may_panic(9);
            done(w.result());
            w.may_panic(9);
            sleep(&w.handle, Duration::from_millis(w.below(9)), |_| ())
        }),
        1 => Box::new(move |done| {
            let _held = tracked;
            w.may_panic(5);
            drop(done);
            sleep(&w.handle, Duration::ZERO, |_| ())
        }),
        2 | 3 => Box::new(move |done| {
            w.may_panic(9);
            let result = w.below(9) > 0;
            let kept = Rc::new(Kept {
                world: w.clone(),
                done: Cell::new(Some(done)),
                on_cancel: w.below(5),
            });
            let operation = Operation::composed(&kept);
            let end: Done = Box::new(move |end| {
                let _held = tracked;
                if let Some(done) = kept.done.take()
                    && result
                {
                    done(end);
                }
            });
            w.kept.borrow_mut().push(end);
            operation
        }),
        _ => Box::new(move |done| {
            let delay = Duration::from_millis(w.below(30));
            let handle = w.handle.clone();
            sleep(&handle, delay, move |slept| {
                let _held = tracked;
                w.may_panic(9);
                match w.below(12) {
                    0 => drop(done),
                    _ => done(slept.and_then(|()| w.result())),
                }
            })
        }),
    }
}

/// What a whole's callback does: hands on a value, or panics before.
fn ending<T: 'static>(
    world: &Rc<World>,
    done: Done,
) -> impl FnOnce(io::Result<T>) + use<T> + 'static {
    let (w, tracked) = (world.clone(), world.track());
    move |end| {
        let _held = tracked;
        w.may_panic(12);
        let value = end.map(|values| {
            drop(values);
            w.value()
        });
        done(value);
        w.may_panic(20);
    }
}

fn tree(world: &Rc<World>, depth: u64) -> Part {
    if depth == 0 || world.below(4) == 0 {
        return leaf(world);
    }
    let parts: Vec<Part> = (0..1 + world.below(3)).map(|_| tree(world, depth - 1)).collect();
    let (w, kind, millis) = (world.clone(), world.below(8), world.below(40));
    let tracked = world.track();
    Box::new(move |done| {
        let h = w.handle.clone();
        let mut parts = parts;
        match kind {
            0 => all(&h, parts, ending(&w, done)),
            1 => {
                let end = ending(&w, done);
                all_settled(&h, parts, move |results| end(Ok(results)))
            }
            2 => {
                let end = ending(&w, done);
                any(&h, parts, move |first| end(first.map_err(|_| ErrorKind::NotFound.into())))
            }
            3 => race(&h, parts, ending(&w, done)),
            4 => {
                let limit = Duration::from_millis(millis);
                timeout(&h, limit, parts.pop().expect("there is a part"), ending(&w, done))
            }
            5 | 6 => {
                let (of_f, end) = (w.clone(), ending(&w, done));
                let f = move |part: Part, done| {
                    let _held = &tracked;
                    of_f.may_panic(12);
                    part(done)
                };
                map_limit(&h, parts, 1 + kind as usize % 2, f, end)
            }
            _ => {
                let (of_f, end) = (w.clone(), ending(&w, done));
                let f = move |done| {
                    let _held = &tracked;
                    of_f.may_panic(12);
                    tree(&of_f, depth - 1)(done)
                };
                retry(&h, Backoff::default(), f, end)
            }
        }
    })
}

/// Starts a tree, and returns its callback's record and what cancels it.
fn start(world: &Rc<World>) -> (Rc<Root>, Option<Operation>) {
    let root = Rc::new(Root { calls: Cell::new(0), unwound: Cell::new(false) });
    let (heard, tracked) = (root.clone(), world.track());
    let depth = world.below(5);
    let part = tree(world, depth);
    let done: Done = Box::new(move |_| {
        let _held = tracked;
        heard.calls.set(heard.calls.get() + 1);
    });
    // Inside a whole, so that the completion is one that is reported.
    let operation = catch_unwind(AssertUnwindSafe(|| race(&world.handle, [part], done))).ok();
    root.unwound.set(operation.is_none());
    assert_eq!(root.calls.get(), 0, "nothing calls back before its operation returned");
    (root, operation)
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

fn run_case(seed: u64) -> usize {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let handle = event_loop.handle();
    let random = Cell::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let world = Rc::new(World {
        handle: handle.clone(),
        random,
        panics: !seed.is_multiple_of(4),
        alive: Cell::new(0),
        kept: RefCell::default(),
        dropped_reports: Cell::new(0),
    });
    let told = Rc::downgrade(&world);
    handle.set_exception_handler(move |_, context| {
        if let Some(world) = told.upgrade()
            && context.message.contains("dropped uncalled")
        {
            world.dropped_reports.set(world.dropped_reports.get() + 1);
        }
    });
    let mut roots = Vec::new();
    for _ in 0..world.below(40) {
        match world.below(10) {
            0..3 => roots.push(start(&world)),
            3 if !roots.is_empty() => {
                let which = world.below(roots.len() as u64) as usize;
                let cancel = || roots[which].1.as_ref().is_some_and(Operation::cancel);
                assert!(catch_unwind(AssertUnwindSafe(cancel)).is_ok(), "a whole's cancel unwinds");
            }
            4 | 5 => end_one(&world),
            6 => clock.advance(Duration::from_millis(world.below(20))),
            _ => turn(&mut event_loop, &world),
        }
    }
    if world.below(2) == 0 {
        settle_all(&mut event_loop, &clock, &world, &roots);
    }
    event_loop.close();
    // What is dropped from here on, a closed loop's default handler is told.
    let silent = |(root, _): &&(Rc<Root>, _)| {
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
    for (root, _) in &roots {
        assert!(root.calls.get() <= 1, "called {} times", root.calls.get());
        assert!(!root.unwound.get() || root.calls.get() == 0, "called though its start unwound");
        assert_eq!(Rc::strong_count(root), 1);
    }
    roots.len()
}

/// Ends all that is pending; every whole comes to its end then, while the loop is open.
fn settle_all(
    event_loop: &mut EventLoop,
    clock: &ManualClock,
    world: &Rc<World>,
    roots: &[(Rc<Root>, Option<Operation>)],
) {
    for _ in 0..100_000 {
        end_one(world);
        turn(event_loop, world);
        let snapshot = world.handle.snapshot();
        let idle = world.kept.borrow().is_empty() && snapshot.ready.is_empty();
        match snapshot.timed.first() {
            Some(next) if idle => clock.advance(next.deadline.saturating_sub(clock.time())),
            None if idle => {
                assert_eq!(world.alive.get(), 0, "what was captured is alive, and nothing pends");
                for (root, _) in roots {
                    assert_eq!(Rc::strong_count(root), 1, "a callback waits for nothing");
                }
                return;
            }
            _ => {}
        }
    }
    panic!("it does not end");
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
