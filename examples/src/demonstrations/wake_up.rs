//! A callback that another thread queues without a wake-up waits for the poll's timeout, and for ever
//! if there is none; with a wake-up it does not (the notes' two thread demos; dask/distributed#3223).
//!
//! The loop's own `Remote` always wakes. A call without a wake-up is therefore queued as
//! asyncio's `call_soon` does it: in a list that the loop looks at when its poll has ended.

use std::cell::Cell;
use std::fmt::Write;
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use loop_core::{EventLoop, LoopHandle, Remote};

use super::{Demonstration, Detail};

pub(super) const DEMONSTRATION: Demonstration = Demonstration {
    name: "wake-up",
    claims: "C05, C06",
    sentence: "A call from a thread waits for the poll's timeout, unless it wakes the loop",
    so: "A thread's submission has to wake the loop, and once is enough.",
    show,
};

/// How long a poll waits that nothing wakes, and a watchdog.
pub const SHORT: Duration = Duration::from_millis(300);

/// How long a poll could wait that is woken before. Far more than any machine is late.
pub const LONG: Duration = Duration::from_secs(60);

/// What the thread does before it calls, so that the loop sleeps by then.
const FALLING_ASLEEP: Duration = Duration::from_millis(30);

/// How another thread queues its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// In a list that the loop looks at after each poll.
    WithoutWakeUp,
    /// Through the loop's remote.
    WithWakeUp,
}

/// When the call has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// Before the timeout, and before the watchdog.
    AtOnce,
    /// When the poll's timeout had passed.
    AtTheTimeout,
    /// When the watchdog had ended the poll.
    ByTheWatchdog,
}

/// What posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poster {
    /// Four threads, while the loop sleeps.
    ThreadsToASleeper,
    /// Four threads, while the loop is at work.
    ThreadsToAWorker,
    /// The loop's own thread.
    ItsOwnThread,
}

/// What came of many posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Those that have run.
    pub ran: usize,
    /// Writes to the self-pipe.
    pub wake_writes: u64,
}

/// Threads that post.
pub const THREADS: usize = 4;

/// Wakes the loop when it has slept for too long.
struct Watchdog {
    thread: thread::JoinHandle<()>,
    chain: mpsc::Sender<()>,
    barked: Arc<AtomicBool>,
}

impl Watchdog {
    fn new(remote: Remote, patience: Duration) -> Watchdog {
        let (chain, chained) = mpsc::channel::<()>();
        let barked = Arc::new(AtomicBool::new(false));
        let barks = barked.clone();
        let thread = thread::spawn(move || {
            if chained.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout) {
                let bark = move |_: &LoopHandle| barks.store(true, Ordering::Relaxed);
                // A loop that is gone needs no watchdog.
                drop(remote.call_soon_threadsafe(bark));
            }
        });
        Watchdog { thread, chain, barked }
    }

    /// Ends its watch; tells whether it had to wake the loop.
    fn end(self) -> bool {
        drop(self.chain);
        self.thread.join().expect("it does not panic");
        self.barked.load(Ordering::Relaxed)
    }
}

/// Lets another thread call into a loop that sleeps in its poll, for `timeout` or for ever; a watchdog
/// wakes it after `patience`.
///
/// # Errors
/// What the system says.
pub fn call_from_a_thread(
    call: Call,
    timeout: Option<Duration>,
    patience: Duration,
) -> io::Result<Ran> {
    let mut event_loop = EventLoop::new()?;
    let handle = event_loop.handle();
    let (list, looked_at) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
    let ran = Arc::new(AtomicBool::new(false));
    let runs = ran.clone();
    let remote = handle.remote();
    let caller = thread::spawn(move || {
        thread::sleep(FALLING_ASLEEP);
        let callback = move || runs.store(true, Ordering::Relaxed);
        match call {
            Call::WithoutWakeUp => list.send(Box::new(callback)).is_ok(),
            Call::WithWakeUp => remote.call_soon_threadsafe(move |_| callback()).is_ok(),
        }
    });
    let watchdog = Watchdog::new(handle.remote(), patience);
    let timed_out = Rc::new(Cell::new(false));
    if let Some(timeout) = timeout {
        let times_out = timed_out.clone();
        handle.call_later(timeout, move || times_out.set(true));
    }
    while !ran.load(Ordering::Relaxed) {
        event_loop.run_once()?;
        looked_at.try_iter().for_each(|callback| callback());
    }
    assert!(caller.join().expect("it does not panic"), "the loop is open");
    Ok(match (timed_out.get(), watchdog.end()) {
        (true, _) => Ran::AtTheTimeout,
        (false, true) => Ran::ByTheWatchdog,
        (false, false) => Ran::AtOnce,
    })
}

/// Posts many callbacks to a loop, and runs them.
///
/// # Errors
/// What the system says.
pub fn post(poster: Poster, posts: usize) -> io::Result<Posted> {
    let mut event_loop = EventLoop::new()?;
    let (remote, ran) = (event_loop.handle().remote(), Arc::new(AtomicUsize::new(0)));
    let runs = ran.clone();
    let post = move |remote: &Remote, count: usize| {
        for _ in 0..count {
            let runs = runs.clone();
            let callback = move |_: &LoopHandle| {
                runs.fetch_add(1, Ordering::Relaxed);
            };
            assert!(remote.call_soon_threadsafe(callback).is_ok(), "the loop is open");
        }
    };
    if poster == Poster::ThreadsToASleeper {
        // From here on the loop counts as asleep, as it does in its poll.
        assert_eq!(event_loop.prepare_to_wait(), None, "nothing is ready, and no timer runs");
    }
    match poster {
        Poster::ItsOwnThread => post(&remote, posts),
        _ => thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| post(&remote, posts / THREADS));
            }
        }),
    }
    while ran.load(Ordering::Relaxed) < posts / THREADS * THREADS {
        event_loop.run_once()?;
    }
    let wake_writes = event_loop.handle().counts().wake_writes;
    Ok(Posted { ran: ran.load(Ordering::Relaxed), wake_writes })
}

fn show(_: Detail) -> io::Result<String> {
    let mut text = String::new();
    let calls = [
        (Call::WithoutWakeUp, Some(SHORT), LONG),
        (Call::WithoutWakeUp, None, SHORT),
        (Call::WithWakeUp, Some(LONG), LONG),
        (Call::WithWakeUp, None, LONG),
    ];
    for (call, timeout, patience) in calls {
        let how = match call {
            Call::WithoutWakeUp => "no wake-up",
            Call::WithWakeUp => "a wake-up",
        };
        let waits = timeout.map_or("for ever".to_owned(), |timeout| format!("{timeout:?}"));
        let ran = match call_from_a_thread(call, timeout, patience)? {
            Ran::AtOnce => "at once",
            Ran::AtTheTimeout => "after the timeout",
            Ran::ByTheWatchdog => "when a watchdog ends the poll",
        };
        writeln!(text, "{how:<10}, the poll may wait {waits:<8}: runs {ran}")
            .expect("a string takes all");
    }
    text.push('\n');
    let posters = [
        (Poster::ThreadsToASleeper, "4 threads to a loop that sleeps"),
        (Poster::ThreadsToAWorker, "4 threads to a loop at work"),
        (Poster::ItsOwnThread, "the loop's own thread"),
    ];
    for (poster, from) in posters {
        let Posted { ran, wake_writes } = post(poster, 1_000)?;
        writeln!(text, "1000 posts of {from:<31}: {ran} run; wake-ups: {wake_writes}")
            .expect("a string takes all");
    }
    Ok(text)
}
