//! More operations as one: outcomes, first values, sequences, limits, tries.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use api_promises::combine::{all_of, all_settled, any, each, map_limit, race, retry};
use api_promises::{Fault, Promise, sleep};
use loop_core::{AggregateError, Backoff, EventLoop, LoopHandle, ManualClock};

/// A loop whose clock jumps to the next deadline, and what was reported.
struct Lab {
    event_loop: EventLoop,
    handle: LoopHandle,
    reports: Rc<RefCell<Vec<String>>>,
}

impl Lab {
    fn new() -> Lab {
        let clock = ManualClock::new().autojump(Duration::ZERO);
        let event_loop = EventLoop::with_clock(clock).unwrap();
        let handle = event_loop.handle();
        let reports = Rc::new(RefCell::new(Vec::new()));
        let seen = reports.clone();
        handle.set_exception_handler(move |_, context| {
            seen.borrow_mut().push(context.to_string());
        });
        Lab { event_loop, handle, reports }
    }

    /// Returns a promise that ends with `result` after so many milliseconds.
    fn after(&self, millis: u64, result: io::Result<u64>) -> Promise<u64, io::Error> {
        after(&self.handle, millis, result)
    }

    /// Runs a promise; nothing may be left or reported then.
    fn run<T: 'static, E: api_promises::Reason>(&mut self, promise: Promise<T, E>) -> Result<T, E> {
        let outcome = promise.run_until_complete(&mut self.event_loop).unwrap();
        let snapshot = self.handle.snapshot();
        assert!(snapshot.timed.is_empty() && snapshot.ready.is_empty(), "left behind: {snapshot}");
        assert!(self.reports.borrow().is_empty(), "{:?}", self.reports);
        outcome
    }
}

fn after(handle: &LoopHandle, millis: u64, result: io::Result<u64>) -> Promise<u64, io::Error> {
    sleep(handle, Duration::from_millis(millis)).then(move |()| result)
}

fn error(kind: ErrorKind) -> io::Result<u64> {
    Err(kind.into())
}

#[test]
fn all_settled_has_every_outcome_in_order() {
    let mut lab = Lab::new();
    let parts =
        [lab.after(3, Ok(3)), lab.after(1, error(ErrorKind::NotFound)), lab.after(2, Ok(2))];
    let whole = all_settled(&lab.handle, parts);
    let outcomes = lab.run(whole).unwrap();
    let kinds: Vec<_> = outcomes.iter().map(|o| o.as_ref().map_err(io::Error::kind)).collect();
    assert_eq!(kinds, [Ok(&3), Err(ErrorKind::NotFound), Ok(&2)]);
    let nothing = all_settled(&lab.handle, Vec::<Promise<u64, io::Error>>::new());
    assert!(lab.run(nothing).unwrap().is_empty());
}

#[test]
fn any_has_the_first_value_and_cancels_the_rest() {
    let mut lab = Lab::new();
    let parts =
        [lab.after(1, error(ErrorKind::NotFound)), lab.after(2, Ok(2)), lab.after(99, Ok(3))];
    let whole = any(&lab.handle, parts);
    assert_eq!(lab.run(whole).unwrap(), 2);
    assert!(
        lab.handle.time().since_origin() < Duration::from_millis(10),
        "nothing waited for the last"
    );
}

#[test]
fn any_without_a_value_has_every_failure_in_order() {
    let mut lab = Lab::new();
    let kinds = [ErrorKind::NotFound, ErrorKind::BrokenPipe];
    let parts = [lab.after(2, error(kinds[0])), lab.after(1, error(kinds[1]))];
    let whole = any(&lab.handle, parts);
    let AggregateError { errors } = lab.run(whole).unwrap_err();
    assert!(errors.iter().map(io::Error::kind).eq(kinds));
    let nothing = any(&lab.handle, Vec::<Promise<u64, io::Error>>::new());
    assert!(lab.run(nothing).unwrap_err().errors.is_empty());
}

#[test]
fn each_takes_one_after_the_other_and_stops_at_the_first_failure() {
    let mut lab = Lab::new();
    let calls = Rc::new(RefCell::new(Vec::new()));
    let (seen, handle) = (calls.clone(), lab.handle.clone());
    let whole = each(&lab.handle, [3, 1, 2], move |item| {
        seen.borrow_mut().push(item);
        after(&handle, item, Ok(item * 10))
    });
    assert_eq!(lab.run(whole).unwrap(), [30, 10, 20]);
    assert_eq!(calls.take(), [3, 1, 2]);
    let seen = calls.clone();
    let whole = each(&lab.handle, [1, 2, 3], move |item| {
        seen.borrow_mut().push(item);
        if item == 2 { error(ErrorKind::NotFound) } else { Ok(item) }
    });
    assert_eq!(lab.run(whole).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(calls.take(), [1, 2]);
}

#[test]
fn map_limit_keeps_the_limit_and_the_order() {
    for (limit, most) in [(0, 1), (1, 1), (3, 3), (usize::MAX, 20)] {
        let mut lab = Lab::new();
        let (now, highest) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let (begun, seen, handle) = (now.clone(), highest.clone(), lab.handle.clone());
        let whole = map_limit(&lab.handle, 0..20_u64, limit, move |item| {
            begun.set(begun.get() + 1);
            seen.set(seen.get().max(begun.get()));
            let ended = begun.clone();
            after(&handle, item * 7 % 5, Ok(item)).map(move |item| {
                ended.set(ended.get() - 1);
                item * 2
            })
        });
        assert_eq!(lab.run(whole).unwrap(), (0..20).map(|item| item * 2).collect::<Vec<_>>());
        assert_eq!((now.get(), highest.get()), (0, most), "limit {limit}");
    }
}

#[test]
fn map_limit_cancels_what_is_under_way_when_one_fails() {
    let mut lab = Lab::new();
    let handle = lab.handle.clone();
    let whole = map_limit(&lab.handle, [500, 1, 400], 2, move |item| {
        after(&handle, item, if item == 1 { error(ErrorKind::NotFound) } else { Ok(item) })
    });
    assert_eq!(lab.run(whole).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(lab.handle.time().since_origin() < Duration::from_millis(100));
}

#[test]
fn a_function_that_panics_in_map_limit_is_reported_once_and_rejects_the_whole() {
    let mut lab = Lab::new();
    let handle = lab.handle.clone();
    let whole = map_limit(&lab.handle, [1_u64, 2, 3], 2, move |item| {
        assert_ne!(item, 2, "on purpose");
        after(&handle, 50, Ok(item))
    });
    let failed = whole.map(drop).run_until_complete(&mut lab.event_loop).unwrap().unwrap_err();
    assert!(failed.to_string().contains("on purpose"), "{failed}");
    assert_eq!(lab.reports.take().len(), 1);
    assert!(lab.handle.snapshot().timed.is_empty());
}

#[test]
fn a_long_sequence_needs_no_stack() {
    let mut lab = Lab::new();
    let whole = each(&lab.handle, 0..200_000_u32, io::Result::Ok);
    assert_eq!(lab.run(whole).unwrap().len(), 200_000);
}

#[test]
fn retry_waits_between_the_tries_and_hands_the_last_failure_on() {
    let mut lab = Lab::new();
    let backoff = Backoff { attempts: 4, jitter: 0.0, ..Backoff::default() };
    let tries = Rc::new(RefCell::new(Vec::new()));
    let (seen, handle) = (tries.clone(), lab.handle.clone());
    let tried = retry(&lab.handle, backoff.clone(), move || {
        seen.borrow_mut().push(handle.time().since_origin().as_millis());
        match seen.borrow().len() {
            3 => Ok(7),
            _ => error(ErrorKind::NotFound),
        }
    });
    assert_eq!(lab.run(tried).unwrap(), 7);
    assert_eq!(tries.take(), [0, 100, 300]);
    let count = Rc::new(Cell::new(0));
    let seen = count.clone();
    let failed = retry(&lab.handle, backoff, move || {
        seen.set(seen.get() + 1);
        Err::<(), _>(io::Error::other(format!("try {}", seen.get())))
    });
    assert_eq!(lab.run(failed).unwrap_err().to_string(), "try 4");
}

#[test]
fn a_race_of_nothing_never_ends_and_leaves_nothing_behind() {
    let mut lab = Lab::new();
    let held = Rc::new(());
    let (first, second) = (held.clone(), held.clone());
    let nothing = race(&lab.handle, Vec::<Promise<u64, io::Error>>::new());
    nothing.map(move |_| drop(first)).detach(move |_| drop(second));
    while lab.event_loop.run_ready() > 0 {}
    assert_eq!(Rc::strong_count(&held), 1, "nothing would release what waits for it");
    drop(race(&lab.handle, Vec::<Promise<(), Fault>>::new()));
    assert!(lab.reports.take().is_empty());
}

#[test]
fn a_tuple_resolves_to_values_of_different_types() {
    let mut lab = Lab::new();
    let slow = lab.after(5, Ok(5));
    let word = lab.after(1, Ok(1)).map(|one| format!("{one} ms"));
    let unit = sleep(&lab.handle, Duration::from_millis(2));
    let whole = all_of(&lab.handle, (slow, word, unit));
    assert_eq!(lab.run(whole).unwrap(), (5, "1 ms".to_owned(), ()));
}

#[test]
fn the_first_failure_of_a_tuple_is_its_failure_and_cancels_the_others() {
    let mut lab = Lab::new();
    let ran = Rc::new(Cell::new(false));
    let marks = ran.clone();
    let late = lab.after(5, Ok(5)).map(move |_| marks.set(true));
    let whole = all_of(&lab.handle, (late, lab.after(1, error(ErrorKind::NotFound))));
    assert_eq!(lab.run(whole).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!ran.get());
}

#[test]
fn a_dropped_tuple_leaves_no_timer() {
    let lab = Lab::new();
    drop(all_of(&lab.handle, (lab.after(5, Ok(5)), sleep(&lab.handle, Duration::from_secs(1)))));
    assert!(lab.handle.snapshot().timed.is_empty());
    assert!(lab.reports.borrow().is_empty());
}
