//! Wholes inside one another, 100,000 deep, on a small stack: what owns its own kind is dropped,
//! cancelled and settled without recursion.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use api_callbacks::combine::{Completion, Start, all, any, each, race, retry, timeout};
use api_callbacks::{Composed, FlowControl, Operation, sleep};
use loop_core::{Backoff, EventLoop, LoopHandle, ManualClock, is_cancelled};

const DEPTH: usize = 100_000;

type Done = Completion<u64, io::Error>;

/// One step from a whole to the one inside it, which is set when that has begun.
#[derive(Default)]
struct Link(RefCell<Option<Operation>>);

impl Composed for Link {
    fn cancel(self: Rc<Self>) -> bool {
        let inside = self.0.take();
        let cancelled = inside.as_ref().is_some_and(Operation::cancel);
        self.0.replace(inside);
        cancelled
    }
}

/// Runs `work` in a thread with a stack that would not hold a recursion through what it builds.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(256 * 1024).spawn(work);
    thread.unwrap().join().unwrap();
}

/// Begins one whole of a kind with one part, whose completion is handed out.
fn whole(h: &LoopHandle, kind: usize, done: Done) -> (Operation, Rc<Link>, Done) {
    let (link, slot) = (Rc::new(Link::default()), Rc::new(Cell::new(None)));
    let (inside, taken) = (link.clone(), slot.clone());
    let part = move |inner: Done| {
        taken.set(Some(inner));
        Operation::composed(&inside)
    };
    let whole = match kind {
        0 => all(h, [part], move |end: io::Result<Vec<u64>>| done(end.map(|values| values[0]))),
        1 => race(h, [part], done),
        2 => any(h, [part], move |end| done(end.map_err(|mut error| error.errors.remove(0)))),
        3 => timeout(h, Duration::from_secs(5), part, done),
        4 => {
            let mut part = Some(part);
            retry(h, Backoff::default(), move |inner| part.take().unwrap()(inner), done)
        }
        _ => {
            let begin = |part: Start<u64, io::Error>, inner: Done| part(inner);
            let parts: [Start<u64, io::Error>; 1] = [Box::new(part)];
            each(h, parts, begin, move |end| done(end.map(|values| values[0])))
        }
    };
    (whole, link, slot.take().unwrap())
}

/// Builds the nest and returns what cancels it, what completes its innermost part, the links that
/// the parts refer to weakly, and what its callback has heard.
struct Nest {
    whole: Operation,
    innermost: Option<Done>,
    links: Vec<Rc<Link>>,
    heard: Rc<RefCell<Vec<io::Result<u64>>>>,
    captured: Rc<()>,
}

fn nest(h: &LoopHandle, depth: usize, kinds: impl Fn(usize) -> usize) -> Nest {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let (seen, captured) = (heard.clone(), Rc::new(()));
    let held = captured.clone();
    let first: Done = Box::new(move |end| {
        let _held = held;
        seen.borrow_mut().push(end);
    });
    let (whole_of_all, link, mut done) = whole(h, kinds(0), first);
    let mut links = vec![link];
    for place in 1..depth {
        let (inside, link, inner) = whole(h, kinds(place), done);
        links[place - 1].0.replace(Some(inside));
        links.push(link);
        done = inner;
    }
    Nest { whole: whole_of_all, innermost: Some(done), links, heard, captured }
}

/// Every kind alone, a tenth as deep, then all in turn.
fn for_each_kind(run: impl Fn(usize, &dyn Fn(usize) -> usize) + Send + 'static) {
    on_a_small_stack(move || {
        for kind in 0..6 {
            run(DEPTH / 10, &|_| kind);
        }
        run(DEPTH, &|depth| depth % 6);
    });
}

fn quiet_loop() -> (EventLoop, LoopHandle) {
    let event_loop = EventLoop::with_clock(ManualClock::new()).unwrap();
    let handle = event_loop.handle();
    handle.set_exception_handler(|_, _| ());
    (event_loop, handle)
}

#[test]
fn wholes_inside_one_another_settle_without_recursion() {
    for_each_kind(|depth, kinds| {
        let (mut event_loop, h) = quiet_loop();
        let mut nest = nest(&h, depth, kinds);
        let done = nest.innermost.take().unwrap();
        done(Ok(7));
        while event_loop.run_ready() > 0 {}
        assert_eq!(*nest.heard.borrow()[0].as_ref().unwrap(), 7);
        assert_eq!(Rc::strong_count(&nest.captured), 1);
        assert!(h.snapshot().timed.is_empty());
    });
}

#[test]
fn wholes_inside_one_another_are_cancelled_from_outside_without_recursion() {
    for_each_kind(|depth, kinds| {
        let (mut event_loop, h) = quiet_loop();
        let mut nest = nest(&h, depth, kinds);
        let done = nest.innermost.take().unwrap();
        let pending = sleep(&h, Duration::from_secs(9), move |slept| done(slept.map(|()| 1)));
        nest.links[depth - 1].0.replace(Some(pending));
        assert!(nest.whole.cancel());
        while event_loop.run_ready() > 0 {}
        assert!(is_cancelled(nest.heard.borrow()[0].as_ref().unwrap_err()));
        assert_eq!(Rc::strong_count(&nest.captured), 1);
        assert!(h.snapshot().timed.is_empty());
    });
}

#[test]
fn wholes_inside_one_another_are_dropped_without_recursion() {
    for_each_kind(|depth, kinds| {
        for close_first in [false, true] {
            let (mut event_loop, h) = quiet_loop();
            let mut nest = nest(&h, depth, kinds);
            let done = nest.innermost.take().unwrap();
            // Held by the loop alone, as what waits for another thread is.
            let held = h.call_later(Duration::from_secs(9), move || drop(done));
            if !close_first {
                held.cancel();
                while event_loop.run_ready() > 0 {}
            }
            event_loop.close();
            assert_eq!(Rc::strong_count(&nest.captured), 1);
        }
    });
}

#[test]
fn wholes_inside_one_another_end_with_their_loop_without_recursion() {
    for_each_kind(|depth, kinds| {
        let (mut event_loop, h) = quiet_loop();
        let mut nest = nest(&h, depth, kinds);
        let done = nest.innermost.take().unwrap();
        sleep(&h, Duration::from_secs(9), move |slept| done(slept.map(|()| 1)));
        event_loop.close();
        assert!(is_cancelled(nest.heard.borrow()[0].as_ref().unwrap_err()));
        assert_eq!(Rc::strong_count(&nest.captured), 1);
    });
}

/// A loop whose every round races a stop with the next round.
fn round(h: &LoopHandle, left: usize, done: Done) {
    let h_of_next = h.clone();
    let never: Start<u64, io::Error> = {
        let h = h.clone();
        Box::new(move |done| sleep(&h, Duration::from_secs(60), move |end| done(end.map(|()| 0))))
    };
    let next: Start<u64, io::Error> = {
        let h = h.clone();
        Box::new(move |done| {
            sleep(&h, Duration::ZERO, move |slept| match (left, slept) {
                (_, Err(error)) => done(Err(error)),
                (0, Ok(())) => done(Ok(1)),
                (_, Ok(())) => round(&h_of_next, left - 1, done),
            })
        })
    };
    race(h, [never, next], done);
}

#[test]
fn a_loop_that_races_a_stop_in_every_round_ends_and_is_dropped_on_a_small_stack() {
    for close_after in [None, Some(DEPTH)] {
        on_a_small_stack(move || {
            let (mut event_loop, h) = quiet_loop();
            let heard = Rc::new(Cell::new(0));
            let count = heard.clone();
            round(&h, DEPTH + 9, Box::new(move |end| count.set(1 + i32::from(end.is_err()))));
            let mut turns = 0;
            while heard.get() == 0 && close_after.is_none_or(|limit| turns < limit) {
                event_loop.run_once().unwrap();
                turns += 1;
            }
            event_loop.close();
            assert_eq!(heard.get(), 1 + i32::from(close_after.is_some()));
        });
    }
}

/// Notes how deep in the stack it is dropped.
struct Marks(Rc<Cell<usize>>);

impl Drop for Marks {
    fn drop(&mut self) {
        self.0.set(here());
    }
}

/// Returns where the stack ends now.
#[inline(never)]
fn here() -> usize {
    let mark = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&mark)).addr()
}

/// Makes races inside one another, around a sleep whose callback holds `mark`.
fn nested_races(h: &LoopHandle, mark: Marks) -> Start<u64, io::Error> {
    let of_leaf = h.clone();
    let mut start: Start<u64, io::Error> = Box::new(move |done| {
        sleep(&of_leaf, Duration::from_secs(60), move |end| {
            let _mark = mark;
            done(end.map(|()| 0));
        })
    });
    for _ in 0..20_000 {
        let h = h.clone();
        start = Box::new(move |done| race(&h, [start], done));
    }
    start
}

/// Wholes that are begun inside one another need the stack for that, and for nothing else: how deep
/// the innermost destructor is called says so.
#[test]
fn parts_that_are_wholes_themselves_are_cancelled_and_dropped_at_the_same_depth_of_the_stack() {
    let big = thread::Builder::new().stack_size(1 << 30).spawn(|| {
        for cancel in [true, false] {
            let (mut event_loop, h) = quiet_loop();
            let (deepest, heard) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
            let start = nested_races(&h, Marks(deepest.clone()));
            let told = heard.clone();
            let whole = start(Box::new(move |end| told.set(end.is_err())));
            if cancel {
                assert!(whole.cancel());
                drop(whole);
                while event_loop.run_ready() > 0 {}
            } else {
                event_loop.close();
            }
            assert!(heard.get());
            let apart = here().abs_diff(deepest.get());
            assert!(apart < 64 * 1024, "{apart}");
        }
    });
    big.unwrap().join().unwrap();
}

#[test]
fn callbacks_that_hold_one_anothers_flow_control_are_dropped_without_recursion() {
    on_a_small_stack(|| {
        let (event_loop, h) = quiet_loop();
        let mut flow = FlowControl::new(&h);
        flow.pause();
        for _ in 0..DEPTH {
            let next = FlowControl::new(&h);
            next.pause();
            next.drain(move |_| drop(flow));
            flow = next;
        }
        drop(flow);
        drop(event_loop);
    });
}
