//! Random promise trees: whatever happens to them, nothing stays and nothing is told twice.
//!
//! A program of some dozens of steps makes promises, chains, groups, shared promises, tokens and
//! bridges, settles, cancels and drops them at any moment, and closes the loop at any moment. Handlers,
//! clones and destructors panic now and then. When everything that the program holds is dropped, then
//! - no value, no handler and no node is alive (a node keeps the loop, and what the loop keeps is
//!   counted too);
//! - each rejection was reported at most once by each promise that had it: once, but for branches of one
//!   shared promise (`fuzz/branches.rs`);
//! - each panic was reported once, unless the program has asked for it with `catch_panics`;
//! - no call of the program has unwound.
//!
//! A handler runs at most once by its type, `FnOnce`. A destructor here does not panic while another
//! panic unwinds, and a handler drops what it holds before it makes its result: two panics in one
//! aggregate end the process, and a panic behind a result leaks it. Both are Rust's own; `fuzz/rust.rs`
//! shows them.
//!
//! The short form runs the programs of fixed seeds, so that it never fails at random; a failure names its
//! seed. By hand, for as long as you like, from a seed of your own, or the one program of a seed:
//! ```text
//! FUZZ_SECONDS=600 cargo test --release -p api-promises --test it -- random_promise_trees --nocapture
//! FUZZ_SECONDS=600 FUZZ_SEED=123 cargo test --release -p api-promises --test it -- random_promise_trees
//! FUZZ_SEED=123 cargo test -p api-promises --test it -- random_promise_trees --nocapture
//! ```

mod branches;
mod handlers;
mod making;
mod program;
mod rust;
mod steps;
mod values;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use program::{Ended, Report, run};

/// How many programs of fixed seeds the short form runs.
const FIXED_PROGRAMS: u64 = 3_000;

#[test]
fn random_promise_trees_leave_nothing_and_report_once() {
    let (seed, seconds) = (number("FUZZ_SEED"), number("FUZZ_SECONDS"));
    if let (Some(seed), None) = (seed, seconds) {
        return check(seed);
    }
    // Drawn before a program seeds the generator of this thread.
    let first = seed.unwrap_or_else(|| fastrand::u64(..) >> 1);
    (0..FIXED_PROGRAMS).for_each(check);
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(0));
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
    let Ended { alive, reports, raised, catches, branches_max } = ended;
    assert_eq!(alive, 0, "FUZZ_SEED={seed}: something is left");
    let mut told = HashMap::<&str, Vec<&Report>>::new();
    for report in &reports {
        ids(&report.message).for_each(|id| told.entry(id).or_default().push(report));
    }
    for (id, tellers) in &told {
        let times = tellers.len();
        let caught = catches && id.starts_with('!');
        let of_branches = tellers.iter().all(|report| report.of_branch) && times <= branches_max;
        assert!(
            times == 1 || caught || of_branches,
            "FUZZ_SEED={seed}: {id} is told {times} times: {reports:#?}"
        );
    }
    for id in raised.iter().filter(|_| !catches) {
        assert!(told.contains_key(id.as_str()), "FUZZ_SEED={seed}: {id} is not told: {reports:#?}");
    }
}

/// Finds the names of reasons (`?7.`) and of panics (`!7.`) in a report. An aggregate of failures that are
/// not all known repeats the panics among them.
fn ids(report: &str) -> impl Iterator<Item = &str> {
    let repeats = report.split_once("AggregateError { errors: [").is_some_and(|(_, errors)| {
        errors.split(", ").any(|error| !error.starts_with("the handler panicked: "))
    });
    let starts: &[char] = if repeats { &['?'] } else { &['?', '!'] };
    report.match_indices(starts).filter_map(|(start, _)| {
        let name = &report[start..];
        let end = name[1..].find(|c: char| !c.is_ascii_digit())? + 1;
        (end > 1 && name[end..].starts_with('.')).then_some(&name[..end])
    })
}
