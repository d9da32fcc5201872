//! Tasks: joining, aborting, failing, and waking.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use api_async::{TaskError, run_until_complete, sleep, spawn, spawn_infallible};
use loop_core::{EventLoop, LoopHandle, RunError};

use crate::lab::yield_now;

/// Makes a loop whose reports are kept.
fn lab() -> (EventLoop, LoopHandle, Rc<RefCell<Vec<String>>>) {
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let reports = Rc::new(RefCell::new(Vec::new()));
    let seen = reports.clone();
    handle.set_exception_handler(move |_, context| {
        seen.borrow_mut().push(context.to_string());
    });
    (event_loop, handle, reports)
}

#[test]
fn a_task_is_joined_for_its_output() {
    let (mut event_loop, handle, _) = lab();
    let joined = run_until_complete(&mut event_loop, async move {
        let task = spawn_infallible(&handle, async {
            yield_now().await;
            42
        });
        task.await
    });
    assert_eq!(joined.unwrap(), Ok(42));
}

#[test]
fn tasks_run_in_the_order_of_their_spawning_and_waking() {
    let (mut event_loop, handle, _) = lab();
    let trace = Rc::new(RefCell::new(String::new()));
    for name in ['a', 'b', 'c'] {
        let trace = trace.clone();
        spawn(&handle, async move {
            for _ in 0..3 {
                trace.borrow_mut().push(name);
                yield_now().await;
            }
        })
        .detach();
    }
    while event_loop.run_ready() > 0 {}
    assert_eq!(*trace.borrow(), "abcabcabc");
}

#[test]
fn a_task_that_is_aborted_before_its_first_poll_never_runs() {
    let (mut event_loop, handle, _) = lab();
    let task = spawn(&handle, async { unreachable!("it is aborted") });
    assert!(task.abort());
    assert!(!task.abort());
    let joined: Result<Result<(), _>, _> = run_until_complete(&mut event_loop, task);
    assert_eq!(joined.unwrap(), Err(TaskError::Aborted));
}

#[test]
fn an_aborted_task_drops_what_it_holds() {
    let (mut event_loop, handle, _) = lab();
    let held = Rc::new(());
    let kept = held.clone();
    let task = spawn_infallible(&handle, async move {
        std::future::pending::<()>().await;
        drop(kept);
    });
    event_loop.run_ready();
    assert_eq!(Rc::strong_count(&held), 2);
    task.abort();
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn a_task_may_abort_itself() {
    let (mut event_loop, handle, _) = lab();
    let place = Rc::new(RefCell::new(None::<api_async::Task<()>>));
    let (own, reached) = (place.clone(), Rc::new(Cell::new(false)));
    let after = reached.clone();
    *place.borrow_mut() = Some(spawn(&handle, async move {
        assert!(own.borrow().as_ref().unwrap().abort());
        yield_now().await;
        after.set(true);
    }));
    while event_loop.run_ready() > 0 {}
    assert!(!reached.get());
    let task = place.take().unwrap();
    assert_eq!(run_until_complete(&mut event_loop, task).unwrap(), Err(TaskError::Aborted));
}

#[test]
fn a_panic_is_reported_and_reaches_who_joins() {
    let (mut event_loop, handle, reports) = lab();
    let task = spawn(&handle, async { panic!("on purpose") });
    let joined: Result<Result<(), _>, _> = run_until_complete(&mut event_loop, task);
    assert_eq!(joined.unwrap(), Err(TaskError::Panicked("on purpose".into())));
    let reports = reports.take();
    assert_eq!(reports.len(), 1);
    assert!(reports[0].contains("task.rs"), "{reports:?}");
}

#[test]
fn a_failure_that_nobody_joins_is_reported_once_with_its_place() {
    let (mut event_loop, handle, reports) = lab();
    // ANCHOR: unjoined
    spawn(&handle, async { Err::<(), _>("detached") }).detach();
    let dropped_late = spawn(&handle, async { Err::<(), _>("dropped late") });
    let joined = spawn(&handle, async { Err::<(), _>("joined") });
    event_loop.run_ready();
    drop(dropped_late);
    assert_eq!(run_until_complete(&mut event_loop, joined).unwrap(), Ok(Err("joined")));
    let reports = reports.take();
    assert_eq!(reports.len(), 2, "{reports:?}");
    // ANCHOR_END: unjoined
    for (report, name) in reports.iter().zip(["detached", "dropped late"]) {
        assert!(report.contains(name) && report.contains("task.rs"), "{report}");
    }
}

#[test]
fn a_run_whose_future_panics_is_abandoned() {
    let (mut event_loop, _, reports) = lab();
    let ran = run_until_complete(&mut event_loop, async { panic!("on purpose") });
    assert!(matches!(ran, Err::<(), _>(RunError::Abandoned)));
    assert_eq!(reports.take().len(), 1);
}

#[test]
fn a_wake_from_another_thread_ends_the_poll() {
    let (mut event_loop, handle, _) = lab();
    let done = Arc::new(AtomicBool::new(false));
    let (flag, mut thread) = (done.clone(), None);
    let waiting = poll_fn(move |cx| {
        if flag.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        let (flag, waker) = (flag.clone(), cx.waker().clone());
        thread.get_or_insert_with(|| {
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(5));
                flag.store(true, Ordering::Release);
                (0..10).for_each(|_| waker.wake_by_ref());
            })
        });
        Poll::Pending
    });
    run_until_complete(&mut event_loop, waiting).unwrap();
    assert_eq!(handle.counts().wake_writes, 1);
}

#[test]
fn many_wakes_before_a_poll_are_one() {
    let (mut event_loop, handle, _) = lab();
    let (kept, polls) = (Rc::new(RefCell::new(None::<Waker>)), Rc::new(Cell::new(0)));
    let (waker, counted) = (kept.clone(), polls.clone());
    spawn(
        &handle,
        poll_fn(move |cx| {
            counted.set(counted.get() + 1);
            *waker.borrow_mut() = Some(cx.waker().clone());
            Poll::<()>::Pending
        }),
    )
    .detach();
    event_loop.run_ready();
    (0..5).for_each(|_| kept.borrow().as_ref().unwrap().wake_by_ref());
    assert_eq!(event_loop.run_ready(), 1);
    assert_eq!(polls.get(), 2);
    assert_eq!(handle.counts().wake_writes, 0);
}

#[test]
fn a_waker_outlives_its_task_and_its_loop() {
    let (mut event_loop, handle, _) = lab();
    let kept = Rc::new(RefCell::new(None::<Waker>));
    let waker = kept.clone();
    let first = spawn(
        &handle,
        poll_fn(move |cx| {
            *waker.borrow_mut() = Some(cx.waker().clone());
            Poll::<()>::Pending
        }),
    );
    event_loop.run_ready();
    first.abort();
    // The next task takes the row of the one before, but not its wakes.
    let polls = Rc::new(Cell::new(0));
    let counted = polls.clone();
    drop(first);
    spawn(
        &handle,
        poll_fn(move |_| {
            counted.set(counted.get() + 1);
            Poll::<()>::Pending
        }),
    )
    .detach();
    event_loop.run_ready();
    let stale = kept.take().unwrap();
    stale.wake_by_ref();
    event_loop.run_ready();
    assert_eq!(polls.get(), 1);
    drop(event_loop);
    stale.wake();
}

#[test]
fn closing_drops_tasks_and_refuses_new_ones() {
    let (mut event_loop, handle, _) = lab();
    let held = Rc::new(());
    let (kept, again) = (held.clone(), handle.clone());
    /// Spawns when it is dropped, as careless destructors do.
    struct Spawns(LoopHandle, Rc<()>);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let kept = self.1.clone();
            spawn(&self.0, async move { drop(kept) }).detach();
        }
    }
    spawn(&handle, async move {
        let _spawns = Spawns(again, kept);
        std::future::pending::<()>().await;
    })
    .detach();
    event_loop.run_ready();
    event_loop.close();
    assert_eq!(Rc::strong_count(&held), 1);
    drop(event_loop);
}

#[test]
fn two_loops_on_one_thread_keep_their_tasks_apart() {
    let (mut one, handle_one, _) = lab();
    let (mut two, handle_two, _) = lab();
    let ran = Rc::new(Cell::new(0));
    for (handle, number) in [(&handle_one, 1), (&handle_two, 10)] {
        let ran = ran.clone();
        spawn(handle, async move {
            yield_now().await;
            ran.set(ran.get() + number);
        })
        .detach();
    }
    while two.run_ready() > 0 {}
    assert_eq!(ran.get(), 10);
    while one.run_ready() > 0 {}
    assert_eq!(ran.get(), 11);
}

#[test]
fn a_spawned_task_costs_one_row_again_and_again() {
    let (mut event_loop, handle, _) = lab();
    run_until_complete(&mut event_loop, async move {
        for _ in 0..10_000 {
            spawn(&handle, async { yield_now().await }).await.unwrap();
        }
        sleep(&handle, Duration::ZERO).await;
    })
    .unwrap();
}
