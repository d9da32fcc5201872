//! Random task trees: whatever panics, is dropped, aborted or closed, and whenever, nothing is left,
//! nothing is polled after its end, and each failure is told once.
//!
//! A program spawns trees of tasks, scopes, shields, tokens, combinators and sleeps on a clock of its
//! own; futures, functions, destructors, wakers and payloads panic; handles are joined, dropped,
//! aborted or polled by a foreign waker; and the loop is closed at any moment. A ledger then counts what
//! is alive, which slots of tasks are used again, and how often each failure was told: a panic once to the exception handler, an error
//! there or by the join.
//!
//! The short form runs fixed seeds, so that it never fails at random. `FUZZ_SECONDS=3600` draws fresh
//! programs for so long, from a seed that it prints; `FUZZ_SEED=n` runs the one program that a failure has named:
//!
//! ```text
//! FUZZ_SECONDS=600 cargo test --release -p api-async --test it fuzz -- --nocapture
//! ```
//!
//! A destructor panics only where its thread does not unwind already: there the process aborts, in
//! plain Rust as here, unless a catch stands in between (`rust_s_own`).

mod branches;
mod ledger;
mod rust_s_own;
mod tree;

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::pin::Pin;
use std::process::Command;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use api_async::{Task, tasks};
use fastrand::Rng;
use loop_core::{EventLoop, LoopHandle, ManualClock};

use ledger::{Fallen, Held, Ledger};
use tree::Ground;

/// How many programs of fixed seeds the short form runs.
const FIXED_PROGRAMS: u32 = 4_000;

/// No program runs longer, unless it hangs.
const PROGRAM_SECONDS_MAX: u64 = 30;

/// The program that runs, for the report if it hangs.
static PRESENT: AtomicU64 = AtomicU64::new(0);

#[test]
fn random_task_trees_leave_nothing_and_tell_each_failure_once() {
    // In a process of its own, since the panics are not to be printed.
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["fuzz::programs", "--exact", "--ignored", "--nocapture"])
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    println!("{said}");
    assert!(child.status.success(), "{said}\n{}", String::from_utf8_lossy(&child.stderr));
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "it is run by the test above"]
fn programs() {
    watch_for_hangs();
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    if let Some(seed) = number("FUZZ_SEED") {
        return check(seed, true);
    }
    set_hook(Box::new(|_| ()));
    let Some(seconds) = number("FUZZ_SECONDS") else {
        return (0..FIXED_PROGRAMS).for_each(|n| check(u64::from(n), false));
    };
    let fresh = fastrand::u64(..);
    println!("fresh programs from seed {fresh}");
    let (mut seeds, mut count) = (Rng::with_seed(fresh), 0_u64);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds) {
        check(seeds.u64(..), false);
        count += 1;
    }
    println!("{count} fresh programs");
}

/// Ends the process when one program takes too long, and names it.
fn watch_for_hangs() {
    thread::spawn(|| {
        let mut last = (0, Instant::now());
        loop {
            thread::sleep(Duration::from_secs(1));
            let present = PRESENT.load(Ordering::Relaxed);
            if present != last.0 {
                last = (present, Instant::now());
            } else if last.1.elapsed() > Duration::from_secs(PROGRAM_SECONDS_MAX) {
                println!("FUZZ_SEED={present} hangs");
                std::process::exit(101);
            }
        }
    });
}

/// Runs one program, and ends the process when it has broken a rule.
fn check(seed: u64, aloud: bool) {
    PRESENT.store(seed, Ordering::Relaxed);
    let faults = match catch_unwind(|| run(seed, aloud)) {
        Ok(faults) => faults,
        Err(payload) => vec![format!("unwound: {}", loop_core::panic_message(&*payload))],
    };
    if !faults.is_empty() {
        println!("FUZZ_SEED={seed} broke rules:\n{}", faults.join("\n"));
        std::process::exit(101);
    }
}

/// Runs one program, and returns which rules it has broken.
fn run(seed: u64, aloud: bool) -> Vec<String> {
    let mut random = Rng::with_seed(seed);
    let clock = ManualClock::new().autojump(Duration::ZERO);
    let mut event_loop = EventLoop::with_clock(clock).unwrap();
    let handle = event_loop.handle();
    let ledger = Ledger::new(random.u8(..) < 128, aloud);
    let hears = ledger.clone();
    handle.set_exception_handler(move |_, context| hears.reported(&context.message));
    let ground = Ground::new(&handle, &ledger, random.fork());
    for _ in 0..random.usize(1..4) {
        ground.spawn_tree(4);
    }
    for _ in 0..random.usize(..120) {
        act(&ground, &mut random);
        if random.bool() {
            event_loop.run_ready();
        } else {
            // A timer, so that a turn does not wait for ever.
            handle.call_later(Duration::from_millis(random.u64(1..9)), || ());
            event_loop.run_once().unwrap();
        }
    }
    if random.bool() {
        drop(ground.take_handles().into_iter().map(contained).collect::<Vec<_>>());
    }
    let lost_slots = ground.lost_slots();
    event_loop.close();
    ledger.close();
    ground.take_handles().into_iter().for_each(|mut task| join(&ledger, &mut task));
    ground.end();
    drop(ground);
    let mut faults = ledger.faults();
    if lost_slots > 0 {
        faults.push(format!("{lost_slots} slots of tasks that have ended are not used again"));
    }
    faults.extend(left_on(&handle));
    drop((event_loop, handle));
    if Rc::strong_count(&ledger) > 1 {
        faults.push(format!("{} hold the ledger", Rc::strong_count(&ledger) - 1));
    }
    faults
}

/// Says what is left on a loop that is closed.
fn left_on(handle: &LoopHandle) -> Vec<String> {
    let (left, tasks) = (handle.snapshot(), tasks(handle));
    let mut faults = Vec::new();
    if !(left.ready.is_empty() && left.parked.is_empty() && left.timed.is_empty()) {
        faults.push(format!("left on the loop: {left}"));
    }
    if !tasks.is_empty() {
        faults.push(format!("tasks are left: {tasks:?}"));
    }
    faults
}

/// Does something to a task from outside.
fn act(ground: &Rc<Ground>, random: &mut Rng) {
    if random.u8(..) < 20 {
        ground.spawn_tree(3);
    }
    let Some(mut task) = ground.draw_handle() else { return };
    match random.u8(..6) {
        0 => drop(contained(task)),
        1 => {
            task.abort();
            ground.keep(task);
        }
        2 | 3 => {
            let waker = ground.ledger.waker(random.u8(..) < 90);
            let joined = Pin::new(&mut task).poll(&mut Context::from_waker(&waker));
            ground.ledger.waker_left(waker);
            match joined {
                Poll::Ready(joined) => ground.ledger.joined(joined),
                Poll::Pending => ground.keep(task),
            }
        }
        _ => ground.keep(task),
    }
}

/// Drops a handle; nothing may come of that but a report.
fn contained<T>(task: T) -> bool {
    catch_unwind(AssertUnwindSafe(|| drop(task))).is_ok()
}

/// Joins a task that has ended, when its loop is closed.
fn join(ledger: &Rc<Ledger>, task: &mut Task<Result<Held, Fallen>>) {
    match Pin::new(task).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(joined) => ledger.joined(joined),
        Poll::Pending => panic!("a task goes on behind its loop"),
    }
}
