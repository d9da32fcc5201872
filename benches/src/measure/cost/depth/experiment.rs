//! What is measured against what.

use examples::Style;
use examples::demonstrations::depth::{Shape, inline, run};
use loop_core::{EventLoop, RunError};
use serde::Serialize;

/// How often the innermost call waits where it waits often.
const OFTEN: u64 = 100;

/// A shape that grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Experiment {
    /// Calls in calls; the innermost waits once.
    DepthOnce,
    /// Calls in calls; the innermost waits often.
    DepthOften,
    /// Steps one after the other.
    Chain,
    /// Operations at once.
    FanOut,
}

/// In what way it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Arm {
    /// With callbacks; what calls itself is in boxes.
    Callbacks,
    /// With promises.
    Promises,
    /// With async; what calls itself is in boxes.
    Async,
    /// With callbacks, in one closure.
    CallbacksInline,
    /// With async, in one future.
    AsyncInline,
}

const DEPTHS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];
const DEPTHS_QUICK: &[u64] = &[1, 8, 64];
const LENGTHS: &[u64] = &[1, 10, 100, 1_000, 10_000, 100_000];
const LENGTHS_QUICK: &[u64] = &[1, 10, 100];

impl Experiment {
    /// All, in the order of the report.
    pub(crate) const ALL: [Experiment; 4] =
        [Experiment::DepthOnce, Experiment::DepthOften, Experiment::Chain, Experiment::FanOut];

    /// Returns the heading of its table.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Experiment::DepthOnce => "Calls in calls, the innermost waits once",
            Experiment::DepthOften => "Calls in calls, the innermost waits 100 times",
            Experiment::Chain => "Steps one after the other",
            Experiment::FanOut => "Operations at once: timers of no time, joined by `all`",
        }
    }

    /// Returns what grows.
    pub(crate) fn size_name(self) -> &'static str {
        match self {
            Experiment::DepthOnce | Experiment::DepthOften => "depth",
            Experiment::Chain => "length",
            Experiment::FanOut => "width",
        }
    }

    /// Returns the ways in which it is written.
    pub(crate) fn arms(self) -> &'static [Arm] {
        match self {
            Experiment::DepthOnce | Experiment::DepthOften => &Arm::ALL,
            Experiment::Chain | Experiment::FanOut => &[Arm::Callbacks, Arm::Promises, Arm::Async],
        }
    }

    /// Returns its sizes, the least first.
    pub(crate) fn sizes(self, arm: Arm, quick: bool) -> &'static [u64] {
        match (self, arm) {
            // The sizes begin as those of the others do.
            (_, Arm::CallbacksInline | Arm::AsyncInline) => {
                if quick {
                    &DEPTHS_QUICK[..2]
                } else {
                    &inline::DEPTHS
                }
            }
            (Experiment::DepthOnce | Experiment::DepthOften, _) => {
                if quick {
                    DEPTHS_QUICK
                } else {
                    DEPTHS
                }
            }
            _ => {
                if quick {
                    LENGTHS_QUICK
                } else {
                    LENGTHS
                }
            }
        }
    }

    /// Runs it once.
    ///
    /// # Panics
    /// When it made other calls than it should.
    pub(crate) fn run(
        self,
        event_loop: &mut EventLoop,
        arm: Arm,
        size: u64,
    ) -> Result<(), RunError> {
        let shape = match self {
            Experiment::DepthOnce => Shape::Nested { depth: size, suspensions: 1 },
            Experiment::DepthOften => Shape::Nested { depth: size, suspensions: OFTEN },
            Experiment::Chain => Shape::Chain(size),
            Experiment::FanOut => Shape::FanOut(size),
        };
        let calls = match (arm, shape) {
            (Arm::CallbacksInline, Shape::Nested { depth, suspensions }) => {
                let handle = event_loop.handle();
                event_loop.run_until_complete(|completer| {
                    let done = |calls| completer.complete(calls);
                    inline::callbacks(handle, depth, suspensions, done);
                })?
            }
            (Arm::AsyncInline, Shape::Nested { depth, suspensions }) => {
                api_async::run_until_complete(event_loop, inline::futures(depth, suspensions))?
            }
            (Arm::Callbacks | Arm::CallbacksInline, _) => run(event_loop, Style::Callbacks, shape)?,
            (Arm::Promises, _) => run(event_loop, Style::Promises, shape)?,
            (Arm::Async | Arm::AsyncInline, _) => run(event_loop, Style::Async, shape)?,
        };
        assert_eq!(calls, size, "{arm:?}, {shape:?}");
        Ok(())
    }
}

impl Arm {
    /// All, in the order of tables.
    const ALL: [Arm; 5] =
        [Arm::Callbacks, Arm::Promises, Arm::Async, Arm::CallbacksInline, Arm::AsyncInline];

    /// Returns the name that tables have for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Arm::Callbacks => "callbacks",
            Arm::Promises => "promises",
            Arm::Async => "async",
            Arm::CallbacksInline => "one closure",
            Arm::AsyncInline => "one future",
        }
    }

    /// Returns the letter that it is plotted with.
    pub(crate) fn letter(self) -> &'static str {
        match self {
            Arm::Callbacks => "c",
            Arm::Promises => "p",
            Arm::Async => "a",
            Arm::CallbacksInline => "C",
            Arm::AsyncInline => "A",
        }
    }
}
