//! Timers, with a thousand and with a hundred thousand others outstanding.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use criterion::Criterion;
use loop_core::{EventLoop, ManualClock};
use tokio::time::{Sleep, sleep};

use super::{SUBJECT, contender, see};

const OUTSTANDING: [u64; 2] = [1_000, 100_000];

/// No bench advances its clock as far.
const FAR: Duration = Duration::from_secs(100 * 3_600);

/// The deadlines of a batch lie within it.
const SOON: Duration = Duration::from_micros(1);

/// Timers by deadline, the number telling equal ones apart.
#[derive(Default)]
struct Map {
    timers: BTreeMap<(Duration, u64), Box<dyn FnOnce()>>,
    numbers: u64,
    now: Duration,
}

/// Measures all groups.
pub(crate) fn bench(criterion: &mut Criterion) {
    for outstanding in OUTSTANDING {
        insert_and_cancel(criterion, outstanding);
    }
    for outstanding in OUTSTANDING {
        insert_and_expire(criterion, outstanding);
    }
}

fn insert_and_cancel(criterion: &mut Criterion, outstanding: u64) {
    let name = format!("timer insert + cancel, {outstanding} outstanding");
    let mut group = criterion.benchmark_group(name);
    let event_loop = EventLoop::new().expect("there are descriptors");
    let handle = event_loop.handle();
    (0..outstanding).for_each(|number| drop(handle.call_later(spread(number), || ())));
    contender(&mut group, SUBJECT, |batch| {
        for number in 0..batch {
            handle.call_later(spread(number), move || see(number)).cancel();
        }
    });
    let mut map = Map::default();
    for number in 0..outstanding {
        map.insert(spread(number), number);
    }
    contender(&mut group, "BTreeMap", |batch| {
        for number in 0..batch {
            let key = map.insert(spread(number), number);
            map.timers.remove(&key);
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("there are descriptors");
    let _entered = runtime.enter();
    let sleeping: Vec<_> = (0..outstanding).map(|number| registered(spread(number))).collect();
    contender(&mut group, "tokio", |batch| {
        (0..batch).for_each(|number| drop(registered(spread(number))));
    });
    drop(sleeping);
    group.finish();
}

fn insert_and_expire(criterion: &mut Criterion, outstanding: u64) {
    let name = format!("timer insert + expire, {outstanding} outstanding");
    let mut group = criterion.benchmark_group(name);
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).expect("there are descriptors");
    let handle = event_loop.handle();
    (0..outstanding).for_each(|number| drop(handle.call_later(spread(number), || ())));
    contender(&mut group, SUBJECT, |batch| {
        for number in 0..batch {
            handle.call_later(soon(number), move || see(number));
        }
        clock.advance(SOON);
        // The first turn finds them all due; the rest of the queue needs no poll.
        event_loop.run_once().expect("the kernel polls");
        super::calls::run(&mut event_loop);
    });
    let mut map = Map::default();
    for number in 0..outstanding {
        map.insert(spread(number), number);
    }
    contender(&mut group, "BTreeMap", |batch| {
        for number in 0..batch {
            map.insert(soon(number), number);
        }
        map.now += SOON;
        while let Some(first) = map.timers.first_entry().filter(|first| first.key().0 <= map.now) {
            first.remove()();
        }
    });
    group.finish();
}

/// Scatters deadlines over ten minutes, the same in every run.
fn spread(number: u64) -> Duration {
    FAR + Duration::from_micros(number * 7_919 % 600_000_000)
}

/// Scatters deadlines over a microsecond.
fn soon(number: u64) -> Duration {
    Duration::from_nanos(number * 619 % 1_000)
}

/// Polls a sleep once: only then does tokio's timer know of it.
fn registered(delay: Duration) -> Pin<Box<Sleep>> {
    let mut sleeping = Box::pin(sleep(delay));
    assert!(sleeping.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    sleeping
}

impl Map {
    fn insert(&mut self, delay: Duration, number: u64) -> (Duration, u64) {
        self.numbers += 1;
        let key = (self.now + delay, self.numbers);
        self.timers.insert(key, Box::new(move || see(number)));
        key
    }
}
