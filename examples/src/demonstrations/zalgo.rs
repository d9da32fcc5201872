//! A cached path that calls back inside the call breaks an invariant of its caller (Schlueter, and
//! Benfield's footnote on Twisted): a batch that is to be complete once is complete once per item.

use std::cell::Cell;
use std::fmt::Write;
use std::io;
use std::rc::Rc;

use api_promises::Promise;
use loop_core::{EventLoop, LoopHandle, LoopTime};

use super::{Demonstration, Detail};

pub(super) const DEMONSTRATION: Demonstration = Demonstration {
    name: "zalgo",
    claims: "C18",
    sentence: "A callback inside the call breaks its caller; one that comes later cannot",
    so: "Call back later, always: a caller that is called too early still counts.",
    show,
};

/// How a value that is there already is told; one that is not there yet is always told later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cached {
    /// By a callback that runs before `fetch` has returned.
    Inline,
    /// By an operation of the callbacks wing that has ended when it begins.
    Callbacks,
    /// By a promise that is resolved when it is made.
    Promises,
    /// By an `async` block that has nothing to wait for.
    Async,
}

/// Whether a value is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// It is, so that `fetch` could tell it at once.
    IsCached,
    /// It has to come first.
    IsToCome,
}

/// Items of which each says when it is there; the batch is complete when none is missing.
#[derive(Default)]
struct Batch {
    missing: Cell<usize>,
    completions: Cell<usize>,
}

impl Cached {
    /// Each way, the bad one first.
    pub const ALL: [Cached; 4] =
        [Cached::Inline, Cached::Callbacks, Cached::Promises, Cached::Async];
}

impl Batch {
    fn end_one(&self) {
        self.missing.set(self.missing.get() - 1);
        if self.missing.get() == 0 {
            self.completions.set(self.completions.get() + 1);
        }
    }
}

/// Fetches items as one batch; returns how often it was told to be complete inside the calls, and how
/// often in all.
///
/// # Errors
/// When no loop can be made.
pub fn completions(cached: Cached, value: Value, items: usize) -> io::Result<(usize, usize)> {
    let mut event_loop = EventLoop::new()?;
    let handle = event_loop.handle();
    let batch = Rc::new(Batch::default());
    // ANCHOR: batch
    for _ in 0..items {
        // The invariant: an item is counted as missing before it can end.
        batch.missing.set(batch.missing.get() + 1);
        let of_item = batch.clone();
        fetch(&handle, cached, value, move || of_item.end_one());
    }
    // ANCHOR_END: batch
    let inside = batch.completions.get();
    // One turn that does not wait: a sleep until now ends in it, and where nothing is left, it does too.
    handle.stop();
    event_loop.run_forever()?;
    Ok((inside, batch.completions.get()))
}

// ANCHOR: fetch
fn fetch(handle: &LoopHandle, cached: Cached, value: Value, callback: impl FnOnce() + 'static) {
    match cached {
        Cached::Inline if value == Value::IsCached => callback(),
        Cached::Inline => drop(handle.call_soon(callback)),
        Cached::Callbacks => {
            api_callbacks::sleep_until(handle, LoopTime::ORIGIN, |_| callback());
        }
        Cached::Promises => {
            let value = Promise::<(), io::Error>::resolve(handle, ());
            value.map(|()| callback()).detach(|error| unreachable!("it is resolved: {error}"));
        }
        Cached::Async => api_async::spawn(handle, async { callback() }).detach(),
    }
}
// ANCHOR_END: fetch

fn show(_: Detail) -> io::Result<String> {
    let mut text =
        String::from("for each item: missing += 1; fetch(|| { missing -= 1; complete at 0 })\n\n");
    for cached in Cached::ALL {
        let (inside, all) = completions(cached, Value::IsCached, 3)?;
        let name = format!("{cached:?}").to_lowercase();
        let times = if all == 1 { "once".to_owned() } else { format!("{all} times") };
        let when = if inside == 0 { "after the calls" } else { "inside the calls" };
        writeln!(text, "{name:<10} a batch of 3 items is complete {times}, {when}")
            .expect("a string takes all");
    }
    Ok(text)
}
