//! Panics where none is expected: destructors, wakers, payloads, reports. Each is contained and told
//! once, and what stands beside it goes on.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::lab::{Lab, Live, lab, yield_now};
use api_async::{
    CancellationToken, Runner, TaskError, run_until_complete, sleep, spawn, spawn_infallible, tasks,
};

/// Panics when it is dropped.
struct Panics(#[expect(dead_code, reason = "it counts what is alive")] Live);

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("a destructor on purpose");
    }
}

/// Is pending, and holds what panics when it is dropped.
pub(crate) async fn holds<T>(live: &Live) -> T {
    let _panics = Panics(live.clone());
    pending().await
}

/// Wakes by panicking.
struct Refuses;

impl Wake for Refuses {
    fn wake(self: Arc<Self>) {
        panic!("a waker on purpose");
    }
}

/// Polls a future once with a waker that panics.
fn poll_refusing<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    let waker = Waker::from(Arc::new(Refuses));
    Pin::new(future).poll(&mut Context::from_waker(&waker))
}

/// Counts how many of the reports contain `words`.
pub(crate) fn count(reports: &Rc<RefCell<Vec<String>>>, words: &str) -> usize {
    reports.borrow().iter().filter(|report| report.contains(words)).count()
}

#[test]
fn aborting_a_task_whose_destructor_panics_returns_and_is_told_once() {
    let Lab { mut event_loop, handle, reports } = lab();
    let live = Live::default();
    let kept = live.clone();
    let task = spawn(&handle, async move { holds::<()>(&kept).await });
    event_loop.run_ready();
    assert!(catch_unwind(AssertUnwindSafe(|| task.abort())).unwrap());
    assert_eq!((live.others(), reports.borrow().len()), (0, 1), "{reports:?}");
}

#[test]
fn an_output_whose_destructor_panics_is_dropped_with_its_task() {
    let Lab { mut event_loop, handle, reports } = lab();
    let live = Live::default();
    let output = Panics(live.clone());
    let task = spawn_infallible(&handle, async move { output });
    event_loop.run_ready();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(task))).is_ok());
    let output = Panics(live.clone());
    spawn_infallible(&handle, async move { output }).detach();
    event_loop.run_ready();
    assert_eq!((live.others(), reports.borrow().len()), (0, 2), "{reports:?}");
    assert!(tasks(&handle).is_empty());
}

#[test]
fn a_joiner_whose_waker_panics_does_not_keep_the_end_from_the_loop() {
    let Lab { mut event_loop, handle, reports } = lab();
    let mut task = spawn(&handle, sleep(&handle, Duration::from_millis(1)));
    event_loop.run_ready();
    assert!(poll_refusing(&mut task).is_pending());
    while !task.is_finished() {
        event_loop.run_once().unwrap();
    }
    assert_eq!(count(&reports, "a waker on purpose"), 1, "{reports:?}");
    drop(task);
    assert!(tasks(&handle).is_empty());
    // The end of a run waits for the tasks that are left: all have been counted.
    let quiet = Runner { interrupts: false, ..Runner::default() };
    quiet.run_on(&mut event_loop, async |_| ()).unwrap();
    assert_eq!(handle.time().since_origin(), Duration::from_millis(1), "it waits for none");
    assert_eq!(reports.borrow().len(), 1, "{reports:?}");
}

#[test]
fn a_payload_whose_destructor_panics_is_one_failure() {
    let Lab { mut event_loop, handle, reports } = lab();
    let live = Live::default();
    // A payload has to be sent, so that it counts nothing.
    struct Throws;
    impl Drop for Throws {
        fn drop(&mut self) {
            panic!("a payload on purpose");
        }
    }
    let kept = live.clone();
    let task = spawn(&handle, async move {
        yield_now().await;
        let _kept = kept;
        panic_any(Throws);
    });
    let joined: Result<Result<(), _>, _> = run_until_complete(&mut event_loop, task);
    assert!(matches!(joined.unwrap(), Err(TaskError::Panicked(_))));
    assert_eq!((live.others(), reports.borrow().len()), (0, 1), "{reports:?}");
}

#[test]
fn a_poll_that_panics_in_a_future_whose_destructor_panics_is_told_of_both_once() {
    struct Both(#[expect(dead_code, reason = "it counts")] Live);
    impl Future for Both {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            panic!("a poll on purpose");
        }
    }
    impl Drop for Both {
        fn drop(&mut self) {
            panic!("a destructor on purpose");
        }
    }
    let Lab { mut event_loop, handle, reports } = lab();
    let live = Live::default();
    let task = spawn(&handle, Both(live.clone()));
    while event_loop.run_ready() > 0 {}
    assert!(task.is_finished());
    drop(task);
    let both = (count(&reports, "a poll on purpose"), count(&reports, "a destructor on purpose"));
    assert_eq!((both, reports.borrow().len(), live.others()), ((1, 1), 2, 0), "{reports:?}");
    assert!(tasks(&handle).is_empty());
}

#[test]
fn an_error_that_cannot_be_shown_is_told_even_so() {
    struct Unspeakable;
    impl fmt::Debug for Unspeakable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("a description on purpose");
        }
    }
    let Lab { mut event_loop, handle, reports } = lab();
    spawn(&handle, async { Err::<(), _>(Unspeakable) }).detach();
    while event_loop.run_ready() > 0 {}
    assert_eq!(count(&reports, "was not joined"), 1);
    assert_eq!(reports.borrow().len(), 1, "{reports:?}");
    assert!(tasks(&handle).is_empty());
}

#[test]
fn a_waker_that_panics_keeps_no_token_from_the_others() {
    let Lab { mut event_loop, handle, reports } = lab();
    let token = CancellationToken::new();
    let waits = |token: &CancellationToken| {
        let token = token.clone();
        Box::pin(async move { token.cancelled().await })
    };
    let mut first = waits(&token);
    assert!(poll_refusing(&mut first).is_pending());
    let (second, child) = (waits(&token), waits(&token.child()));
    let tasks = [spawn(&handle, second), spawn(&handle, child)];
    event_loop.run_ready();
    // The panic goes on to what cancels, when all have been woken.
    assert!(catch_unwind(AssertUnwindSafe(|| token.cancel())).is_err());
    while event_loop.run_ready() > 0 {}
    assert!(tasks.iter().all(api_async::Task::is_finished));
    assert!(reports.borrow().is_empty());
}

#[test]
fn a_destructor_may_abort_the_task_that_is_polled() {
    let Lab { mut event_loop, handle, reports } = lab();
    let own = Rc::new(RefCell::new(None::<api_async::Task<()>>));
    struct AbortsIt(Rc<RefCell<Option<api_async::Task<()>>>>);
    impl Drop for AbortsIt {
        fn drop(&mut self) {
            self.0.borrow().iter().for_each(|task| assert!(task.abort()));
            panic!("a destructor on purpose");
        }
    }
    let aborts = AbortsIt(own.clone());
    let reached = Rc::new(Cell::new(false));
    let seen = reached.clone();
    *own.borrow_mut() = Some(spawn(&handle, async move {
        drop(aborts);
        seen.set(true);
    }));
    while event_loop.run_ready() > 0 {}
    assert!(!reached.get() && own.borrow().as_ref().unwrap().is_finished());
    assert_eq!(reports.borrow().len(), 1, "{reports:?}");
    own.take();
    assert!(tasks(&handle).is_empty());
}

#[test]
fn a_body_is_polled_never_after_it_has_panicked() {
    let Lab { mut event_loop, handle, .. } = lab();
    let polls = Rc::new(Cell::new(0));
    let counted = polls.clone();
    let task = spawn(
        &handle,
        poll_fn(move |cx| {
            counted.set(counted.get() + 1);
            cx.waker().wake_by_ref();
            assert!(counted.get() < 3, "a poll on purpose");
            Poll::<()>::Pending
        }),
    );
    for _ in 0..9 {
        event_loop.run_ready();
    }
    assert_eq!((polls.get(), task.is_finished()), (3, true));
}
