//! A chain of callbacks, each of which queues the next, beside a socket that becomes readable.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::task::Poll;

use api_promises::Promise;
use loop_core::{EventLoop, LoopHandle, ManualClock, TurnRule};

use crate::Style;

/// The rule that has no bound: the queue is run until it is empty, and then the loop polls.
pub const UNTIL_EMPTY: TurnRule = TurnRule::Bounded(usize::MAX);

/// A chain of steps; the first of them sends a byte to a reader.
struct Chain {
    taken: Cell<usize>,
    steps: usize,
    peer: UnixStream,
    /// How many steps were taken when the reader was called.
    at_io: Cell<Option<usize>>,
}

impl Chain {
    /// Takes a step; tells whether there is another.
    fn step(&self) -> bool {
        self.taken.set(self.taken.get() + 1);
        if self.taken.get() == 1 {
            (&self.peer).write_all(b"!").expect("a pair of sockets takes a byte");
        }
        self.taken.get() < self.steps
    }
}

/// Runs a chain of steps; returns how many of them came between a byte for a reader and the reader.
///
/// # Errors
/// When no loop can be made.
pub fn steps_before_io(style: Style, rule: TurnRule, steps: usize) -> io::Result<usize> {
    let mut event_loop = EventLoop::with_clock(ManualClock::new())?;
    let handle = event_loop.handle();
    handle.set_turn_rule(rule);
    let (ours, peer) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let ours = Rc::new(ours);
    let chain = Rc::new(Chain { taken: Cell::new(0), steps, peer, at_io: Cell::new(None) });
    let (seen, by_reader, read) = (chain.clone(), handle.clone(), ours.clone());
    handle.add_reader(&ours, move || {
        by_reader.remove_reader(&read);
        seen.at_io.set(Some(seen.taken.get()));
    })?;
    match style {
        Style::Callbacks => with_callbacks(&handle, chain.clone()),
        Style::Promises => {
            let (of_chain, by_chain) = (chain.clone(), handle.clone());
            handle.call_soon(move || with_promises(&by_chain, of_chain).detach(drop));
        }
        _ => with_async(&handle, chain.clone()),
    }
    // A step takes a turn at most, whatever the rule.
    for _ in 0..2 * steps {
        handle.stop();
        event_loop.run_forever()?;
        if let Some(at_io) = chain.at_io.get() {
            // The step that sent the byte is not counted.
            return Ok(at_io - 1);
        }
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "the reader was not called"))
}

fn with_callbacks(handle: &LoopHandle, chain: Rc<Chain>) {
    let next = handle.clone();
    handle.call_soon(move || {
        if chain.step() {
            with_callbacks(&next, chain);
        }
    });
}

fn with_promises(handle: &LoopHandle, chain: Rc<Chain>) -> Promise<(), io::Error> {
    let step = Promise::resolve(handle, ());
    if !chain.step() {
        return step;
    }
    let next = handle.clone();
    step.then(move |()| with_promises(&next, chain))
}

fn with_async(handle: &LoopHandle, chain: Rc<Chain>) {
    let steps = async move {
        while chain.step() {
            yield_now().await;
        }
    };
    api_async::spawn_infallible(handle, steps).detach();
}

/// Is pending once, and wakes itself.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
