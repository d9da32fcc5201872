//! The ground floor of oneloop: kernel readiness, a FIFO ready queue, your code.
//!
//! A single-threaded event loop over mio, in the manner of CPython's asyncio. Three API crates stand
//! on it, one per style; none of them has a loop of its own.
//!
//! # One turn
//!
//! ```text
//!          ┌──────────────────────────────────────────────────────────────┐
//!          ▼                                                              │
//!   poll the kernel ──► fire ──► expire ──► run what is ready ────────────┘
//!   no longer than      parked    timers     first in, first out:
//!   the next deadline,  waiters   whose      the only place where
//!   not at all while    become    deadline   the loop calls you
//!   something is ready  ready     passed
//! ```
//!
//! [`EventLoop::run_once`] is this picture in code. What runs may schedule more: it joins the end of
//! the queue. When the turn polls again is the [`TurnRule`].
//!
//! # Where the rest of the program waits
//!
//! A socket that has nothing to read parks something, and the style decides what:
//!
//! | | what is parked | where the rest of the program waits |
//! |---|---|---|
//! | callbacks | a job that holds a closure | in the closure |
//! | promises | a job that holds a resolver, or a node of the chain | in the promise's node |
//! | async | a waker | in the task |
//!
//! # Reading order
//!
//! - A turn: `event_loop` (who runs it), `core` (what the owner and its handles share), `handle` (what you
//!   say to it), `ready` and `job` (what runs), `scheduled` (what can be cancelled), `timers` and `clock`
//!   (what runs when), `completer` (a run with a result), `closing` (the end).
//! - `readiness`: a socket on the loop (`source`, `direction`, `signs`, `waiters`, `sleeper`, `target`,
//!   `waking`), and `add_reader` (`watching`, `watcher`, `descriptors`).
//! - `net`: `tcp` and `options` (listen, accept, connect), `chunk` (where bytes live), `transfer` and
//!   `partial` (bytes in a buffer of the caller's).
//! - `threads`: `self_pipe` and its `model`, `remote` (what other threads submit), `offload` and
//!   `offloaded` (what blocks), `resolve`, `signals` and `signal_handlers`.
//! - `report`: `running`, `failures` and `unwinding` (what becomes of a panic), `reports`, `errors` and
//!   `stderr` (what is told of it), `snapshot` and `counts` (what the loop shows of itself).
//! - `testing`: `script` (a poll that a test writes). `kit`: `backoff`.
//!
//! # Principles
//!
//! - Nothing calls back before its operation returned.
//! - No user code runs, and none is dropped, inside a borrow.
//! - A socket is registered once in its life, and asked only when the kernel said it is worth it.
//! - What runs again and again is queued without an allocation.
//! - No ambient loop: whatever needs one is given a [`LoopHandle`].
//!
//! # What is not here
//!
//! Futures, promises, tasks, streams: they belong to the styles. Threads that run callbacks, work
//! stealing, io_uring: one loop, one thread, readiness.

// What a function returns and must be used is news that something waits for: to drop it is a lost
// wake-up, and no warning.
#![deny(unused_must_use)]

#[cfg(not(unix))]
compile_error!("oneloop needs a Unix system: its self-pipe and its descriptors are Unix's");

#[cfg(not(target_pointer_width = "64"))]
compile_error!("oneloop needs a 64-bit system: a poll token holds a row and its generation");

mod clock;
mod closing;
mod completer;
mod core;
mod event_loop;
mod handle;
mod job;
mod kit;
mod net;
mod readiness;
mod ready;
mod report;
mod scheduled;
mod testing;
mod threads;
mod timers;

pub use crate::clock::ManualClock;
pub use crate::completer::Completer;
pub use crate::core::{LoopHandle, TurnRule};
pub use crate::event_loop::EventLoop;
pub use crate::job::Job;
pub use crate::kit::backoff::Backoff;
pub use crate::net::chunk::{CHUNK_BYTES, Chunk};
pub use crate::net::options::{ConnectOptions, ListenOptions};
pub use crate::net::transfer;
pub use crate::readiness::direction::Direction;
pub use crate::readiness::sleeper::LocalWake;
pub use crate::readiness::source::Source;
pub use crate::readiness::waiters::BYTES_PER_TURN;
pub use crate::report::counts::Counts;
pub use crate::report::errors::{
    Abort, AggregateError, Cancelled, Closed, Context, Elapsed, Panicked, RunError, is_cancelled,
    is_ended_by_peer, is_panicked, panic_message,
};
pub use crate::report::snapshot::{Parked, ReadyEntry, Snapshot, Timed};
pub use crate::report::stderr::report_to_stderr;
pub use crate::report::unwinding::{Unwound, panic_caught, when_panic_caught};
pub use crate::scheduled::Handle;
pub use crate::testing::script::ScriptedEvent;
pub use crate::threads::offload::Refused;
pub use crate::threads::offloaded::StillRunning;
pub use crate::threads::remote::{Remote, RemoteCallback};
