//! What the loop itself tells of the program, where a backtrace says nothing.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use super::probe::{Moment, Probe};
use super::{begin, quiet_loop, run_until_idle};
use crate::Style;

/// What the loop tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Introspection {
    /// What is before the loop while `look_up` waits, with the place where each was created: a line
    /// for a timer, a line for a task.
    pub waiting: Vec<String>,
    /// What the exception handler is told of a fault after the wait.
    pub report: Vec<String>,
}

/// Runs the program in a style of the loop, in debug mode, and returns what the loop tells of it.
///
/// # Errors
/// When the system has no descriptor left for a loop.
///
/// # Panics
/// For a style that is not on the loop.
pub fn introspect(style: Style) -> io::Result<Introspection> {
    let mut event_loop = quiet_loop()?;
    let handle = event_loop.handle();
    handle.set_debug(true);
    let report = Rc::new(RefCell::new(Vec::new()));
    let told = report.clone();
    handle.set_exception_handler(move |_, context| told.borrow_mut().push(context.to_string()));

    begin(style, &handle, Probe::new(Moment::After));
    event_loop.run_ready();
    let timers = handle.snapshot().timed.into_iter();
    let mut waiting: Vec<_> =
        timers.map(|timer| format!("a timer, scheduled at {}", timer.scheduled_at)).collect();
    waiting.extend(api_async::tasks(&handle).iter().map(ToString::to_string));

    run_until_idle(&mut event_loop)?;
    Ok(Introspection { waiting, report: report.take() })
}
