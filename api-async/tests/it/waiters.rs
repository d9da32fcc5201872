//! What waits and is dropped leaves nothing where it waited.

use std::future::{Future, pending};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use api_async::{
    CancellationToken, Runner, Scope, TcpListener, TcpStream, bytes, run_until_complete, scope,
    shield, sleep, spawn, spawn_infallible,
};
use loop_core::{Chunk, LoopHandle};

use crate::lab::{Lab, Live, lab};

/// A waker of which the references are counted.
struct Known;

impl Wake for Known {
    fn wake(self: Arc<Self>) {}
}

/// Polls a future once, drops it, and tells how many references to its waker are left.
fn left_after<F: Future>(future: F) -> usize {
    let known = Arc::new(Known);
    let waker = Waker::from(known.clone());
    {
        let future = pin!(future);
        assert!(future.poll(&mut Context::from_waker(&waker)).is_pending());
    }
    drop(waker);
    Arc::strong_count(&known) - 1
}

#[test]
fn a_token_forgets_who_waits_no_more() {
    let token = CancellationToken::new();
    assert_eq!(left_after(token.cancelled()), 0);
    assert_eq!(left_after(token.guard(pending::<()>())), 0);
    assert_eq!(left_after(token.child().cancelled()), 0);
}

#[test]
fn a_token_forgets_its_children() {
    let token = CancellationToken::new();
    let allocated = allocation_counter::measure(|| {
        let children: Vec<_> = (0..1_000).map(|_| token.child()).collect();
        drop(children);
    });
    assert!(allocated.bytes_current < 1_000, "{allocated:?}");
}

#[test]
fn a_task_and_a_scope_forget_who_joins_no_more() {
    let Lab { mut event_loop, handle, .. } = lab();
    let task = spawn(&handle, pending::<()>());
    event_loop.run_ready();
    assert_eq!(left_after(task), 0);
    let mut child = None;
    let scoped = scope(&handle, |scope: Scope<'_, io::Error>| {
        child = Some(scope.spawn(pending::<io::Result<()>>()));
        pending::<io::Result<()>>()
    });
    let mut scoped = Box::pin(scoped);
    assert!(scoped.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(left_after(child.unwrap()), 0);
    let mut escaped = None;
    let scoped = scope(&handle, |scope: Scope<'_, io::Error>| {
        escaped = Some(scope);
        pending::<io::Result<()>>()
    });
    assert_eq!(left_after(scoped), 0, "a scope that escapes does not hold what awaited it");
}

#[test]
fn a_task_that_ends_in_time_takes_the_timer_of_its_shield_back() {
    let Lab { mut event_loop, handle, reports } = lab();
    let (timers, hour) = (handle.clone(), Duration::from_secs(3_600));
    let cleans = shield(&handle, hour, async move { sleep(&timers, Duration::from_secs(1)).await });
    event_loop.run_ready();
    drop(cleans);
    assert_eq!(handle.snapshot().timed.len(), 2);
    while !handle.snapshot().timed.is_empty() && handle.time().since_origin() < hour {
        event_loop.run_once().unwrap();
    }
    assert_eq!(handle.time().since_origin(), Duration::from_secs(1));
    assert!(reports.borrow().is_empty());
}

#[test]
fn a_run_that_waits_no_more_for_its_tasks_leaves_no_waker() {
    let Lab { mut event_loop, handle, reports } = lab();
    let live = Live::default();
    let (kept, second) = (live.clone(), Duration::from_secs(1));
    let runner = Runner { shutdown: second, interrupts: false };
    runner
        .run_on(&mut event_loop, async move |handle: LoopHandle| {
            drop(shield(&handle, 9 * second, async move {
                pending::<()>().await;
                drop(kept);
            }));
        })
        .unwrap();
    assert_eq!((live.others(), reports.borrow().len()), (0, 1), "{reports:?}");
    assert!(handle.is_closed());
}

/// A stream with a peer that says nothing, and a listener without a client.
async fn silent(handle: &LoopHandle) -> (TcpStream, TcpStream, TcpListener) {
    let listener = TcpListener::bind(handle, "127.0.0.1:0".parse().unwrap()).unwrap();
    let stream = TcpStream::connect(handle, listener.local_addr().unwrap()).await.unwrap();
    let (peer, _) = listener.accept().await.unwrap();
    (stream, peer, listener)
}

#[test]
fn a_socket_forgets_who_waits_no_more() {
    let Lab { mut event_loop, handle, .. } = lab();
    run_until_complete(&mut event_loop, async move {
        let (stream, _peer, listener) = silent(&handle).await;
        assert_eq!(left_after(stream.read_chunk()), 0);
        assert_eq!(left_after(bytes::read(&stream, [0; 8])), 0);
        assert_eq!(left_after(listener.accept()), 0);
        while futures::FutureExt::now_or_never(stream.write_chunk(Chunk::from(vec![0; 65_536])))
            .is_some()
        {}
        assert_eq!(left_after(stream.write_chunk(Chunk::from(vec![0; 65_536]))), 0);
        assert!(handle.snapshot().parked.is_empty(), "{}", handle.snapshot());
    })
    .unwrap();
}

#[test]
fn detached_tasks_tokens_and_scopes_are_dropped_on_close() {
    let Lab { mut event_loop, handle, reports } = lab();
    let live = Live::default();
    let token = CancellationToken::new();
    for number in 0..4 {
        let (kept, timers, token) = (live.clone(), handle.clone(), token.child());
        let again = kept.clone();
        spawn_infallible(&handle, async move {
            match number {
                0 => token.cancelled().await,
                1 => drop(token.guard(pending::<()>()).await),
                2 => drop(
                    shield(&timers, Duration::from_secs(9), async move {
                        let _held = (again, token.clone());
                        token.cancelled().await;
                    })
                    .await,
                ),
                _ => drop(
                    scope(&timers, |scope: Scope<'static, io::Error>| async move {
                        let (inner, own) = (scope.token(), scope.clone());
                        scope.spawn_shielded(Duration::from_secs(9), |_| async move {
                            inner.cancelled().await;
                            drop((again, own));
                            pending::<io::Result<()>>().await
                        });
                        scope.token().cancelled().await;
                        Ok(())
                    })
                    .await,
                ),
            }
            drop(kept);
        })
        .detach();
    }
    event_loop.run_ready();
    event_loop.run_ready();
    assert!(live.others() >= 4);
    drop(token);
    event_loop.close();
    assert_eq!((live.others(), reports.borrow().len()), (0, 0), "{reports:?}");
}

#[test]
fn a_resume_does_not_hold_who_waited() {
    let mut kept = None;
    let waiting = api_async::suspend(|resume: api_async::Resume<()>| kept = Some(resume));
    let waiting = Box::pin(waiting);
    assert_eq!(left_after(waiting), 0);
}
