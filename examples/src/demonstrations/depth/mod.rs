//! Calls in depth, one after the other, and side by side: the same shapes in every style.
//!
//! A suspension is one hop through the ready queue. Everything returns how many calls there were, so
//! that a shape that is not run to its end is found out.

pub mod async_await;
pub mod callbacks;
pub mod inline;
pub mod promises;

use loop_core::{EventLoop, RunError};

use crate::Style;

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Calls in calls, so deep, and the innermost waits so many times.
    Nested {
        /// How many calls there are around the innermost.
        depth: u64,
        /// How many times the innermost waits.
        suspensions: u64,
    },
    /// So many steps, one after the other.
    Chain(u64),
    /// So many operations at once, each a timer of no time, joined by `all`.
    FanOut(u64),
}

/// Runs a shape in the style of a wing, and returns how many calls it made.
///
/// # Errors
/// As [`EventLoop::run_until_complete`].
///
/// # Panics
/// For a style that has no wing.
pub fn run(event_loop: &mut EventLoop, style: Style, shape: Shape) -> Result<u64, RunError> {
    let handle = event_loop.handle();
    match style {
        Style::Callbacks => event_loop.run_until_complete(|completer| {
            let done = move |calls| completer.complete(calls);
            match shape {
                Shape::Nested { depth, suspensions } => {
                    callbacks::nested(handle, depth, suspensions, Box::new(done));
                }
                Shape::Chain(length) => callbacks::chain(handle, length, Box::new(done)),
                Shape::FanOut(width) => callbacks::fan_out(&handle, width, done),
            }
        }),
        Style::Promises => {
            let calls = match shape {
                Shape::Nested { depth, suspensions } => {
                    promises::nested(handle, depth, suspensions)
                }
                Shape::Chain(length) => promises::chain(&handle, length),
                Shape::FanOut(width) => promises::fan_out(&handle, width),
            };
            Ok(calls.run_until_complete(event_loop)??)
        }
        Style::Async => match shape {
            Shape::Nested { depth, suspensions } => {
                api_async::run_until_complete(event_loop, async_await::nested(depth, suspensions))
            }
            Shape::Chain(length) => {
                api_async::run_until_complete(event_loop, async_await::chain(length))
            }
            Shape::FanOut(width) => {
                let calls = async_await::fan_out(handle, width);
                Ok(api_async::run_until_complete(event_loop, calls)??)
            }
        },
        _ => panic!("{style} has no wing"),
    }
}
