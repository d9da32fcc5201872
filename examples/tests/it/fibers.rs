//! Fibers, the arm without colour: how they end, what they drop, and what they leave.

mod crowd;
mod processes;
mod sockets;

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use examples::fibers::{self, all, race, sleep, spawn, timeout};
use loop_core::{EventLoop, LoopHandle, ManualClock, is_cancelled, is_panicked};

const SECOND: Duration = Duration::from_secs(1);

/// Says when it is dropped.
struct Held(Rc<Cell<usize>>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// A loop whose clock jumps to the next deadline.
fn jumping() -> (EventLoop, LoopHandle) {
    let clock = ManualClock::new().autojump(Duration::ZERO);
    let event_loop = EventLoop::with_clock(clock).unwrap();
    let handle = event_loop.handle();
    (event_loop, handle)
}

/// Runs a body on such a loop; the body is given its handle.
fn run<T: 'static>(body: impl FnOnce(LoopHandle) -> io::Result<T> + 'static) -> io::Result<T> {
    let (mut event_loop, handle) = jumping();
    let ended = fibers::run(&mut event_loop, {
        let handle = handle.clone();
        move || body(handle)
    });
    let left = handle.snapshot();
    assert!(left.ready.is_empty() && left.parked.is_empty() && left.timed.is_empty(), "{left:?}");
    ended
}

/// What a loop is told by reports.
fn reports(handle: &LoopHandle) -> Rc<RefCell<Vec<String>>> {
    let reports = Rc::new(RefCell::new(Vec::new()));
    let told = reports.clone();
    handle.set_exception_handler(move |_, context| told.borrow_mut().push(context.to_string()));
    reports
}

#[test]
fn a_join_gives_what_the_body_ended_with() {
    run(|handle| {
        let later = handle.clone();
        let slow = spawn(&handle, move || sleep(&later, SECOND).map(|()| "slow"));
        assert_eq!(spawn(&handle, || Ok(42)).join()?, 42);
        assert_eq!(slow.join()?, "slow");
        let failed = spawn(&handle, || Err::<(), _>(io::Error::other("out of luck"))).join();
        assert_eq!(failed.unwrap_err().to_string(), "out of luck");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_panic_reaches_what_joins_and_is_reported_where_nothing_does() {
    run(|handle| {
        let reports = reports(&handle);
        let panics = |message: &'static str| {
            spawn(&handle, move || -> io::Result<()> { panic!("{message}") })
        };
        let error = panics("joined").join().unwrap_err();
        assert!(is_panicked(&error) && error.to_string().contains("joined"), "{error}");
        assert!(reports.borrow().is_empty());
        panics("detached").detach();
        let late = panics("dropped late");
        sleep(&handle, SECOND)?;
        drop(late);
        let reports = reports.borrow();
        assert_eq!(reports.len(), 2, "{reports:?}");
        assert!(reports[0].contains("detached") && reports[0].contains("fibers.rs"), "{reports:?}");
        assert!(reports[1].contains("dropped late"), "{reports:?}");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_failure_of_a_detached_fiber_is_reported_and_its_cancel_is_not() {
    run(|handle| {
        let reports = reports(&handle);
        spawn(&handle, || Err::<(), _>(io::Error::other("out of luck"))).detach();
        let later = handle.clone();
        let cancelled = spawn(&handle, move || sleep(&later, SECOND));
        sleep(&handle, Duration::ZERO)?;
        assert!(cancelled.cancel());
        cancelled.detach();
        sleep(&handle, 2 * SECOND)?;
        assert_eq!(reports.borrow().len(), 1);
        assert!(reports.borrow()[0].contains("out of luck"));
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_cancel_unwinds_the_stack_and_drops_what_it_holds() {
    fn deep(held: Held, depth: usize, handle: &LoopHandle) -> io::Result<usize> {
        if depth == 0 {
            sleep(handle, SECOND)?;
        }
        let also = Held(held.0.clone());
        Ok(deep(held, depth - 1, handle)? + also.0.get())
    }
    run(|handle| {
        let drops = Rc::new(Cell::new(0));
        let (held, later) = (Held(drops.clone()), handle.clone());
        let fiber = spawn(&handle, move || deep(held, 10, &later));
        sleep(&handle, SECOND / 2)?;
        assert_eq!(drops.get(), 0);
        assert!(fiber.cancel() && !fiber.is_finished(), "it unwinds from the queue");
        let started = handle.time();
        assert!(is_cancelled(&fiber.join().unwrap_err()));
        assert_eq!((drops.get(), handle.time()), (11, started));
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_fiber_that_is_cancelled_before_it_began_drops_its_body_unrun() {
    run(|handle| {
        let drops = Rc::new(Cell::new(0));
        let held = Held(drops.clone());
        let fiber = spawn(&handle, move || -> io::Result<Held> {
            let _held = held;
            unreachable!("it is cancelled")
        });
        assert!(fiber.cancel());
        assert!(is_cancelled(&fiber.join().err().unwrap()));
        assert_eq!(drops.get(), 1);
        let ended = spawn(&handle, || Ok(()));
        sleep(&handle, Duration::ZERO)?;
        assert!(!ended.cancel(), "it came too late");
        ended.join()
    })
    .unwrap();
}

/// Every wait of a cancelled fiber ends it, and a wait in a destructor is an error.
#[test]
fn what_catches_the_unwinding_gets_no_further_than_the_next_wait() {
    struct Waits(LoopHandle, Rc<RefCell<Vec<&'static str>>>);
    impl Drop for Waits {
        fn drop(&mut self) {
            let slept = sleep(&self.0, SECOND).unwrap_err();
            self.1.borrow_mut().push(if is_cancelled(&slept) { "refused" } else { "other" });
        }
    }
    run(|handle| {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let (later, told) = (handle.clone(), seen.clone());
        let fiber = spawn(&handle, move || {
            let _waits = Waits(later.clone(), told.clone());
            let caught =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sleep(&later, SECOND)));
            told.borrow_mut().push(if caught.is_err() { "unwound" } else { "slept" });
            sleep(&later, SECOND)?;
            told.borrow_mut().push("went on");
            Ok(())
        });
        sleep(&handle, Duration::ZERO)?;
        fiber.cancel();
        assert!(is_cancelled(&fiber.join().unwrap_err()));
        assert_eq!(*seen.borrow(), ["unwound", "refused"]);
        Ok(())
    })
    .unwrap();
}

#[test]
fn all_gives_the_values_in_order_and_the_first_error_cancels_the_rest() {
    run(|handle| {
        let after = |seconds: u32, value: Result<u32, &'static str>, held: Option<Held>| {
            let handle = handle.clone();
            move || {
                sleep(&handle, seconds * SECOND)?;
                drop(held);
                value.map_err(io::Error::other)
            }
        };
        let values = all(&handle, [3, 1, 2].map(|it| after(it, Ok(it), None)))?;
        assert_eq!((values, handle.time().since_origin()), (vec![3, 1, 2], 3 * SECOND));
        let drops = Rc::new(Cell::new(0));
        let parts = [(9, Ok(9)), (1, Err("out of luck")), (8, Ok(8))];
        let parts = parts.map(|(it, value)| after(it, value, Some(Held(drops.clone()))));
        let error = all(&handle, parts).unwrap_err();
        assert_eq!((error.to_string().as_str(), drops.get()), ("out of luck", 3));
        assert_eq!(handle.time().since_origin(), 4 * SECOND);
        assert!(all(&handle, Vec::<fn() -> io::Result<()>>::new())?.is_empty());
        let panics = || -> io::Result<()> { panic!("in a part") };
        assert!(is_panicked(&all(&handle, [panics]).unwrap_err()));
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_race_returns_when_the_losers_have_unwound() {
    run(|handle| {
        let drops = Rc::new(Cell::new(0));
        let runner = |seconds: u32| {
            let (handle, held) = (handle.clone(), Held(drops.clone()));
            move || {
                let _held = held;
                sleep(&handle, seconds * SECOND).map(|()| seconds)
            }
        };
        assert_eq!(race(&handle, [runner(5), runner(1), runner(3)])?, 1);
        assert_eq!((drops.get(), handle.time().since_origin()), (3, SECOND));
        assert!(race(&handle, Vec::<fn() -> io::Result<()>>::new()).is_err());
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_whole_that_is_cancelled_cancels_its_parts() {
    run(|handle| {
        let drops = Rc::new(Cell::new(0));
        let (later, held) = (handle.clone(), drops.clone());
        let fiber = spawn(&handle, move || {
            let part = |_| {
                let (later, held) = (later.clone(), Held(held.clone()));
                move || {
                    let _held = held;
                    sleep(&later, SECOND)
                }
            };
            all(&later, (0..4).map(part))
        });
        sleep(&handle, SECOND / 2)?;
        fiber.cancel();
        assert!(is_cancelled(&fiber.join().unwrap_err()));
        sleep(&handle, Duration::ZERO)?;
        assert_eq!(drops.get(), 4);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_timeout_unwinds_its_body_and_no_more() {
    run(|handle| {
        let drops = Rc::new(Cell::new(0));
        let slow = |held: Held, seconds: u32| {
            let _held = held;
            sleep(&handle, seconds * SECOND)
        };
        let mut steps = Vec::new();
        let outer = timeout(&handle, 5 * SECOND, || {
            let inner = timeout(&handle, SECOND, || slow(Held(drops.clone()), 2));
            steps.push(inner.unwrap_err().kind());
            timeout(&handle, SECOND, || Ok::<(), io::Error>(()))?;
            timeout(&handle, 60 * SECOND, || slow(Held(drops.clone()), 60))
        });
        steps.push(outer.unwrap_err().kind());
        assert_eq!(steps, [io::ErrorKind::TimedOut; 2]);
        assert_eq!((drops.get(), handle.time().since_origin()), (2, 5 * SECOND));
        sleep(&handle, SECOND)
    })
    .unwrap();
}
