//! Scopes: children end before what began them, and no failure is lost.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use api_async::{Scope, TaskError, run_until_complete, scope, sleep, spawn, spawn_infallible};
use futures::FutureExt;
use loop_core::AggregateError;

use crate::lab::{Lab, Live, lab, yield_now};

type Failed = AggregateError<io::Error>;

fn error(kind: ErrorKind) -> io::Error {
    kind.into()
}

fn kinds(failed: &Failed) -> Vec<ErrorKind> {
    failed.errors.iter().map(io::Error::kind).collect()
}

#[test]
fn a_scope_ends_when_all_children_have_ended_and_they_may_borrow() {
    let Lab { mut event_loop, handle, .. } = lab();
    run_until_complete(&mut event_loop, async move {
        let names = RefCell::new(Vec::new());
        let (kept, timers) = (&names, &handle);
        let value = scope(&handle, |scope| async move {
            for n in [3, 1, 2] {
                scope.spawn(async move {
                    sleep(timers, Duration::from_millis(n)).await;
                    kept.borrow_mut().push(n);
                    Ok::<_, io::Error>(())
                });
            }
            Ok("the body is done first")
        });
        assert_eq!(value.await.unwrap(), "the body is done first");
        assert_eq!(names.into_inner(), [1, 2, 3]);
    })
    .unwrap();
}

#[test]
fn a_child_has_a_value_for_its_siblings_and_children_of_its_own() {
    let Lab { mut event_loop, handle, .. } = lab();
    let sum = run_until_complete(&mut event_loop, async move {
        scope(&handle, |scope| async move {
            let inner = scope.clone();
            let child = scope.spawn(async move {
                let (a, b) = (inner.spawn(async { Ok(1) }), inner.spawn(async { Ok(2) }));
                yield_now().await;
                Ok::<_, io::Error>(a.await? + b.await?)
            });
            Ok(child.await? + 4)
        })
        .await
    });
    assert_eq!(sum.unwrap().unwrap(), 7);
}

#[test]
fn the_first_failure_cancels_the_siblings_and_the_body() {
    let Lab { mut event_loop, handle, .. } = lab();
    let live = Live::default();
    let kept = live.clone();
    let failed = run_until_complete(&mut event_loop, async move {
        let timers = handle.clone();
        scope(&handle, |scope| async move {
            for _ in 0..3 {
                let kept = kept.clone();
                scope.spawn(async move {
                    pending::<()>().await;
                    drop(kept);
                    Ok(())
                });
            }
            scope.spawn(async move {
                sleep(&timers, Duration::from_millis(5)).await;
                Err::<(), _>(error(ErrorKind::BrokenPipe))
            });
            pending::<()>().await;
            Ok(())
        })
        .await
        .unwrap_err()
    });
    assert_eq!(kinds(&failed.unwrap()), [ErrorKind::BrokenPipe]);
    assert_eq!(live.others(), 0);
}

#[test]
fn children_of_a_body_that_fails_at_once_are_never_polled() {
    let Lab { mut event_loop, handle, .. } = lab();
    let failed = run_until_complete(&mut event_loop, async move {
        scope(&handle, |scope: Scope<'_, io::Error>| async move {
            scope.spawn(async { if true { unreachable!("it is dropped") } else { Ok(()) } });
            Err::<(), _>(error(ErrorKind::Other))
        })
        .await
        .unwrap_err()
    });
    assert_eq!(kinds(&failed.unwrap()), [ErrorKind::Other]);
}

#[test]
fn failures_of_one_pass_are_all_told() {
    let Lab { mut event_loop, handle, .. } = lab();
    let failed = run_until_complete(&mut event_loop, async move {
        scope(&handle, |scope: Scope<'_, io::Error>| async move {
            for kind in [ErrorKind::NotFound, ErrorKind::BrokenPipe] {
                scope.spawn(async move { Err::<(), _>(error(kind)) });
            }
            pending::<Result<(), _>>().await
        })
        .await
        .unwrap_err()
    });
    assert_eq!(kinds(&failed.unwrap()), [ErrorKind::NotFound, ErrorKind::BrokenPipe]);
}

#[test]
fn a_shielded_child_ends_in_good_order_and_its_failure_is_told_too() {
    let Lab { mut event_loop, handle, .. } = lab();
    let closed = Cell::new(false);
    let failed = run_until_complete(&mut event_loop, async move {
        let (timers, seen) = (&handle, &closed);
        let failed = scope(&handle, |scope| async move {
            scope.spawn_shielded(Duration::from_secs(1), |token| async move {
                token.cancelled().await;
                sleep(timers, Duration::from_millis(500)).await;
                seen.set(true);
                Err::<(), _>(error(ErrorKind::WriteZero))
            });
            scope.spawn_shielded(Duration::from_secs(1), |_| pending::<io::Result<()>>());
            yield_now().await;
            Err::<(), _>(error(ErrorKind::NotFound))
        });
        let failed = failed.await.unwrap_err();
        assert!(closed.get());
        (failed, handle.time().since_origin())
    });
    let (failed, time) = failed.unwrap();
    let expected = [ErrorKind::NotFound, ErrorKind::WriteZero, ErrorKind::TimedOut];
    assert_eq!(kinds(&failed), expected);
    assert_eq!(time, Duration::from_secs(1), "a shield has its own bound");
}

#[test]
fn the_handle_of_a_child_that_fails_tells_what_waits_for_it() {
    let Lab { mut event_loop, handle, .. } = lab();
    let time = handle.clone();
    let told = Rc::new(Cell::new(0));
    let tells = told.clone();
    let task = spawn(&handle.clone(), async move {
        scope(&handle, |scope| async move {
            let children = [
                scope.spawn(async { Err::<(), _>(error(ErrorKind::NotFound)) }),
                scope.spawn(async { panic!("of a child") }),
                scope.spawn(pending::<io::Result<()>>()),
            ];
            for child in children {
                let tells = tells.clone();
                scope.spawn_shielded(Duration::from_secs(9), |_| async move {
                    child.await.unwrap_err();
                    tells.set(tells.get() + 1);
                    Ok(())
                });
            }
            pending::<io::Result<()>>().await
        })
        .await
    });
    assert!(matches!(run_until_complete(&mut event_loop, task), Ok(Err(TaskError::Panicked(_)))));
    assert_eq!(
        (told.get(), time.time().since_origin()),
        (3, Duration::ZERO),
        "none waits for its limit"
    );
}

#[test]
fn dropping_a_scope_drops_all_of_it_and_what_begins_later() {
    let Lab { mut event_loop, handle, .. } = lab();
    let live = Live::default();
    let (kept, timers) = (live.clone(), handle.clone());
    let escaped = std::rc::Rc::new(RefCell::new(None));
    let escapes = escaped.clone();
    let task = spawn(&handle, async move {
        scope(&timers, |scope: Scope<'static, io::Error>| async move {
            escapes.replace(Some(scope.clone()));
            let (again, inner) = (scope.clone(), kept.clone());
            scope.spawn_shielded(Duration::from_secs(9), |_| async move {
                pending::<()>().await;
                drop((again, inner));
                Ok(())
            });
            pending::<()>().await;
            drop(kept);
            Ok(())
        })
        .await
    });
    event_loop.run_ready();
    assert_eq!(live.others(), 2);
    task.abort();
    assert_eq!(live.others(), 0);
    let late = live.clone();
    let scope = escaped.take().unwrap();
    let child = scope.spawn(async move {
        drop(late);
        Ok(())
    });
    assert_eq!(live.others(), 0);
    assert!(child.now_or_never().expect("it never began").is_err());
}

#[test]
fn a_scope_that_is_cancelled_by_hand_has_no_failure() {
    let Lab { mut event_loop, handle, .. } = lab();
    let failed = run_until_complete(&mut event_loop, async move {
        scope(&handle, |scope: Scope<'_, io::Error>| async move {
            let (token, again) = (scope.token(), scope.clone());
            scope.spawn(async move {
                again.cancel();
                pending::<io::Result<()>>().await
            });
            token.cancelled().await;
            pending::<io::Result<()>>().await
        })
        .await
        .unwrap_err()
    });
    assert!(failed.unwrap().errors.is_empty());
}

#[test]
fn a_panic_cancels_the_siblings_and_goes_on_when_they_have_ended() {
    let Lab { mut event_loop, handle, reports } = lab();
    let live = Live::default();
    let (kept, timers) = (live.clone(), handle.clone());
    let task = spawn_infallible(&handle, async move {
        let panicked = AssertUnwindSafe(scope(&timers, |scope: Scope<'_, io::Error>| async move {
            scope.spawn(async move {
                pending::<()>().await;
                drop(kept);
                Ok(())
            });
            for n in 1..=2 {
                scope.spawn(async move { if n > 0 { panic!("number {n}") } else { Ok(()) } });
            }
            pending::<io::Result<()>>().await
        }));
        panicked.await.unwrap();
    });
    let joined = run_until_complete(&mut event_loop, task).unwrap();
    assert_eq!(joined, Err(TaskError::Panicked("number 1".into())));
    assert_eq!(live.others(), 0);
    let reports = reports.take();
    assert!(reports[0].contains("a child of a scope panicked: number 2"), "{reports:?}");
    assert_eq!(reports.len(), 2, "the other one is the task's: {reports:?}");
}

#[test]
fn children_that_begin_children_for_ever_let_others_run() {
    fn again(
        scope: Scope<'static, io::Error>,
    ) -> futures::future::LocalBoxFuture<'static, io::Result<()>> {
        Box::pin(async move {
            let next = scope.clone();
            scope.spawn(again(next));
            Ok(())
        })
    }
    let Lab { mut event_loop, handle, .. } = lab();
    let timers = handle.clone();
    spawn(&handle, async move {
        scope(&timers, |scope| {
            scope.spawn(again(scope.clone()));
            pending::<io::Result<()>>()
        })
        .await
    })
    .detach();
    let over = handle.clone();
    handle.call_later(Duration::ZERO, move || over.stop());
    event_loop.run_forever().unwrap();
    // What holds itself is let go of with the loop.
    assert!(catch_unwind(AssertUnwindSafe(|| event_loop.close())).is_ok());
}
