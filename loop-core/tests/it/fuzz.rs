//! Random loop programs: whatever is scheduled, watched, parked, cancelled and closed in whatever order,
//! with callbacks, handlers, wakers and destructors that panic or abort, nothing is lost and nothing left.
//!
//! Held against each program: what joins the ready queue runs in the order of its coming; nothing but an
//! `Abort` leaves a run; after the program each way to be called still works; after the close every
//! closure, waker and payload is dropped and nothing is ready, parked or timed.
//!
//! Four hundred fixed seeds run always, so that a test never fails at random; fresh ones, from a base that
//! is printed, for as many seconds as are asked for. The programs run in a process of their own, since the
//! fault may be that it aborts; a failure prints the seed. The long form, and one seed alone:
//!
//! ```console
//! FUZZ_SECONDS=3600 cargo test -p loop-core --test it -- --nocapture fuzz
//! FUZZ_SEED=42 cargo test -p loop-core --test it -- --nocapture fuzz
//! ```

mod acts;
mod world;

use std::env;
use std::io::Read;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use loop_core::panic_message;

use self::world::World;

/// How many seeds are the same in each run.
const FIXED: u64 = 400;

/// How much longer than that the child may take.
const GRACE: Duration = Duration::from_secs(100);

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn random_programs_lose_nothing_and_leave_nothing() {
    let seconds = number("FUZZ_SECONDS").unwrap_or(0);
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "fuzz::programs", "--ignored", "--nocapture"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        // The end is what matters: of what went well there is much.
        let (mut end, mut bytes) = (Vec::new(), [0; 4_096]);
        while let Ok(count @ 1..) = stdout.read(&mut bytes) {
            end.extend_from_slice(&bytes[..count]);
            end.drain(..end.len().saturating_sub(8_192));
        }
        String::from_utf8_lossy(&end).into_owned()
    });
    let limit = Instant::now() + Duration::from_secs(seconds) + GRACE;
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if Instant::now() > limit => break None,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    if status.is_none() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let said = reader.join().unwrap();
    let last = said.lines().rev().take(12).collect::<Vec<_>>();
    let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
    println!("{last}");
    match status {
        None => panic!("a program does not end; the last seed is its\n{last}"),
        Some(status) => assert!(status.success(), "{status}\n{last}"),
    }
}

#[test]
#[ignore = "a process of its own for another test"]
fn programs() {
    if let Some(seed) = number("FUZZ_SEED") {
        return run(seed);
    }
    panic::set_hook(Box::new(|_| ()));
    let seconds = number("FUZZ_SECONDS").unwrap_or(0);
    let end = Instant::now() + Duration::from_secs(seconds);
    (0..FIXED).for_each(run);
    let base = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let fresh = (base..).take_while(|_| Instant::now() < end);
    let fresh = fresh.inspect(|seed| run(*seed)).count();
    println!("{FIXED} fixed programs and {fresh} fresh ones from {base} lost and left nothing");
}

/// Runs the program of a seed.
fn run(seed: u64) {
    // Said before, since the process may not live to say it after.
    println!("seed {seed}");
    let outcome = catch_unwind(AssertUnwindSafe(|| World::run(seed)));
    if let Err(payload) = outcome {
        println!("seed {seed}: {}", panic_message(&*payload));
        std::process::exit(1);
    }
}
