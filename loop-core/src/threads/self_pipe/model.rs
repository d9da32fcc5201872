//! Every interleaving of submitters and a loop that sleeps, explored by loom.
//!
//! The inbox is the one that the loop uses; the pipe is a count of bytes that a poll waits for. The
//! search is complete: no bound on preemptions, branches or time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicUsize;

use loom::sync::{Arc, Condvar};
use loom::thread;

use super::*;

/// A pipe as the protocol sees it: bytes that stay until they are read.
struct Bytes {
    pipe: Mutex<Pipe>,
    news: Condvar,
}

struct Pipe {
    unread: u32,
    /// How many submitters may still write, as far as they say so.
    writers: usize,
}

impl WakeObject for Arc<Bytes> {
    fn wake(&self) {
        self.pipe.lock().unwrap().unread += 1;
        self.news.notify_one();
    }
}

impl Bytes {
    fn new(writers: usize) -> Arc<Bytes> {
        let pipe = Mutex::new(Pipe { unread: 0, writers });
        Arc::new(Bytes { pipe, news: Condvar::new() })
    }

    /// Blocks until there is something to read, and reads all.
    fn poll(&self) {
        let mut pipe = self.pipe.lock().unwrap();
        while pipe.unread == 0 {
            assert!(pipe.writers > 0, "a wake-up is lost: this poll would block for ever");
            pipe = self.news.wait(pipe).unwrap();
        }
        pipe.unread = 0;
    }

    fn writer_ends(&self) {
        self.pipe.lock().unwrap().writers -= 1;
        self.news.notify_one();
    }
}

/// How the loop decides to block.
type FallAsleep = fn(&Inbox<usize, Arc<Bytes>>) -> bool;

/// Says that it sleeps without another look at the inbox: the fault that the model must find.
fn fall_asleep_blindly(inbox: &Inbox<usize, Arc<Bytes>>) -> bool {
    inbox.state.store(ASLEEP, Ordering::Release);
    true
}

/// Submits from as many threads as there are lengths, collects all, and returns in how many ways.
///
/// A poll that nothing will end is a deadlock, which loom finds but cannot unwind from; submitters
/// that say when they have ended let the poll itself find it, in more ways to explore.
fn explore(lengths: &'static [usize], fall_asleep: FallAsleep, say_the_end: bool) -> usize {
    let iterations = std::sync::Arc::new(AtomicUsize::new(0));
    let counted = iterations.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = None;
    builder.check(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let bytes = Bytes::new(lengths.len());
        let inbox = Arc::new(Inbox::with_wake_object(bytes.clone()));
        let submit = |(thread, &length): (usize, &usize)| {
            let (inbox, bytes) = (inbox.clone(), bytes.clone());
            thread::spawn(move || {
                (0..length).for_each(|number| inbox.submit(10 * thread + number).unwrap());
                if say_the_end {
                    bytes.writer_ends();
                }
            })
        };
        let threads: Vec<_> = lengths.iter().enumerate().map(submit).collect();
        let mut collected = Vec::new();
        while collected.len() < lengths.iter().sum() {
            if fall_asleep(&inbox) {
                bytes.poll();
            }
            if inbox.wake_up() {
                collected.extend(inbox.take());
            }
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        for (thread, &length) in lengths.iter().enumerate() {
            let of_thread = collected.iter().filter(|message| **message / 10 == thread);
            assert!(of_thread.map(|message| message % 10).eq(0..length), "{collected:?}");
        }
    });
    iterations.load(std::sync::atomic::Ordering::Relaxed)
}

/// What a thread submitted before it ended is seen by the thread that has joined it, without a poll: the loop
/// takes it before it queues something of its own.
#[test]
fn what_was_submitted_before_is_seen_in_any_interleaving() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = None;
    builder.check(|| {
        let inbox = Arc::new(Inbox::with_wake_object(Bytes::new(2)));
        let submit = |number: usize| {
            let inbox = inbox.clone();
            thread::spawn(move || inbox.submit(number).unwrap())
        };
        let (joined, other) = (submit(1), submit(2));
        let mut collected = Vec::new();
        let mut look = || {
            if inbox.is_told() && inbox.wake_up() {
                collected.extend(inbox.take());
            }
            collected.len()
        };
        look();
        joined.join().unwrap();
        look();
        assert!(collected.contains(&1), "{collected:?}");
        other.join().unwrap();
    });
}

#[test]
fn no_submission_is_lost_in_any_interleaving() {
    for lengths in [&[1][..], &[2], &[1, 1]] {
        let iterations = explore(lengths, Inbox::fall_asleep, false);
        println!("submissions {lengths:?}: {iterations} interleavings, explored completely");
        assert!(iterations > 1);
    }
}

#[test]
fn the_model_finds_a_loop_that_does_not_look_again_before_it_sleeps() {
    let lost = catch_unwind(AssertUnwindSafe(|| explore(&[1], fall_asleep_blindly, true)));
    let payload = lost.expect_err("the fault shows in some interleaving");
    let message = crate::panic_message(&*payload);
    assert!(message.contains("a wake-up is lost"), "{message}");
}
