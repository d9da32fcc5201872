//! Inspecting tasks, and what keeps one from starving the others.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use api_async::{
    CancellationToken, Task, TaskState, TcpListener, Wait, run_until_complete, shield, sleep,
    spawn, spawn_infallible, tasks, watch_polls,
};
use loop_core::{EventLoop, ManualClock, TurnRule};

use crate::lab::{Lab, Live, lab, yield_now};

#[test]
fn a_dump_says_who_waits_for_what_and_how_often_it_ran() {
    let Lab { mut event_loop, handle, .. } = lab();
    let timers = handle.clone();
    let sleeper: Task<()> = spawn(&handle, async move {
        yield_now().await;
        sleep(&timers, Duration::from_secs(9)).await;
    })
    .named("sleeper");
    assert_eq!(sleeper.name().as_deref(), Some("sleeper"));
    let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
    spawn(&handle, async move { listener.accept().await.map(drop) }).named("server").detach();
    spawn(&handle, async { drop(sleeper.await) }).detach();
    let ended = spawn_infallible(&handle, async { 1 });
    spawn(&handle, pending::<()>()).detach();
    assert!(tasks(&handle).iter().all(|task| task.state == TaskState::Ready && task.polls == 0));
    while event_loop.run_ready() > 0 {}
    let seen = tasks(&handle);
    let states: Vec<_> = seen.iter().map(|task| task.state).collect();
    let waits = [Wait::Sleeping, Wait::Reading, Wait::Joining].map(TaskState::Waits);
    assert_eq!(states[..3], waits);
    assert_eq!(states[3..], [TaskState::Ended, TaskState::Waits(Wait::Other)]);
    assert_eq!((seen[0].polls, seen[0].wakes), (2, 1));
    let line = seen[0].to_string();
    let words = ["\"sleeper\"", "inspecting.rs", "waits for a deadline", "2 polls, 1 wakes"];
    assert!(words.iter().all(|word| line.contains(word)), "{line}");
    assert!(ended.is_finished());
    drop(ended);
    assert_eq!(tasks(&handle).len(), 4, "what was dropped is told of no more");
    event_loop.close();
    assert!(tasks(&handle).is_empty());
}

#[test]
fn a_poll_that_takes_long_is_reported_and_so_is_a_task_that_was_never_polled() {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let handle = event_loop.handle();
    let reports = Rc::new(RefCell::new(Vec::new()));
    let seen = reports.clone();
    handle.set_exception_handler(move |_, context| seen.borrow_mut().push(context.to_string()));
    watch_polls(&handle, Some(Duration::from_millis(100)));
    let takes = |millis| {
        let clock = clock.clone();
        async move {
            clock.advance(Duration::from_millis(millis));
            pending::<()>().await
        }
    };
    spawn(&handle, takes(99)).detach();
    spawn(&handle, takes(100)).named("slow").detach();
    while event_loop.run_ready() > 0 {}
    assert_eq!(tasks(&handle)[0].idle, Some(Duration::from_millis(100)));
    spawn(&handle, async {}).named("unlucky").abort();
    let reports = reports.take();
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert!(reports[0].contains("a poll of the task \"slow\" took 100ms"), "{reports:?}");
    assert!(reports[1].contains("the task \"unlucky\" was never polled"), "{reports:?}");
}

#[test]
fn a_task_that_is_always_ready_gives_way_after_its_budget() {
    let Lab { mut event_loop, handle, .. } = lab();
    handle.set_turn_rule(TurnRule::Snapshot);
    let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let mut peer = std::net::TcpStream::connect(address).unwrap();
    std::io::Write::write_all(&mut peer, &[1; 2_000]).unwrap();
    let reads = Rc::new(Cell::new(0));
    let counted = reads.clone();
    let task = spawn(&handle, async move {
        let (stream, _) = listener.accept().await?;
        loop {
            let (count, _) = api_async::bytes::read(&stream, [0; 1]).await;
            count?;
            counted.set(counted.get() + 1);
        }
        #[expect(unreachable_code)]
        std::io::Result::Ok(())
    });
    let mut most = 0;
    for _ in 0..40 {
        let before = reads.get();
        handle.stop();
        event_loop.run_forever().unwrap();
        most = most.max(reads.get() - before);
    }
    assert_eq!((reads.get(), most), (2_000, 128));
    task.abort();
}

#[test]
fn a_token_reaches_its_children_and_who_waits() {
    let Lab { mut event_loop, handle, .. } = lab();
    let (parent, sibling) = (CancellationToken::new(), CancellationToken::new().child());
    let (child, woken) = (parent.child().child(), Rc::new(Cell::new(0)));
    for _ in 0..3 {
        let (child, woken) = (child.clone(), woken.clone());
        spawn(&handle, async move {
            child.cancelled().await;
            woken.set(woken.get() + 1);
        })
        .detach();
    }
    let running = parent.child();
    let task = spawn_infallible(&handle, async move { running.guard(pending::<()>()).await });
    while event_loop.run_ready() > 0 {}
    assert_eq!(woken.get(), 0);
    parent.cancel();
    while event_loop.run_ready() > 0 {}
    assert_eq!((woken.get(), child.is_cancelled(), sibling.is_cancelled()), (3, true, false));
    assert!(parent.child().is_cancelled(), "a late child is cancelled too");
    assert!(run_until_complete(&mut event_loop, task).unwrap().unwrap().is_err());
    assert_eq!(
        run_until_complete(&mut event_loop, async move { sibling.guard(async { 1 }).await })
            .unwrap(),
        Ok(1)
    );
}

#[test]
fn a_shield_is_awaited_as_a_task_is_and_outlives_who_awaits_it_for_a_while() {
    let Lab { mut event_loop, handle, reports } = lab();
    let live = Live::default();
    let begin = |seconds: u64| {
        let (timers, kept) = (handle.clone(), live.clone());
        shield(&handle, Duration::from_secs(2), async move {
            sleep(&timers, Duration::from_secs(seconds)).await;
            drop(kept);
        })
    };
    assert_eq!(run_until_complete(&mut event_loop, begin(9)).unwrap(), Ok(()));
    for (seconds, told) in [(1, 0), (9, 1)] {
        let waits = spawn_infallible(&handle, begin(seconds));
        event_loop.run_ready();
        waits.abort();
        event_loop.run_ready();
        assert_eq!(live.others(), 1, "it goes on");
        run_until_complete(&mut event_loop, sleep(&handle, Duration::from_secs(3))).unwrap();
        assert_eq!((live.others(), reports.borrow().len()), (0, told));
    }
}

#[test]
fn a_slot_is_used_again_unless_somebody_keeps_a_waker_of_it() {
    let Lab { mut event_loop, handle, .. } = lab();
    let kept = Rc::new(RefCell::new(Vec::<Waker>::new()));
    let run = |event_loop: &mut EventLoop, keep: bool| {
        let wakers = kept.clone();
        let task = spawn_infallible(
            &handle,
            poll_fn(move |cx| {
                if keep {
                    wakers.borrow_mut().push(cx.waker().clone());
                }
                Poll::Ready(())
            }),
        );
        let _ = run_until_complete(event_loop, task);
    };
    for keep in [false, true, false, true] {
        run(&mut event_loop, keep);
    }
    let sleeper = spawn(&handle, pending::<()>());
    event_loop.run_ready();
    let polls = tasks(&handle)[0].polls;
    kept.take().into_iter().for_each(Waker::wake);
    event_loop.run_ready();
    assert_eq!((tasks(&handle)[0].polls, polls), (1, 1), "old wakers wake no task");
    drop(sleeper);
}
