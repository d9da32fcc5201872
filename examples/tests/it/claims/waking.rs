//! C05, C06: what it takes to reach a loop that sleeps.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use examples::claims::{observed, part, within};
use loop_core::{EventLoop, LoopHandle};
use mio::{Events, Poll, Token, Waker};

/// The timeout of the naive loop's poll.
const TIMEOUT: Duration = Duration::from_millis(200);

/// Longer than any wake-up takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A loop that is a queue and a poll. It sleeps; another thread queues a job, and wakes it or does
/// not. Returns whether an event ended the poll before the job ran, or else its timeout did; nothing
/// if no poll had ended by the time that is watched.
fn naive(timeout: Option<Duration>, wakes: bool, watched: Duration) -> Option<bool> {
    let mut poll = Poll::new().unwrap();
    // Both keep it: a waker that is gone takes its wake-up along.
    let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
    let (queue, sleeps) = (Arc::new(Mutex::new(None)), Arc::new(Barrier::new(2)));
    let (ran, has_run) = mpsc::channel();
    let (filled, begun, wake) = (queue.clone(), sleeps.clone(), waker.clone());
    let poster = thread::spawn(move || {
        begun.wait();
        thread::sleep(TIMEOUT / 10);
        *filled.lock().unwrap() = Some("job");
        if wakes {
            wake.wake().unwrap();
        }
        let in_time = has_run.recv_timeout(watched).is_ok();
        wake.wake().unwrap();
        in_time
    });
    sleeps.wait();
    let mut events = Events::with_capacity(1);
    loop {
        poll.poll(&mut events, timeout).unwrap();
        if queue.lock().unwrap().take().is_some() {
            break;
        }
    }
    let _ = ran.send(());
    poster.join().unwrap().then_some(!events.is_empty())
}

/// Without a wake-up the job waits until the poll gives up by itself, and if it never does, for ever;
/// a wake-up ends either wait.
#[test]
fn c05_without_a_wake_up_a_call_from_another_thread_waits_for_the_timeout() {
    let watched = 2 * TIMEOUT;
    let unwoken = naive(Some(TIMEOUT), false, PATIENCE);
    observed("C05", "timeout_ms", TIMEOUT.as_millis());
    let late = "without a wake-up it waits until the poll's timeout";
    assert!(part("C05", late, unwoken == Some(false)));
    observed("C05", "watched_ms", watched.as_millis());
    let hangs = naive(None, false, watched).is_none();
    assert!(part("C05", "without a timeout it does not run at all", hangs));
    let woken = [Some(2 * PATIENCE), None].map(|timeout| naive(timeout, true, PATIENCE));
    assert!(part("C05", "woken, it waits for no timeout", woken == [Some(true); 2]));

    // Ours: no timer, so the poll has no timeout.
    let mut event_loop = EventLoop::new().unwrap();
    let remote = event_loop.handle().remote();
    let (ran, has_run) = mpsc::channel();
    let poster = thread::spawn(move || {
        thread::sleep(TIMEOUT / 10);
        let stop = move |handle: &LoopHandle| {
            handle.stop();
            ran.send(()).unwrap();
        };
        remote.call_soon_threadsafe(stop).unwrap();
        has_run.recv_timeout(PATIENCE).is_ok()
    });
    event_loop.run_forever().unwrap();
    assert!(part("C05", "the loop's own remote wakes it", poster.join().unwrap()));
}

const THREADS: usize = 4;
const POSTS: usize = 10_000;

/// The loop sleeps; one thread posts all before the loop looks again. Then several threads post while
/// it turns: each post runs, and there is no more than one wake-up for each poll.
#[test]
fn c06_many_posts_need_one_wake_up_and_none_is_lost() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let remote = handle.remote();
    (0..POSTS).for_each(|_| remote.call_soon_threadsafe(|_| ()).unwrap());
    event_loop.run_ready();
    let own = handle.counts().wake_writes;
    observed("C06", "wake_writes_of_the_own_thread", own);
    assert!(part("C06", "posts of the loop's own thread need no wake-up", own == 0));

    let ran = Arc::new(AtomicUsize::new(0));
    let before = handle.counts();
    let posters: Vec<_> = (0..THREADS)
        .map(|_| {
            let (remote, ran) = (handle.remote(), ran.clone());
            thread::spawn(move || {
                for _ in 0..POSTS {
                    let ran = ran.clone();
                    let count = move |handle: &LoopHandle| {
                        if ran.fetch_add(1, Ordering::Relaxed) + 1 == THREADS * POSTS {
                            handle.stop();
                        }
                    };
                    remote.call_soon_threadsafe(count).unwrap();
                }
            })
        })
        .collect();
    event_loop.run_forever().unwrap();
    posters.into_iter().for_each(|poster| poster.join().unwrap());
    let (after, all) = (handle.counts(), ran.load(Ordering::Relaxed));
    let [writes, polls] = [after.wake_writes - before.wake_writes, after.polls - before.polls];
    observed("C06", "threads", THREADS);
    observed("C06", "posts", THREADS * POSTS);
    observed("C06", "posts_run", all);
    assert!(part("C06", "every post runs", all == THREADS * POSTS));
    assert!(part("C06", "there is one wake-up at most for each poll", writes <= polls));
    assert!(within("C06", "asleep, it is woken once for many posts", woken_by(POSTS)));
}

#[test]
fn a_loop_that_sleeps_again_after_each_post_is_woken_for_each() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    for _ in 0..10 {
        let _ = event_loop.prepare_to_wait();
        let remote = handle.remote();
        let post = move || remote.call_soon_threadsafe(|_| ()).unwrap();
        thread::spawn(post).join().unwrap();
        event_loop.run_once().unwrap();
    }
    assert_eq!(handle.counts().wake_writes, 10);
}

/// Counts the wake-ups of a loop that sleeps in a poll of its owner's while so many posts come.
fn woken_by(posts: usize) -> u64 {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let _ = event_loop.prepare_to_wait();
    let remote = handle.remote();
    let post = move || (0..posts).for_each(|_| remote.call_soon_threadsafe(|_| ()).unwrap());
    thread::spawn(post).join().unwrap();
    let writes = handle.counts().wake_writes;
    observed("C06", "posts_while_asleep", posts);
    observed("C06", "wake_writes_while_asleep", writes);
    writes
}
