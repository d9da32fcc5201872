//! A program three calls deep, and what can be seen of it when it fails.
//!
//! `begin` starts the program, `serve` calls `price`, `price` calls `look_up`, and that one waits.
//! Rule: the functions have the same names in every style, and the fault is a real unwinding.

mod async_await;
mod callbacks;
mod introspection;
mod probe;
mod promises;
mod threads;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use loop_core::{EventLoop, LoopHandle, ManualClock, panic_message};

pub use introspection::{Introspection, introspect};
use probe::Probe;
pub use probe::{Moment, Seen};

use crate::Style;

/// The functions of the program, from the outermost to the innermost.
pub const FUNCTIONS: [&str; 4] = ["begin", "serve", "price", "look_up"];

/// The styles that the program is written in.
pub const STYLES: [Style; 4] = [Style::Threads, Style::Callbacks, Style::Promises, Style::Async];

/// How long `look_up` waits.
const A_WHILE: Duration = Duration::from_millis(1);

/// Runs the program in a style, lets it fail at a moment, and returns what a backtrace shows there.
///
/// ```
/// use examples::Style;
/// use examples::demonstrations::frames;
///
/// let seen = frames::backtrace(Style::Callbacks, frames::Moment::After)?;
/// assert!(seen.functions().iter().all(|name| *name != "begin"), "it has returned long ago");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// When the system has no descriptor left for a loop.
///
/// # Panics
/// For a style that is not one of [`STYLES`].
pub fn backtrace(style: Style, moment: Moment) -> io::Result<Seen> {
    let probe = Probe::new(moment);
    if style == Style::Threads {
        // The thread ends by the fault; its join tells of it.
        let fails = probe.clone();
        let _ = thread::spawn(move || threads::begin(fails)).join();
        return Ok(probe.seen());
    }
    let mut event_loop = quiet_loop()?;
    begin(style, &event_loop.handle(), probe.clone());
    run_until_idle(&mut event_loop)?;
    Ok(probe.seen())
}

/// Runs the program on a loop until `look_up` waits, and returns what a backtrace shows which a
/// bystander takes then: a callback that has nothing to do with it.
///
/// # Errors
/// As [`backtrace`].
///
/// # Panics
/// For a style that is not on the loop.
pub fn backtrace_while_it_waits(style: Style) -> io::Result<Seen> {
    let (probe, bystander) = (Probe::new(Moment::Never), Probe::new(Moment::Never));
    let mut event_loop = quiet_loop()?;
    let handle = event_loop.handle();
    begin(style, &handle, probe);
    event_loop.run_ready();
    let takes = bystander.clone();
    handle.call_soon(move || takes.take_backtrace());
    event_loop.run_ready();
    Ok(bystander.seen())
}

/// Begins the program on a loop. In the styles that run up to the first wait at once, a fault before
/// that is the caller's.
fn begin(style: Style, handle: &LoopHandle, probe: Probe) {
    let begun = catch_unwind(AssertUnwindSafe(|| match style {
        Style::Callbacks => callbacks::begin(handle, probe),
        Style::Promises => promises::begin(handle, probe),
        Style::Async => async_await::begin(handle, probe),
        other => panic!("the program is not written for {other} on a loop"),
    }));
    if let Err(payload) = begun
        && panic_message(&*payload) != probe::FAULT
    {
        std::panic::resume_unwind(payload);
    }
}

/// Makes a loop that does not print what fails, on a clock that jumps to the next deadline.
fn quiet_loop() -> io::Result<EventLoop> {
    let event_loop = EventLoop::with_clock(ManualClock::new().autojump(Duration::ZERO))?;
    event_loop.handle().set_exception_handler(|_, _| ());
    Ok(event_loop)
}

/// Runs a loop until nothing is before it.
fn run_until_idle(event_loop: &mut EventLoop) -> io::Result<()> {
    let handle = event_loop.handle();
    let is_idle = || {
        let snapshot = handle.snapshot();
        snapshot.ready.is_empty() && snapshot.parked.is_empty() && snapshot.timed.is_empty()
    };
    while !is_idle() {
        event_loop.run_once()?;
    }
    Ok(())
}
