//! Semaphores, intervals and rates: what bounds how many and how often, in every style the same.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io::ErrorKind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use api_async::{run_until_complete, spawn_infallible};
use examples::Style;
use loop_core::{EventLoop, LoopHandle, ManualClock};

/// How many turns a test may take.
const TURNS_MAX: usize = 1_000;

/// A loop whose clock jumps to the next deadline, and what happened on it, with the milliseconds.
struct Lab {
    event_loop: EventLoop,
    handle: LoopHandle,
    clock: ManualClock,
    log: Log,
}

type Log = Rc<RefCell<Vec<(u128, usize)>>>;

impl Lab {
    fn new() -> Lab {
        let clock = ManualClock::new().autojump(Duration::ZERO);
        let event_loop = EventLoop::with_clock(clock.clone()).unwrap();
        let (handle, log) = (event_loop.handle(), Log::default());
        Lab { event_loop, handle, clock, log }
    }

    /// Returns a function that notes a number and the time.
    fn notes(&self) -> impl Fn(usize) + Clone + use<> {
        let (handle, log, begun) = (self.handle.clone(), self.log.clone(), self.handle.time());
        move |number| log.borrow_mut().push(((handle.time() - begun).as_millis(), number))
    }

    /// Runs until so many things were noted.
    fn run_until(&mut self, count: usize) -> Vec<(u128, usize)> {
        for _ in 0..TURNS_MAX {
            if self.log.borrow().len() >= count {
                return self.log.take();
            }
            self.handle.call_soon(|| ());
            self.event_loop.run_once().unwrap();
            while self.event_loop.run_ready() > 0 {}
            if self.log.borrow().len() < count {
                self.event_loop.run_once().unwrap();
            }
        }
        panic!("still {:?} after {TURNS_MAX} turns", self.log);
    }
}

/// What cancels one of those that wait.
type Cancel = Box<dyn FnOnce()>;

/// Waits for a rate limit so many times at once, in one style; returns what cancels each.
fn wait_at_once(style: Style, lab: &Lab, rate: (u32, Duration), count: usize) -> Vec<Cancel> {
    let (permits, period) = rate;
    let (handle, notes) = (&lab.handle, lab.notes());
    match style {
        Style::Callbacks => {
            let limit = api_callbacks::RateLimit::new(handle, permits, period).unwrap();
            let wait = |number| -> Cancel {
                let notes = notes.clone();
                let waits = limit.wait(move |waited| waited.map_or((), |()| notes(number)));
                Box::new(move || assert!(waits.cancel()))
            };
            (0..count).map(wait).collect()
        }
        Style::Promises => {
            let limit = api_promises::RateLimit::new(handle, permits, period).unwrap();
            let wait = |number| -> Cancel {
                let (notes, token) = (notes.clone(), api_promises::CancellationToken::new());
                let waits = token.guard(limit.wait()).map(move |()| notes(number));
                waits.detach(|error| assert!(loop_core::is_cancelled(&error)));
                Box::new(move || token.cancel())
            };
            (0..count).map(wait).collect()
        }
        _ => {
            let limit = api_async::RateLimit::new(handle, permits, period).unwrap();
            let wait = |number| -> Cancel {
                let (notes, limit) = (notes.clone(), limit.clone());
                let task = spawn_infallible(handle, async move {
                    limit.wait().await;
                    notes(number);
                });
                Box::new(move || assert!(task.abort()))
            };
            (0..count).map(wait).collect()
        }
    }
}

#[test]
fn a_rate_lets_as_many_begin_at_once_and_then_one_after_the_other() {
    for style in Style::WINGS {
        let mut lab = Lab::new();
        let rate = (3, Duration::from_millis(300));
        let _kept = wait_at_once(style, &lab, rate, 7);
        let moments = [0, 0, 0, 100, 200, 300, 400];
        let expected: Vec<_> = moments.into_iter().zip(0..).collect();
        assert_eq!(lab.run_until(7), expected, "{style}");
    }
}

#[test]
fn what_is_cancelled_while_it_waits_uses_nothing_up() {
    for (style, at) in Style::WINGS.into_iter().flat_map(|style| [(style, 1), (style, 2)]) {
        let mut lab = Lab::new();
        let mut waits = wait_at_once(style, &lab, (1, Duration::from_millis(100)), 4);
        assert_eq!(lab.run_until(1), [(0, 0)], "{style}");
        // The second sleeps for its permit by now, and the third waits for its turn.
        waits.remove(at)();
        let left: Vec<_> = [100, 200].into_iter().zip((1..4).filter(|left| *left != at)).collect();
        assert_eq!(lab.run_until(2), left, "{style}");
    }
}

/// Takes a permit so many times at once, in one style, and holds each for 10 ms. Returns how many are
/// available.
fn work_at_once(style: Style, lab: &Lab, permits: usize, count: usize) -> Box<dyn Fn() -> usize> {
    let (handle, notes, held) = (&lab.handle, lab.notes(), Duration::from_millis(10));
    match style {
        Style::Callbacks => {
            let semaphore = api_callbacks::Semaphore::new(permits);
            for number in 0..count {
                let (timer, notes) = (handle.clone(), notes.clone());
                semaphore.acquire(handle, move |permit| {
                    notes(number);
                    api_callbacks::sleep(&timer, held, move |_| drop(permit));
                });
            }
            Box::new(move || semaphore.available())
        }
        Style::Promises => {
            let semaphore = api_promises::Semaphore::new(permits);
            for number in 0..count {
                let (timer, notes) = (handle.clone(), notes.clone());
                let work = semaphore.acquire(handle).then(move |permit| {
                    notes(number);
                    api_promises::sleep(&timer, held).map(|()| drop(permit))
                });
                work.detach(|cancelled| assert!(loop_core::is_cancelled(&cancelled)));
            }
            Box::new(move || semaphore.available())
        }
        _ => {
            let semaphore = api_async::Semaphore::new(permits);
            for number in 0..count {
                let (timer, notes, semaphore) = (handle.clone(), notes.clone(), semaphore.clone());
                let work = async move {
                    let _permit = semaphore.acquire().await;
                    notes(number);
                    api_async::sleep(&timer, held).await;
                };
                spawn_infallible(handle, work).detach();
            }
            Box::new(move || semaphore.available())
        }
    }
}

#[test]
fn a_semaphore_bounds_how_many_hold_it_and_none_overtakes() {
    for style in Style::WINGS {
        let mut lab = Lab::new();
        let available = work_at_once(style, &lab, 2, 6);
        let expected: Vec<_> = [0, 0, 10, 10, 20, 20].into_iter().zip(0..).collect();
        assert_eq!(lab.run_until(6), expected, "{style}");
        assert_eq!(available(), 0, "{style}");
        lab.clock.advance(Duration::from_millis(10));
        lab.handle.call_soon(|| ());
        lab.event_loop.run_once().unwrap();
        while lab.event_loop.run_ready() > 0 {}
        assert_eq!(available(), 2, "{style}: what was held is given back");
    }
}

#[test]
fn a_loop_that_is_closed_gives_every_permit_back() {
    for style in Style::WINGS {
        let mut lab = Lab::new();
        let available = work_at_once(style, &lab, 2, 6);
        lab.run_until(2);
        lab.event_loop.close();
        drop(lab);
        assert_eq!(available(), 2, "{style}");
    }
}

/// Hears five ticks of 100 ms in one style, but comes late for the third.
fn heard(style: Style) -> Vec<(u128, usize)> {
    let mut lab = Lab::new();
    let (handle, notes, period) = (lab.handle.clone(), lab.notes(), Duration::from_millis(100));
    let (clock, late, count) =
        (lab.clock.clone(), Duration::from_millis(250), Rc::new(Cell::new(0)));
    let hears = move |passed: u64| {
        notes(usize::try_from(passed).unwrap());
        count.set(count.get() + 1);
        if count.get() == 2 {
            clock.advance(late);
        }
    };
    match style {
        Style::Callbacks => {
            let interval = api_callbacks::Interval::new(&handle, period).unwrap();
            for _ in 0..5 {
                let hears = hears.clone();
                interval.tick(move |passed| hears(passed.unwrap()));
            }
        }
        Style::Promises => {
            let interval = api_promises::Interval::new(&handle, period).unwrap();
            for _ in 0..5 {
                interval.tick().map(hears.clone()).detach(|error| panic!("{error}"));
            }
        }
        _ => {
            let interval = api_async::Interval::new(&handle, period).unwrap();
            let hearing = async move {
                for _ in 0..5 {
                    hears(interval.tick().await);
                }
            };
            spawn_infallible(&handle, hearing).detach();
        }
    }
    lab.run_until(5)
}

#[test]
fn an_interval_skips_what_was_missed_and_tells_how_many() {
    for style in Style::WINGS {
        assert_eq!(heard(style), [(100, 1), (200, 1), (450, 2), (500, 1), (600, 1)], "{style}");
    }
}

#[test]
fn what_is_no_pace_is_the_same_error_in_every_style() {
    let lab = Lab::new();
    let (handle, second) = (&lab.handle, Duration::from_secs(1));
    let refused = [
        api_callbacks::Interval::new(handle, Duration::ZERO).err(),
        api_promises::Interval::new(handle, Duration::ZERO).err(),
        api_async::Interval::new(handle, Duration::ZERO).err(),
        api_callbacks::RateLimit::new(handle, 0, second).err(),
        api_promises::RateLimit::new(handle, 0, second).err(),
        api_async::RateLimit::new(handle, 0, second).err(),
    ];
    let refused = refused.map(|error| error.expect("it is refused"));
    assert!(refused.iter().all(|error| error.kind() == ErrorKind::InvalidInput));
    let texts = refused.map(|error| error.to_string());
    assert!(texts[..3].iter().all(|text| text == "the period of an interval is nothing"));
    assert!(texts[3..].iter().all(|text| text == "a rate of 0 in 1s is no rate"));
}

/// A permit that is on its way to one that gives up goes to the next.
#[test]
fn a_permit_that_is_not_taken_goes_to_the_next() {
    let mut lab = Lab::new();
    let (handle, notes) = (lab.handle.clone(), lab.notes());
    let semaphore = api_promises::Semaphore::new(1);
    let held = semaphore.try_acquire().unwrap();
    let gives_up = semaphore.acquire(&handle);
    let next = semaphore.acquire(&handle).map(move |_permit| notes(1));
    next.detach(|error| panic!("{error}"));
    drop(held);
    drop(gives_up);
    assert_eq!(lab.run_until(1), [(0, 1)]);
    let semaphore = api_async::Semaphore::new(1);
    let held = semaphore.try_acquire().unwrap();
    let taken = run_until_complete(&mut lab.event_loop, async move {
        let mut gives_up = Box::pin(semaphore.acquire());
        assert!(is_pending(&mut gives_up).await);
        let mut next = Box::pin(semaphore.acquire());
        assert!(is_pending(&mut next).await);
        drop(held);
        assert!(semaphore.try_acquire().is_none(), "a newcomer does not overtake");
        drop(gives_up);
        drop(next.await);
        semaphore.available()
    });
    assert_eq!(taken.unwrap(), 1);
}

/// Polls a future once.
async fn is_pending(future: &mut (impl Future + Unpin)) -> bool {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx).is_pending())).await
}
