//! The bridges: callbacks as futures, tasks as callbacks, threads, names, the traits of `futures`.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use api_async::{
    Resume, Spawner, TaskError, offload, resolve, run_until_complete, spawn, spawn_blocking,
    spawn_infallible, suspend,
};
use futures::task::{LocalSpawn, LocalSpawnExt};
use loop_core::{EventLoop, is_cancelled};

#[test]
fn a_callback_s_operation_is_a_future_that_starts_when_it_is_polled() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let started = Rc::new(Cell::new(false));
    let (seen, timers) = (started.clone(), handle.clone());
    let waiting = suspend(move |resume| {
        seen.set(true);
        timers.call_later(Duration::from_millis(1), || resume.with("done"))
    });
    assert!(!started.get());
    assert_eq!(run_until_complete(&mut event_loop, waiting).unwrap().unwrap(), "done");
}

#[test]
fn a_resume_that_is_dropped_cancels_and_one_that_comes_too_late_does_nothing() {
    let mut event_loop = EventLoop::new().unwrap();
    let waiting = suspend(|resume: Resume<()>| drop(resume));
    assert!(is_cancelled(&run_until_complete(&mut event_loop, waiting).unwrap().unwrap_err()));
    let kept = Rc::new(RefCell::new(None));
    let keeps = kept.clone();
    let task = spawn(&event_loop.handle(), suspend(move |resume| keeps.replace(Some(resume))));
    event_loop.run_ready();
    task.abort();
    kept.take().unwrap().with(());
}

#[test]
fn a_guard_takes_the_cancellation_across() {
    struct Cancels(loop_core::Handle);
    impl Drop for Cancels {
        fn drop(&mut self) {
            self.0.cancel();
        }
    }
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let timers = handle.clone();
    let task = spawn(
        &handle,
        suspend(move |resume| {
            Cancels(timers.call_later(Duration::from_secs(60), || resume.with(())))
        }),
    );
    event_loop.run_ready();
    assert_eq!(handle.snapshot().timed.len(), 1);
    task.abort();
    assert!(handle.snapshot().timed.is_empty());
}

#[test]
fn a_task_s_end_reaches_a_callback_from_the_queue() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let ends = Rc::new(RefCell::new(Vec::new()));
    let (first, second) = (ends.clone(), ends.clone());
    spawn_infallible(&handle, async { 1 }).on_end(move |end| first.borrow_mut().push(end)).detach();
    let aborted = spawn_infallible(&handle, async { 2 });
    aborted.abort();
    aborted.on_end(move |end| second.borrow_mut().push(end)).detach();
    assert!(ends.borrow().is_empty(), "nothing calls back before its operation returned");
    while event_loop.run_ready() > 0 {}
    assert_eq!(*ends.borrow(), [Ok(1), Err(TaskError::Aborted)]);
}

#[test]
fn aborting_who_calls_back_aborts_the_task() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let held = Rc::new(());
    let kept = held.clone();
    let task = spawn(&handle, async move {
        std::future::pending::<()>().await;
        drop(kept);
    });
    let calls_back = task.on_end(|_| panic!("it is aborted"));
    event_loop.run_ready();
    calls_back.abort();
    while event_loop.run_ready() > 0 {}
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn blocking_work_is_done_elsewhere() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let here = std::thread::current().id();
    run_until_complete(&mut event_loop, async move {
        let there = offload(&handle, || std::thread::current().id()).await.unwrap();
        assert_ne!(here, there);
        let task = spawn_blocking(&handle, || 42);
        assert_eq!(task.await.unwrap().unwrap(), 42);
        let panicked: io::Result<()> = offload(&handle, || panic!("on purpose")).await;
        let error = panicked.unwrap_err();
        assert!(error.to_string().contains("on purpose"), "{error}");
    })
    .unwrap();
}

#[test]
fn a_name_is_looked_up_off_the_loop() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let found = async move { resolve(&handle, "127.0.0.1", 80).await };
    let found = run_until_complete(&mut event_loop, found).unwrap().unwrap();
    assert_eq!(found, ["127.0.0.1:80".parse::<SocketAddr>().unwrap()]);
}

#[test]
fn a_name_that_cannot_be_one_is_an_error() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let found = async move { resolve(&handle, "no such name\0", 80).await };
    run_until_complete(&mut event_loop, found).unwrap().unwrap_err();
}

#[test]
fn code_that_knows_only_futures_spawns_on_the_loop() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let spawner = Spawner::new(&handle);
    let task = spawner.spawn_local_with_handle(async { 7 }).unwrap();
    assert_eq!(run_until_complete(&mut event_loop, task).unwrap(), 7);
    event_loop.close();
    assert!(spawner.status_local().unwrap_err().is_shutdown());
    assert!(spawner.spawn_local(async {}).unwrap_err().is_shutdown());
}

#[test]
fn an_executor_that_refuses_says_why() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let error = run_until_complete(&mut event_loop, async move {
        let ended = |resume: api_async::Resume<()>| {
            handle.shutdown_default_executor(Duration::from_secs(1), |_| resume.with(()));
        };
        api_async::suspend(ended).await.unwrap();
        let resolved = api_async::resolve(&handle, "localhost", 80).await.unwrap_err();
        assert!(resolved.to_string().contains("shut down"), "{resolved}");
        offload(&handle, || ()).await.unwrap_err()
    });
    let error = error.unwrap();
    assert!(error.to_string().contains("the executor is shut down"), "{error}");
}
