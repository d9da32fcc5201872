//! What only a process of its own shows: its end, what it maps, what the system refuses it.

use std::hint::black_box;
use std::io;
use std::process::{Command, Output};

use examples::fibers::{self, sleep, spawn, spawn_with};
use loop_core::EventLoop;

use super::SECOND;

/// Runs an ignored test of this file by itself.
pub(super) fn alone(test: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap()
}

#[test]
fn an_overflow_ends_the_process_with_the_stack_named() {
    let output = alone("fibers::processes::overflowing");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("a fiber overflowed its stack of 16384 bytes (spawned at"), "{said}");
    assert!(said.contains("processes.rs"), "{said}");
}

fn endless(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    if black_box(depth) == u64::MAX {
        return 0;
    }
    endless(depth + 1) + frame[depth as usize % 32]
}

#[test]
#[ignore = "a process of its own for another test"]
fn overflowing() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let ran = fibers::run(&mut event_loop, move || {
        spawn_with(&handle, 16 * 1024, || Ok(endless(0))).join()
    });
    println!("{ran:?}");
}

/// The backtrace of a panic is made and printed on the stack of the fiber.
#[test]
fn a_panic_with_a_backtrace_has_room_on_a_stack() {
    let output = alone("fibers::processes::panicking");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("deep in a fiber") && said.contains("stack backtrace"), "{said}");
}

#[test]
#[ignore = "a process of its own for another test"]
fn panicking() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let joined = fibers::run(&mut event_loop, move || {
        spawn(&handle, || -> io::Result<()> { panic!("deep in a fiber") }).join()
    });
    assert!(loop_core::is_panicked(&joined.unwrap_err()));
}

#[test]
fn a_stack_is_used_again() {
    let output = alone("fibers::processes::one_after_the_other");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A stack that is mapped anew has pages that were never touched: each costs a fault.
#[test]
#[ignore = "a process of its own for another test: it counts the faults of the process"]
fn one_after_the_other() {
    let faults = || {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        stat.rsplit(')').next().unwrap().split(' ').nth(8).unwrap().parse::<usize>().unwrap()
    };
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    fibers::run(&mut event_loop, move || {
        let before = faults();
        (0..10_000).try_for_each(|_| spawn(&handle, || Ok(())).join())?;
        let taken = faults() - before;
        assert!(taken < 1_000, "{taken} faults for 10,000 fibers");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_fiber_without_room_for_its_stack_fails_and_the_others_go_on() {
    let output = alone("fibers::processes::without_room");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "a process of its own for another test"]
fn without_room() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    std::panic::set_hook(Box::new(|_| ()));
    let mut limit = getrlimit(Resource::As);
    limit.current = Some(4 << 30);
    setrlimit(Resource::As, limit).unwrap();
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let (fits, fails) = fibers::run(&mut event_loop, move || {
        let body = |handle: loop_core::LoopHandle| move || sleep(&handle, SECOND / 10);
        let fibers: Vec<_> =
            (0..20).map(|_| spawn_with(&handle, 256 << 20, body(handle.clone()))).collect();
        let (fits, fails): (Vec<_>, Vec<_>) =
            fibers.into_iter().map(|fiber| fiber.join()).partition(Result::is_ok);
        for error in &fails {
            let error = error.as_ref().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
            assert!(error.to_string().contains("no stack for a fiber"), "{error}");
        }
        Ok((fits.len(), fails.len()))
    })
    .unwrap();
    assert!(fits > 5 && fails > 2, "{fits} fit, {fails} do not");
}
