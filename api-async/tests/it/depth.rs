//! What owns its own kind, a hundred thousand deep, on a small stack.

use std::cell::Cell;
use std::future::{Future, pending};
use std::pin::Pin;
use std::process::Command;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use api_async::{CancellationToken, Shield, Task, shield, spawn, spawn_infallible};
use loop_core::{EventLoop, LoopHandle};

const DEPTH: usize = 120_000;

/// A quarter of a mebibyte: a recursion of this depth does not fit.
const STACK_BYTES: usize = 256 * 1024;

/// Runs `work` on a small stack.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let small = thread::Builder::new().stack_size(STACK_BYTES);
    small.spawn(work).unwrap().join().unwrap();
}

/// Counts the drops of those that hold it.
struct Counted(Rc<Cell<usize>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn a_deep_chain_of_tokens_is_cancelled_and_dropped() {
    on_a_small_stack(|| {
        let chain =
            |first: &CancellationToken| (0..DEPTH).fold(first.clone(), |token, _| token.child());
        let first = CancellationToken::new();
        let last = chain(&first);
        first.cancel();
        assert!(last.is_cancelled());
        drop(first);
        drop(last);
        let alone = chain(&CancellationToken::new());
        assert!(!alone.is_cancelled());
        drop(alone);
    });
}

/// The output of a task that owns the next task's handle.
#[expect(dead_code, reason = "it is there to be dropped")]
struct Owns(Option<Task<Owns>>, Counted);

/// Makes a chain of ended tasks, each the output of the next.
fn owned_outputs(event_loop: &mut EventLoop, drops: &Rc<Cell<usize>>) -> Task<Owns> {
    let handle = event_loop.handle();
    let chain = (0..DEPTH).fold(None, |before, _| {
        let owns = Owns(before, Counted(drops.clone()));
        Some(spawn_infallible(&handle, async move { owns }))
    });
    while event_loop.run_ready() > 0 {}
    chain.unwrap()
}

#[test]
fn outputs_that_own_tasks_whose_outputs_own_tasks_are_dropped() {
    on_a_small_stack(|| {
        let drops = Rc::new(Cell::new(0));
        let mut event_loop = EventLoop::new().unwrap();
        drop(owned_outputs(&mut event_loop, &drops));
        assert_eq!(drops.replace(0), DEPTH);
        let kept = owned_outputs(&mut event_loop, &drops);
        event_loop.close();
        drop(kept);
        assert_eq!(drops.get(), DEPTH);
    });
}

/// Aborts a task when it is dropped.
struct Aborts(Option<Task<()>>, #[expect(dead_code, reason = "it counts drops")] Counted);

impl Drop for Aborts {
    fn drop(&mut self) {
        self.0.iter().for_each(|task| assert!(task.abort()));
    }
}

/// Makes a chain of tasks that wait, each aborting the one before when it is dropped.
fn aborting(handle: &LoopHandle, drops: &Rc<Cell<usize>>) -> Task<()> {
    let chain = (0..DEPTH).fold(None, |before, _| {
        let aborts = Aborts(before, Counted(drops.clone()));
        Some(spawn(handle, async move {
            pending::<()>().await;
            drop(aborts);
        }))
    });
    chain.unwrap()
}

#[test]
fn tasks_that_abort_tasks_that_abort_tasks_are_aborted() {
    on_a_small_stack(|| {
        let drops = Rc::new(Cell::new(0));
        let event_loop = EventLoop::new().unwrap();
        assert!(aborting(&event_loop.handle(), &drops).abort());
        assert_eq!(drops.get(), DEPTH);
    });
}

#[test]
fn a_deep_chain_of_tasks_with_callbacks_is_aborted() {
    on_a_small_stack(|| {
        let event_loop = EventLoop::new().unwrap();
        let first = spawn(&event_loop.handle(), pending::<()>());
        let last = (0..DEPTH).fold(first, |task, _| task.on_end(|_| unreachable!("aborted")));
        assert!(last.abort());
    });
}

/// A task that holds the shield of the one before.
fn shields(handle: &LoopHandle, drops: &Rc<Cell<usize>>) -> Shield<()> {
    let chain = (0..DEPTH).fold(None, |before: Option<Shield<()>>, _| {
        let held = (before, Counted(drops.clone()));
        Some(shield(handle, Duration::ZERO, async move {
            pending::<()>().await;
            drop(held);
        }))
    });
    chain.unwrap()
}

#[test]
fn a_deep_chain_of_shields_is_dropped_with_its_loop() {
    on_a_small_stack(|| {
        let drops = Rc::new(Cell::new(0));
        let mut event_loop = EventLoop::new().unwrap();
        let last = shields(&event_loop.handle(), &drops);
        drop(last);
        event_loop.run_once().unwrap();
        event_loop.close();
        assert_eq!(drops.get(), DEPTH);
    });
}

/// The output of a task behind a shield, which owns the next shield.
#[expect(dead_code, reason = "it is there to be dropped")]
struct Shielded(Option<Shield<std::io::Result<Shielded>>>, Counted);

#[test]
fn outputs_that_own_shields_whose_outputs_own_shields_are_dropped() {
    on_a_small_stack(|| {
        let drops = Rc::new(Cell::new(0));
        let mut event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        let chain = (0..DEPTH).fold(None, |before, _| {
            let owns = Shielded(before, Counted(drops.clone()));
            Some(shield(&handle, Duration::ZERO, async move { Ok(owns) }))
        });
        while event_loop.run_ready() > 0 {}
        drop(chain);
        event_loop.close();
        assert_eq!(drops.get(), DEPTH);
    });
}

/// A future that owns a future, in plain Rust: no line of this crate takes part.
#[expect(dead_code, reason = "it is there to be dropped")]
struct Plain(Option<Pin<Box<dyn Future<Output = ()>>>>);

impl Future for Plain {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        std::task::Poll::Pending
    }
}

#[test]
#[ignore = "it ends its process; the test below runs it"]
fn plain_boxes_overflow_the_stack() {
    let deep = || (0..DEPTH).fold(Plain(None), |plain, _| Plain(Some(Box::pin(plain))));
    thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || drop(deep()))
        .unwrap()
        .join()
        .unwrap();
}

/// What is nested by value or in boxes is dropped by the compiler's own recursion, as this shows:
/// scopes within scopes and combinators within combinators are such futures, and no crate can
/// change how their fields are dropped. A task ends the recursion: spawn what is to be deep.
#[test]
fn boxes_within_boxes_overflow_the_stack_in_plain_rust_too() {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["depth::plain_boxes_overflow_the_stack", "--exact", "--ignored"])
        .output()
        .unwrap();
    assert!(!child.status.success());
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(said.contains("overflowed its stack"), "{said}");
}
