//! C12: what the compiler says to a wrong colour, asked of the compiler.

use std::env;
use std::fs;
use std::pin::pin;
use std::process::Command;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use examples::claims::{observed, part};
use tempfile::TempDir;

use super::trace::{Trace, lab};

/// A function that answers later, for the cases to be wrong about.
const ANSWER: &str = "pub async fn answer() -> u32 { 42 }\n";

/// A wrong colour, the code that has it, and its twin that differs in colour alone.
type Case = (&'static str, &'static str, &'static str);

/// What a caller can do wrong with a function of the other colour.
const CASES: [Case; 6] = [
    (
        "a future in the place of its value does not compile",
        "pub async fn ask() -> u32 { let value: u32 = answer(); value }",
        "pub async fn ask() -> u32 { let value: u32 = answer().await; value }",
    ),
    (
        "waiting in a plain function does not compile",
        "pub fn ask() -> u32 { answer().await }",
        "pub async fn ask() -> u32 { answer().await }",
    ),
    (
        "waiting for a plain value does not compile",
        "pub fn plain() -> u32 { 42 } pub async fn ask() -> u32 { plain().await }",
        "pub fn plain() -> u32 { 42 } pub async fn ask() -> u32 { plain() }",
    ),
    (
        "a future in the place of a callback does not compile",
        "pub fn later(_: impl FnOnce()) {} pub fn ask() { later(async {}) }",
        "pub fn later(_: impl FnOnce()) {} pub fn ask() { later(|| {}) }",
    ),
    (
        "a future that is discarded does not compile",
        "pub async fn ask() { answer(); }",
        "pub async fn ask() { answer().await; }",
    ),
    (
        "a call that blocks does not compile inside async",
        "pub async fn ask() { std::thread::sleep(std::time::Duration::from_secs(1)) }",
        "pub fn ask() { std::thread::sleep(std::time::Duration::from_secs(1)) }",
    ),
];

/// Tells whether a library of this text compiles, under the lints that its first line sets.
fn compiles(lints: &str, text: &str) -> bool {
    let folder = TempDir::new().unwrap();
    let source = folder.path().join("case.rs");
    fs::write(&source, format!("{lints}\n{ANSWER}{text}\n")).unwrap();
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata"]);
    let output = command.current_dir(folder.path()).arg(source).output().unwrap();
    output.status.success()
}

/// Asks the compiler of each case whether it refuses it, and holds that it takes the twin.
fn refused(lints: &str) -> [bool; CASES.len()] {
    CASES.map(|(name, wrong, right)| {
        assert!(compiles("", right), "{name}: the twin");
        !compiles(lints, wrong)
    })
}

/// Four wrong colours give a wrong type, and are refused. Two compile: a future that is discarded,
/// of which a warning tells, and a call that blocks, of which nothing tells.
#[test]
fn c12_of_six_wrong_colours_the_compiler_refuses_those_that_give_a_wrong_type() {
    let refused = refused("");
    observed("C12", "wrong_colours", CASES.len());
    observed("C12", "refused_by_the_compiler", refused.iter().filter(|refused| **refused).count());
    for ((name, ..), refused) in CASES.into_iter().zip(refused) {
        part("C12", name, refused);
    }
    assert_eq!(refused, [true, true, true, true, false, false]);
}

#[test]
fn where_the_warning_is_denied_a_discarded_future_is_refused_and_a_blocking_call_is_not() {
    assert_eq!(refused("#![deny(unused_must_use)]"), [true, true, true, true, true, false]);
}

/// A future that is discarded never happens. A promise that is discarded has begun, and is cancelled.
#[test]
fn what_is_discarded_never_happens() {
    let (mut event_loop, handle) = lab();
    let trace = Trace::default();
    let greet = async |trace: Trace| trace.note("greeted");
    #[allow(unused_must_use, clippy::let_underscore_future)]
    {
        greet(trace.clone());
    }
    while event_loop.run_ready() > 0 {}
    assert!(trace.take().is_empty(), "nothing awaited it");
    let polled = pin!(greet(trace.clone())).poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!((polled, trace.take()), (Poll::Ready(()), vec!["greeted"]));

    let seen = trace.clone();
    drop(api_promises::sleep(&handle, Duration::from_millis(1)).map(move |()| seen.note("slept")));
    assert!(handle.snapshot().timed.is_empty() && trace.take().is_empty());
}
