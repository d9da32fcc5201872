//! Panics in parts of a whole: in what a combinator drops, in children of a scope. The siblings are
//! dropped all the same, and each panic is told once.

use std::future::pending;
use std::io;
use std::time::Duration;

use api_async::combine::{all, any, race, timeout};
use api_async::{Scope, TaskError, run_until_complete, scope, sleep, spawn, spawn_infallible};
use loop_core::AggregateError;

use crate::lab::{Lab, Live, lab, yield_now};
use crate::panics::{count, holds};

#[test]
fn losers_whose_destructors_panic_leak_none_of_their_siblings() {
    for winner in ["all", "any", "race"] {
        let Lab { mut event_loop, handle, reports } = lab();
        let live = Live::default();
        let (kept, timers) = (live.clone(), handle.clone());
        let task = spawn(&handle, async move {
            let part = |number: u32| {
                let (kept, timers) = (kept.clone(), timers.clone());
                async move {
                    if number == 3 {
                        sleep(&timers, Duration::from_millis(1)).await;
                        return if winner == "all" {
                            Err(io::ErrorKind::Other.into())
                        } else {
                            Ok(())
                        };
                    }
                    holds(&kept).await
                }
            };
            match winner {
                "all" => all((0..7).map(part)).await.map(drop),
                "any" => any((0..7).map(part)).await.map_err(io::Error::other),
                _ => race((0..7).map(part)).await,
            }
        });
        let joined = run_until_complete(&mut event_loop, task).unwrap();
        let panicked = Err(TaskError::Panicked("a destructor on purpose".into()));
        assert_eq!(joined.map(|result| result.map_err(|error| error.kind())), panicked, "{winner}");
        assert_eq!(live.others(), 0, "{winner}");
        assert_eq!(count(&reports, "a destructor on purpose"), 6, "{winner}: {reports:?}");
    }
}

#[test]
fn children_of_a_scope_whose_destructors_panic_leak_none_of_their_siblings() {
    for dropped in [false, true] {
        let Lab { mut event_loop, handle, reports } = lab();
        let live = Live::default();
        let (kept, timers) = (live.clone(), handle.clone());
        let task = spawn_infallible(&handle, async move {
            let scoped = scope(&timers, |scope: Scope<'_, io::Error>| async move {
                for _ in 0..5 {
                    let inner = kept.clone();
                    scope.spawn(async move { holds::<io::Result<()>>(&inner).await });
                }
                yield_now().await;
                if dropped { holds(&kept).await } else { Err::<(), _>(io::ErrorKind::Other.into()) }
            });
            drop(scoped.await);
        });
        for _ in 0..4 {
            event_loop.run_ready();
        }
        assert_eq!(task.is_finished(), !dropped);
        task.abort();
        assert_eq!(live.others(), 0);
        drop(task);
        let panics = if dropped { 6 } else { 5 };
        assert_eq!(count(&reports, "a destructor on purpose"), panics, "{reports:?}");
    }
}

#[test]
fn a_scope_that_is_dropped_tells_what_had_failed() {
    let Lab { mut event_loop, handle, reports } = lab();
    let timers = handle.clone();
    let ended = run_until_complete(&mut event_loop, async move {
        let scoped = scope(&timers, |scope: Scope<'_, io::Error>| async move {
            scope.spawn(async { if true { panic!("a child on purpose") } else { Ok(()) } });
            scope.spawn(async { Err::<(), _>(io::ErrorKind::NotFound.into()) });
            scope.spawn_shielded(Duration::from_secs(9), |_| pending::<io::Result<()>>());
            pending::<io::Result<()>>().await
        });
        timeout(&timers, Duration::from_millis(1), scoped).await
    });
    let ended: Result<(), AggregateError<io::Error>> = ended.unwrap();
    assert_eq!(ended.unwrap_err().errors[0].kind(), io::ErrorKind::TimedOut);
    assert_eq!(count(&reports, "a child on purpose"), 1, "{reports:?}");
    assert_eq!(count(&reports, "1 failure"), 1, "{reports:?}");
}
