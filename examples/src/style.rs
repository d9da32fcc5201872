//! The styles and baselines that every example is written in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A way to write a program: one of the three wings, or what is compared with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// Raw callbacks on the loop.
    Callbacks,
    /// Chainable promises on the loop.
    Promises,
    /// async/await tasks on the loop.
    Async,
    /// Raw callbacks on the loop, as a protocol and its transport.
    Protocol,
    /// Stackful fibers on the loop: an arm of the comparison, and no wing.
    Fibers,
    /// A hand-written mio loop without any abstraction.
    Raw,
    /// One blocking thread a connection, with the standard library alone.
    Threads,
    /// tokio's current-thread runtime.
    Tokio,
    /// smol's reactor with a local executor.
    Smol,
}

impl Style {
    /// Every style, the wings first.
    pub const ALL: [Style; 9] = [
        Style::Callbacks,
        Style::Promises,
        Style::Async,
        Style::Protocol,
        Style::Fibers,
        Style::Raw,
        Style::Threads,
        Style::Tokio,
        Style::Smol,
    ];

    /// The styles that each have a wing of their own.
    pub const WINGS: [Style; 3] = [Style::Callbacks, Style::Promises, Style::Async];

    /// Returns the name by which the command line and the reports call the style.
    pub fn name(self) -> &'static str {
        match self {
            Style::Callbacks => "callbacks",
            Style::Promises => "promises",
            Style::Async => "async",
            Style::Protocol => "protocol",
            Style::Fibers => "fibers",
            Style::Raw => "raw",
            Style::Threads => "threads",
            Style::Tokio => "tokio",
            Style::Smol => "smol",
        }
    }

    /// Says in one sentence what the style is.
    pub fn sentence(self) -> &'static str {
        match self {
            Style::Callbacks => "completion callbacks on the project's loop",
            Style::Promises => "chained promises on the project's loop",
            Style::Async => "async/await tasks on the project's loop",
            Style::Protocol => "a protocol and its transport on the project's loop",
            Style::Fibers => "stackful fibers on the project's loop, without colour",
            Style::Raw => "a hand-written mio loop without any abstraction",
            Style::Threads => "one blocking thread a connection",
            Style::Tokio => "tokio's current-thread runtime",
            Style::Smol => "smol's local executor over async-io",
        }
    }

    /// Tells whether the style runs on the project's own loop.
    pub fn is_wing(self) -> bool {
        matches!(self, Style::Protocol | Style::Fibers) || Style::WINGS.contains(&self)
    }
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Style {
    type Err = String;

    fn from_str(name: &str) -> Result<Style, String> {
        Style::ALL
            .into_iter()
            .find(|style| style.name() == name)
            .ok_or_else(|| format!("no style is called `{name}`"))
    }
}
