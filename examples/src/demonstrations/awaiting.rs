//! A task awaits a future by hand whose result is set later: meanwhile the poll sleeps for as long as
//! its timeout says. With the timeout forced to nothing the loop does the same, and spins (the notes'
//! `await_generator_future.py`, "also change the selector timeout to be always 0").

use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use loop_core::{EventLoop, ManualClock};

use super::{Demonstration, Detail};

pub(super) const DEMONSTRATION: Demonstration = Demonstration {
    name: "awaiting",
    claims: "C05, C06",
    sentence: "While a task waits the poll sleeps; with a timeout forced to 0 the loop spins",
    so: "Waiting is free while the poll sleeps; a poll that may not sleep spins.",
    show,
};

/// When the result is set.
pub const SET_AFTER: Duration = Duration::from_secs(1);

/// What a poll that does not sleep takes, on the clock of the demonstration.
pub const POLL_TAKES: Duration = Duration::from_millis(1);

/// How the loop polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// For as long as the loop says.
    Kept,
    /// Not at all, whatever the loop says.
    ForcedToZero,
}

/// What came of awaiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// What the task got.
    pub result: u32,
    /// How long each poll was allowed to wait, turn by turn; for ever, if there is none.
    pub timeouts: Vec<Option<Duration>>,
    /// How often the future was asked.
    pub asked: usize,
    /// Writes to the self-pipe.
    pub wake_writes: u64,
}

/// A future by hand: a place for the result, and what to wake when it is set.
#[derive(Clone, Default)]
struct Later(Rc<Slot>);

#[derive(Default)]
struct Slot {
    result: Cell<Option<u32>>,
    waker: RefCell<Option<Waker>>,
    asked: Cell<usize>,
}

impl Later {
    fn set_result(&self, result: u32) {
        self.0.result.set(Some(result));
        if let Some(waker) = self.0.waker.take() {
            waker.wake();
        }
    }
}

impl Future for Later {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
        self.0.asked.set(self.0.asked.get() + 1);
        match self.0.result.get() {
            Some(result) => Poll::Ready(result),
            None => {
                self.0.waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }
}

/// Awaits a result that is set after [`SET_AFTER`].
///
/// # Errors
/// When no loop can be made.
pub fn await_later(timeout: Timeout) -> io::Result<Awaited> {
    let (clock, timeouts) = (ManualClock::new(), Rc::new(RefCell::new(Vec::new())));
    let (time, seen) = (clock.clone(), timeouts.clone());
    let mut event_loop = EventLoop::with_script(clock, move |allowed: Option<Duration>| {
        seen.borrow_mut().push(allowed);
        let sleeps = allowed.unwrap_or_default();
        time.advance(match timeout {
            Timeout::Kept => sleeps,
            Timeout::ForcedToZero => sleeps.min(POLL_TAKES),
        });
        Ok(Vec::new())
    })?;
    let (handle, later) = (event_loop.handle(), Later::default());
    let setter = later.clone();
    handle.call_later(SET_AFTER, move || setter.set_result(42));
    let result = api_async::run_until_complete(&mut event_loop, later.clone());
    Ok(Awaited {
        result: result.map_err(io::Error::other)?,
        timeouts: timeouts.take(),
        asked: later.0.asked.get(),
        wake_writes: handle.counts().wake_writes,
    })
}

fn show(_: Detail) -> io::Result<String> {
    let mut text = String::new();
    for timeout in [Timeout::Kept, Timeout::ForcedToZero] {
        let seen = await_later(timeout)?;
        let name = match timeout {
            Timeout::Kept => "the poll waits as it may",
            Timeout::ForcedToZero => "the poll never waits, and takes 1ms",
        };
        writeln!(text, "{name}: {} turns", seen.timeouts.len()).expect("a string takes all");
        let idle = seen.timeouts.iter().filter(|allowed| **allowed != Some(Duration::ZERO));
        let named: Vec<_> = idle.map(|allowed| told(*allowed)).collect();
        match &named[..] {
            [first, .., last] => {
                let count = named.len();
                writeln!(text, "  could have slept in {count} of them, for {first} to {last}")
            }
            all => writeln!(text, "  sleeps in {} of them, for {}", all.len(), all.join(" ")),
        }
        .expect("a string takes all");
        let Awaited { result, asked, wake_writes, .. } = seen;
        writeln!(text, "  the future is asked {asked} times and gives {result}")
            .expect("a string takes all");
        writeln!(text, "  the self-pipe is written {wake_writes} times")
            .expect("a string takes all");
    }
    Ok(text)
}

fn told(timeout: Option<Duration>) -> String {
    timeout.map_or("ever".to_owned(), |timeout| format!("{timeout:?}"))
}
