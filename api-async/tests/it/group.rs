//! Groups of tasks; and what a task may wait with: giving way, a limit of time for any output.

use std::cell::RefCell;
use std::future::pending;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use api_async::{
    TaskError, TaskGroup, run_until_complete, sleep, spawn, spawn_infallible, within, yield_now,
};
use futures::stream::StreamExt;

use crate::lab::{Lab, Live, lab};

#[test]
fn the_tasks_of_a_group_are_joined_in_the_order_of_their_ending() {
    let Lab { mut event_loop, handle, .. } = lab();
    let order = run_until_complete(&mut event_loop, async move {
        let mut group = TaskGroup::new(&handle);
        for seconds in [3, 1, 2] {
            let timers = handle.clone();
            group.spawn(async move {
                sleep(&timers, Duration::from_secs(seconds)).await;
                io::Result::Ok(seconds)
            });
        }
        let mut order = vec![group.join_next().await.unwrap().unwrap().unwrap()];
        order.extend(group.by_ref().map(|ended| ended.unwrap().unwrap()).collect::<Vec<_>>().await);
        assert!(group.is_empty() && group.join_next().await.is_none());
        order
    });
    assert_eq!(order.unwrap(), [1, 2, 3]);
}

#[test]
fn a_failure_and_a_panic_of_one_task_leave_the_others_of_the_group_alone() {
    let Lab { mut event_loop, handle, reports } = lab();
    let ended = run_until_complete(&mut event_loop, async move {
        let mut group = TaskGroup::new(&handle);
        group.spawn(async { Err(io::Error::from(ErrorKind::NotFound)) });
        group.spawn(async { panic!("of one") });
        let timers = handle.clone();
        group.spawn(async move {
            sleep(&timers, Duration::from_secs(1)).await;
            Ok(())
        });
        [group.join_next().await, group.join_next().await, group.join_next().await]
    });
    let [failed, panicked, goes_on] = ended.unwrap().map(Option::unwrap);
    assert_eq!(failed.unwrap().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(panicked.unwrap_err(), TaskError::Panicked("of one".into()));
    goes_on.unwrap().unwrap();
    assert_eq!(reports.borrow().len(), 1, "the panic, and not what was joined: {reports:?}");
}

#[test]
fn a_group_that_is_dropped_aborts_its_tasks_and_tells_of_failures() {
    let Lab { mut event_loop, handle, reports } = lab();
    let live = Live::default();
    let mut group = TaskGroup::new(&handle);
    for _ in 0..3 {
        let kept = live.clone();
        group.spawn(async move {
            pending::<()>().await;
            drop(kept);
            io::Result::Ok(())
        });
    }
    group.spawn(async { Err(io::Error::other("the group went without a join")) });
    event_loop.run_ready();
    assert_eq!((group.len(), live.others()), (4, 3));
    drop(group);
    assert_eq!(live.others(), 0);
    let reports = reports.take();
    assert!(
        reports.len() == 1 && reports[0].contains("the group went without a join"),
        "{reports:?}"
    );
}

#[test]
fn the_tasks_of_a_group_that_are_aborted_are_joined_as_such() {
    let Lab { mut event_loop, handle, .. } = lab();
    run_until_complete(&mut event_loop, async move {
        let mut group = TaskGroup::new(&handle);
        group.spawn(async {});
        yield_now().await;
        group.spawn(pending::<()>());
        assert_eq!(group.abort_all(), 1, "the other one has ended");
        assert_eq!(group.join_next().await, Some(Ok(())));
        assert_eq!(group.join_next().await, Some(Err(TaskError::Aborted)));
    })
    .unwrap();
}

#[test]
fn a_cancelled_join_loses_no_outcome() {
    let Lab { mut event_loop, handle, .. } = lab();
    let ended = run_until_complete(&mut event_loop, async move {
        let mut group = TaskGroup::new(&handle);
        let timers = handle.clone();
        group.spawn(async move { sleep(&timers, Duration::from_secs(2)).await });
        within(&handle, Duration::from_secs(1), group.join_next()).await.unwrap_err();
        group.join_next().await
    });
    assert_eq!(ended.unwrap(), Some(Ok(())));
}

#[test]
fn a_task_that_gives_way_goes_on_behind_what_is_queued() {
    let Lab { mut event_loop, handle, .. } = lab();
    let order = Rc::new(RefCell::new(Vec::new()));
    for name in ["a", "b"] {
        let order = order.clone();
        spawn(&handle, async move {
            for _ in 0..3 {
                order.borrow_mut().push(name);
                yield_now().await;
            }
        })
        .detach();
    }
    event_loop.run_ready();
    assert_eq!(order.borrow().concat(), "ababab");
}

#[test]
fn a_limit_of_time_takes_a_future_of_any_output() {
    let Lab { mut event_loop, handle, .. } = lab();
    let live = Live::default();
    let kept = live.clone();
    let time = handle.clone();
    let second = Duration::from_secs(1);
    let ended = run_until_complete(&mut event_loop, async move {
        let answer = within(&handle, second, spawn_infallible(&handle, async { 42 })).await;
        let late = async move {
            pending::<()>().await;
            drop(kept);
        };
        within(&handle, second, late).await.unwrap_err();
        answer
    });
    assert_eq!(ended.unwrap().unwrap(), Ok(42));
    assert_eq!((live.others(), time.time().since_origin()), (0, second));
}
