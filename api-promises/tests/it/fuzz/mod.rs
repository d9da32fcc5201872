//! Random promise trees: whatever happens to them, nothing stays and nothing is told twice.
//!
//! A program of some dozens of steps makes promises, chains, groups, shared promises, tokens and
//! doors, settles, cancels and drops them at any moment, and closes the loop at any moment. Handlers,
//! clones and destructors panic now and then. When everything that the program holds is dropped, then
//! - no value, no handler and no node is alive (a node keeps the loop, and what the loop keeps is
//!   counted too);
//! - each rejection and each panic was reported at most once, and each panic at least once, unless the
//!   program has asked for it with `catch_panics`;
//! - no call of the program has unwound.
//!
//! A handler runs at most once by its type, `FnOnce`. A destructor here does not panic while another
//! panic unwinds, and a handler drops what it holds before it makes its result: two panics in one
//! aggregate end the process, and a panic behind a result leaks it. Both are Rust's own; `fuzz/rust.rs`
//! shows them.
//!
//! The short form runs a fixed seed and a fresh one, which it prints. By hand, for as long as you like:
//! ```text
//! FUZZ_SECONDS=600 cargo test --release -p api-promises --test it -- random_promise_trees --nocapture
//! FUZZ_SEED=123 cargo test -p api-promises --test it -- random_promise_trees --nocapture
//! ```
//! The second runs the one program of that seed.

mod program;
mod rust;
mod values;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use program::{Ended, run};

/// How many programs the fixed seed draws in the short form.
const FIXED_PROGRAMS: u64 = 1_500;

/// How long the fresh seed draws in the short form.
const FRESH: Duration = Duration::from_secs(5);

#[test]
fn random_promise_trees_leave_nothing_and_report_once() {
    if let Some(seed) = number("FUZZ_SEED") {
        return check(seed);
    }
    // Drawn before a program seeds the generator of this thread.
    let first = fastrand::u64(..) >> 1;
    (0..FIXED_PROGRAMS).for_each(check);
    let time = number("FUZZ_SECONDS").map_or(FRESH, Duration::from_secs);
    let end = Instant::now() + time;
    println!("programs from FUZZ_SEED={first}");
    let mut programs = 0;
    while Instant::now() < end {
        check(first + programs);
        programs += 1;
    }
    println!("{programs} programs");
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// Runs the program of a seed, and checks what is left.
fn check(seed: u64) {
    let ended = catch_unwind(AssertUnwindSafe(|| run(seed)));
    let Ok(ended) = ended else { panic!("FUZZ_SEED={seed}: a call has unwound") };
    let Ended { alive, reports, raised, catches } = ended;
    assert_eq!(alive, 0, "FUZZ_SEED={seed}: something is left");
    let mut told = HashMap::<&str, u32>::new();
    for id in reports.iter().flat_map(|report| ids(report)) {
        *told.entry(id).or_default() += 1;
    }
    for (id, times) in &told {
        let shared = catches && id.starts_with('!');
        assert!(
            *times == 1 || shared,
            "FUZZ_SEED={seed}: {id} is told {times} times: {reports:#?}"
        );
    }
    for id in raised.iter().filter(|_| !catches) {
        assert!(told.contains_key(id.as_str()), "FUZZ_SEED={seed}: {id} is not told: {reports:#?}");
    }
}

/// Finds the names of reasons (`?7.`) and of panics (`!7.`) in a report.
fn ids(report: &str) -> impl Iterator<Item = &str> {
    report.match_indices(['?', '!']).filter_map(|(start, _)| {
        let name = &report[start..];
        let end = name[1..].find(|c: char| !c.is_ascii_digit())? + 1;
        (end > 1 && name[end..].starts_with('.')).then_some(&name[..end])
    })
}
