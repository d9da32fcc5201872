//! Faults that were found once: tasks whose destructors panic, and what joins them.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use api_async::{Task, TaskError, run_until_complete, sleep, spawn, spawn_infallible};
use loop_core::{EventLoop, LoopHandle, RunError, TurnRule};

/// A task that others reach while it runs.
type Shared = Rc<RefCell<Option<Task<()>>>>;

/// Panics when it is dropped.
struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("a destructor on purpose");
    }
}

/// Makes a loop whose reports are counted.
fn lab() -> (EventLoop, LoopHandle, Rc<Cell<u32>>) {
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let reports = Rc::new(Cell::new(0));
    let seen = reports.clone();
    handle.set_exception_handler(move |_, _| seen.set(seen.get() + 1));
    (event_loop, handle, reports)
}

/// Is pending for ever, and panics when it is dropped.
async fn panics_when_dropped() {
    let _panics = Panics;
    pending().await
}

/// Joins a task in a task of its own, and says when it has ended without an output.
fn join(handle: &LoopHandle, task: &Shared) -> Rc<Cell<bool>> {
    let (task, ended) = (task.clone(), Rc::new(Cell::new(false)));
    let seen = ended.clone();
    spawn(handle, async move {
        let joined = poll_fn(|cx| Pin::new(task.borrow_mut().as_mut().unwrap()).poll(cx)).await;
        seen.set(joined.is_err());
    })
    .detach();
    ended
}

#[test]
fn a_late_completer_does_not_stop_the_next_run() {
    let (mut event_loop, handle, _) = lab();
    handle.set_turn_rule(TurnRule::Snapshot);
    let turns = |handle: &LoopHandle, turns: u32| {
        let handle = handle.clone();
        async move {
            for _ in 0..turns {
                sleep(&handle, Duration::ZERO).await;
            }
        }
    };
    let first = turns(&handle, 3);
    handle.stop();
    assert!(matches!(run_until_complete(&mut event_loop, first), Err(RunError::Stopped)));
    let second = turns(&handle, 9);
    let second = run_until_complete(&mut event_loop, async move {
        second.await;
        2
    });
    assert_eq!(second.unwrap(), 2);
}

#[test]
fn a_destructor_that_panics_does_not_keep_the_end_from_who_joins() {
    let (mut event_loop, handle, reports) = lab();
    let task: Shared = Rc::new(RefCell::new(Some(spawn(&handle, panics_when_dropped()))));
    let ended = join(&handle, &task);
    event_loop.run_ready();
    handle.call_soon(move || assert!(task.borrow().as_ref().unwrap().abort()));
    while event_loop.run_ready() > 0 {}
    assert_eq!((ended.get(), reports.get()), (true, 1));
}

#[test]
fn a_task_that_aborts_itself_and_whose_destructor_panics_ends_for_who_joins() {
    let (mut event_loop, handle, reports) = lab();
    let task = Shared::default();
    let own = task.clone();
    *task.borrow_mut() = Some(spawn(&handle, async move {
        assert!(own.borrow().as_ref().unwrap().abort());
        panics_when_dropped().await
    }));
    let ended = join(&handle, &task);
    for _ in 0..4 {
        event_loop.run_ready();
    }
    assert_eq!((ended.get(), reports.get()), (true, 1));
}

#[test]
fn a_task_that_holds_itself_may_abort_itself() {
    let (mut event_loop, handle, reports) = lab();
    let task = Shared::default();
    let own = task.clone();
    *task.borrow_mut() = Some(spawn(&handle, async move {
        let itself = own.take().unwrap();
        assert!(itself.abort());
        panics_when_dropped().await;
        drop(itself);
    }));
    for _ in 0..3 {
        event_loop.run_ready();
    }
    assert!(handle.snapshot().ready.is_empty());
    assert_eq!((Rc::strong_count(&task), reports.get()), (1, 1));
}

#[test]
fn destructors_that_panic_do_not_keep_the_loop_open() {
    let (mut event_loop, handle, reports) = lab();
    (0..2).for_each(|_| spawn(&handle, panics_when_dropped()).detach());
    event_loop.run_ready();
    event_loop.close();
    assert!(handle.is_closed());
    assert_eq!(reports.get(), 2);
}

#[test]
fn closing_a_loop_wakes_who_joins_from_another() {
    let (mut closed, handle, _) = lab();
    let (mut open, other, _) = lab();
    let task: Shared = Rc::new(RefCell::new(Some(spawn(&handle, pending()))));
    let ended = join(&other, &task);
    open.run_ready();
    closed.close();
    while open.run_ready() > 0 {}
    assert!(ended.get());
}

#[test]
fn a_joiner_that_is_replaced_may_abort_a_task_while_it_is_dropped() {
    thread_local!(static OTHER: RefCell<Option<Task<()>>> = const { RefCell::new(None) });
    struct Aborts;
    impl Wake for Aborts {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Aborts {
        fn drop(&mut self) {
            assert!(OTHER.take().unwrap().abort());
        }
    }
    let (_event_loop, handle, _) = lab();
    let mut task = spawn(&handle, pending::<()>());
    OTHER.set(Some(spawn(&handle, pending())));
    let first = Waker::from(Arc::new(Aborts));
    assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&first)).is_pending());
    drop(first);
    assert!(Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(OTHER.take().is_none());
}

#[test]
fn joining_a_task_again_is_an_error() {
    let (mut event_loop, handle, _) = lab();
    let mut task = spawn_infallible(&handle, async { 1 });
    let joined = async move { ((&mut task).await, (&mut task).await) };
    let joined = run_until_complete(&mut event_loop, joined).unwrap();
    assert_eq!(joined, (Ok(1), Err(TaskError::Aborted)));
}
