//! What crosses with each crossing, as data: the page and the tests read it here.

use std::fmt;

use serde::Serialize;

/// A colour of function: how it gives its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// It returns the answer, and blocks until there is one.
    Sync,
    /// It calls a closure with the answer.
    Callback,
    /// It returns a promise of the answer.
    Promise,
    /// It returns a future, which does nothing before it is polled.
    Async,
}

/// What happens to one side of a crossing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// The callee has a value.
    Value,
    /// The callee has an error.
    Error,
    /// The callee panics.
    Panic,
    /// The callee drops what it was to answer with.
    Silence,
    /// The caller cancels, by the means of its style; a sync caller stops the loop.
    Cancel,
    /// The caller drops what the crossing gave it; a sync caller drops the loop.
    Drop,
}

/// What becomes of an event on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// The caller gets it as it is.
    Crosses,
    /// The caller gets an error that says what happened.
    Told,
    /// The caller gets an error that says no more than that there is no answer.
    Bare,
    /// The callee ends early.
    Stops,
    /// The callee goes on.
    Survives,
    /// It cannot happen: the callee answers by ending, and its future is the caller's own.
    Never,
}

/// One of the twelve ways from one colour to another.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Crossing {
    /// The colour of the caller.
    pub from: Colour,
    /// The colour of what it calls.
    pub to: Colour,
    /// The crossing in one line.
    pub essence: &'static str,
    /// What becomes of each event, in the order of [`Event::ALL`].
    pub effects: [Effect; 6],
}

use Colour::{Async, Callback, Promise, Sync};
use Effect::{Bare, Crosses, Never, Stops, Survives, Told};

/// Every crossing, by caller and then by callee.
#[rustfmt::skip]
pub const TABLE: [Crossing; 12] = [
    row(Sync, Callback, "event_loop.run_until_complete(start)",
        [Crosses, Crosses, Bare, Bare, Survives, Stops]),
    row(Sync, Promise, "promise.run_until_complete(event_loop)",
        [Crosses, Crosses, Told, Told, Survives, Stops]),
    row(Sync, Async, "run_until_complete(event_loop, future)",
        [Crosses, Crosses, Bare, Never, Survives, Stops]),
    row(Callback, Sync, "handle.run_in_executor(work, callback)",
        [Crosses, Crosses, Told, Never, Survives, Survives]),
    row(Callback, Promise, "callbackify(promise, callback)",
        [Crosses, Crosses, Told, Told, Stops, Survives]),
    row(Callback, Async, "spawn(handle, future).on_end(callback)",
        [Crosses, Crosses, Told, Never, Stops, Survives]),
    row(Promise, Sync, "promisify(handle, |r| handle.run_in_executor(work, r))",
        [Crosses, Crosses, Told, Never, Survives, Survives]),
    row(Promise, Callback, "promisify(handle, |r| start(r))",
        [Crosses, Crosses, Told, Told, Stops, Stops]),
    row(Promise, Async, "Promise::spawn(handle, spawner, future)",
        [Crosses, Crosses, Told, Never, Stops, Stops]),
    row(Async, Sync, "offload(handle, work).await",
        [Crosses, Crosses, Told, Never, Survives, Survives]),
    row(Async, Callback, "suspend(|r| CancelOnDrop(start(r))).await",
        [Crosses, Crosses, Bare, Bare, Stops, Stops]),
    row(Async, Promise, "promise.await",
        [Crosses, Crosses, Told, Told, Stops, Stops]),
];

const fn row(from: Colour, to: Colour, essence: &'static str, effects: [Effect; 6]) -> Crossing {
    Crossing { from, to, essence, effects }
}

impl Colour {
    /// All, in the order of the page.
    pub const ALL: [Colour; 4] = [Sync, Callback, Promise, Async];

    /// Returns the name that the page has for it.
    pub fn name(self) -> &'static str {
        match self {
            Sync => "sync",
            Callback => "callback",
            Promise => "promise",
            Async => "async",
        }
    }
}

impl Event {
    /// All, in the order of [`Crossing::effects`].
    pub const ALL: [Event; 6] =
        [Event::Value, Event::Error, Event::Panic, Event::Silence, Event::Cancel, Event::Drop];

    /// Returns the name that the page has for it.
    pub fn name(self) -> &'static str {
        match self {
            Event::Value => "value",
            Event::Error => "error",
            Event::Panic => "panic",
            Event::Silence => "silence",
            Event::Cancel => "cancel",
            Event::Drop => "drop",
        }
    }
}

impl Effect {
    /// Returns the name that the page has for it.
    pub fn name(self) -> &'static str {
        match self {
            Crosses => "crosses",
            Told => "told",
            Bare => "bare",
            Stops => "stops",
            Survives => "survives",
            Never => "-",
        }
    }
}

impl Crossing {
    /// Finds the crossing between two colours; from a colour to itself there is none, but a call.
    pub fn between(from: Colour, to: Colour) -> Option<&'static Crossing> {
        TABLE.iter().find(|crossing| (crossing.from, crossing.to) == (from, to))
    }

    /// Returns the file of its code.
    pub fn file(&self) -> String {
        format!("examples/src/crossings/from_{}.rs", self.from.name())
    }

    /// Returns the name of its function there.
    pub fn function(&self) -> String {
        format!("to_{}", self.to.name())
    }

    /// Returns what becomes of an event.
    pub fn effect(&self, event: Event) -> Effect {
        self.effects[event as usize]
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
