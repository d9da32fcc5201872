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
//! `event_loop` (the turn), `core` (what owner and handles share), `closing`, `handle` (what you say to
//! it), `scheduled`, `completer` (a run with a result), `ready`, `job`, `timers` and `clock` (what runs
//! when), `source`, `direction`, `signs`, `waiters`, `sleeper`, `target` and `waking` (a socket on the loop), `tcp` and `options` (listen,
//! accept, connect), `chunk` (where bytes live), `transfer` and `partial` (bytes in a buffer of the caller's),
//! `watching`, `watcher` and `descriptors` (`add_reader`), `self_pipe` and `remote` (other threads), `offload` and `offloaded` (threads of
//! the loop's own, for what blocks), `resolve`, `backoff`, `signals` and `signal_handlers`, `running`, `failures` and `unwinding`
//! (what becomes of a panic), `reports`, `stderr` and `errors` (what is told of it), `snapshot` and `counts` (seeing), `script` (a poll for
//! tests).
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

mod backoff;
mod chunk;
mod clock;
mod closing;
mod completer;
mod core;
mod counts;
mod descriptors;
mod direction;
mod errors;
mod event_loop;
mod failures;
mod handle;
mod job;
mod offload;
mod offloaded;
mod options;
mod partial;
mod ready;
mod remote;
mod reports;
mod resolve;
mod running;
mod scheduled;
mod script;
mod self_pipe;
mod signal_handlers;
mod signals;
mod signs;
mod sleeper;
mod snapshot;
mod source;
mod stderr;
mod target;
mod tcp;
mod timers;
pub mod transfer;
mod unwinding;
mod waiters;
mod waking;
mod watcher;
mod watching;

pub use crate::backoff::Backoff;
pub use crate::chunk::{CHUNK_BYTES, Chunk};
pub use crate::clock::ManualClock;
pub use crate::completer::Completer;
pub use crate::core::{LoopHandle, TurnRule};
pub use crate::counts::Counts;
pub use crate::direction::Direction;
pub use crate::errors::{
    Abort, AggregateError, Cancelled, Closed, Context, Elapsed, Panicked, RunError, is_cancelled,
    is_ended_by_peer, is_panicked, panic_message,
};
pub use crate::event_loop::EventLoop;
pub use crate::job::Job;
pub use crate::offload::Refused;
pub use crate::offloaded::StillRunning;
pub use crate::options::{ConnectOptions, ListenOptions};
pub use crate::remote::{Remote, RemoteCallback};
pub use crate::scheduled::Handle;
pub use crate::script::ScriptedEvent;
pub use crate::sleeper::LocalWake;
pub use crate::snapshot::{Parked, ReadyEntry, Snapshot, Timed};
pub use crate::source::Source;
pub use crate::stderr::report_to_stderr;
pub use crate::unwinding::{Unwound, panic_caught, when_panic_caught};
pub use crate::waiters::BYTES_PER_TURN;
