//! Turns: an empty one beside the bare poll, and one that another thread brings about.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use criterion::Criterion;
use loop_core::EventLoop;
use mio::{Events, Interest, Poll, Token};

use super::{SUBJECT, contender};

/// Measures both groups.
pub(crate) fn bench(criterion: &mut Criterion) {
    empty_turn(criterion);
    wake(criterion);
}

fn empty_turn(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("empty turn");
    let mut event_loop = EventLoop::new().expect("there are descriptors");
    let handle = event_loop.handle();
    // A turn of a loop that is to stop does not wait.
    handle.stop();
    contender(&mut group, SUBJECT, |batch| {
        for _ in 0..batch {
            event_loop.run_once().expect("the kernel polls");
        }
    });
    let mut poll = Poll::new().expect("there are descriptors");
    let (_sender, mut receiver) = mio::unix::pipe::new().expect("there are descriptors");
    let registered = poll.registry().register(&mut receiver, Token(0), Interest::READABLE);
    registered.expect("a pipe can be watched");
    let mut events = Events::with_capacity(1_024);
    contender(&mut group, "mio poll", |batch| {
        for _ in 0..batch {
            poll.poll(&mut events, Some(Duration::ZERO)).expect("the kernel polls");
        }
    });
    group.finish();
}

/// Another thread asks, the loop answers, again and again.
fn wake(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wake round trip");
    let mut event_loop = EventLoop::new().expect("there are descriptors");
    group.bench_function(SUBJECT, |bencher| {
        bencher.iter_custom(|trips| trips_to_a_loop(&mut event_loop, trips));
    });
    group.bench_function("mio poll + pipe", |bencher| bencher.iter_custom(trips_to_a_poll));
    // On Linux a bare pair of futexes.
    group.bench_function("park + unpark", |bencher| bencher.iter_custom(trips_to_a_thread));
    group.finish();
}

fn trips_to_a_loop(event_loop: &mut EventLoop, trips: u64) -> Duration {
    let remote = event_loop.handle().remote();
    let asker = thread::spawn(move || {
        let (answered, this) = (Arc::new(AtomicU64::new(0)), thread::current());
        let begun = Instant::now();
        for trip in 1..=trips {
            let (answer, asker) = (answered.clone(), this.clone());
            let asked = remote.call_soon_threadsafe(move |_| tell(&answer, trip, &asker));
            asked.expect("the loop is open");
            await_number(&answered, trip);
        }
        let elapsed = begun.elapsed();
        remote.call_soon_threadsafe(|handle| handle.stop()).expect("the loop is open");
        elapsed
    });
    event_loop.run_forever().expect("the kernel polls");
    asker.join().expect("the asker does not panic")
}

/// The least that a thread can do which waits for a kernel's poll: a byte, a poll, a read.
fn trips_to_a_poll(trips: u64) -> Duration {
    let mut poll = Poll::new().expect("there are descriptors");
    let (mut sender, mut receiver) = mio::unix::pipe::new().expect("there are descriptors");
    let registered = poll.registry().register(&mut receiver, Token(0), Interest::READABLE);
    registered.expect("a pipe can be watched");
    let (answered, asker) = (Arc::new(AtomicU64::new(0)), thread::current());
    let answerer = thread::spawn({
        let answered = answered.clone();
        move || {
            let mut events = Events::with_capacity(8);
            let mut trip = 0;
            while trip < trips {
                poll.poll(&mut events, None).expect("the kernel polls");
                if receiver.read(&mut [0; 64]).is_ok() {
                    trip += 1;
                    tell(&answered, trip, &asker);
                }
            }
        }
    });
    let begun = Instant::now();
    for trip in 1..=trips {
        sender.write_all(&[1]).expect("the pipe has room");
        await_number(&answered, trip);
    }
    let elapsed = begun.elapsed();
    answerer.join().expect("the answerer does not panic");
    elapsed
}

fn trips_to_a_thread(trips: u64) -> Duration {
    let (asked, answered) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let asker = thread::current();
    let answerer = thread::spawn({
        let (asked, answered) = (asked.clone(), answered.clone());
        move || {
            for trip in 1..=trips {
                await_number(&asked, trip);
                tell(&answered, trip, &asker);
            }
        }
    });
    let begun = Instant::now();
    for trip in 1..=trips {
        tell(&asked, trip, answerer.thread());
        await_number(&answered, trip);
    }
    let elapsed = begun.elapsed();
    answerer.join().expect("the answerer does not panic");
    elapsed
}

fn tell(place: &AtomicU64, number: u64, waiting: &Thread) {
    place.store(number, Ordering::Release);
    waiting.unpark();
}

fn await_number(place: &AtomicU64, number: u64) {
    while place.load(Ordering::Acquire) < number {
        thread::park();
    }
}
