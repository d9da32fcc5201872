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
//!   the next deadline,  waiters   whose      here the loop calls
//!   not at all while    become    deadline   what you have given it
//!   something is ready  ready     passed
//! ```
//!
//! [`EventLoop::run_once`] is this picture in code. What runs may schedule more: it joins the end of the
//! queue. When the turn polls again is the [`TurnRule`]. Outside of that place the loop calls no code of
//! yours but the wakers that firing wakes, the hook of [`LoopHandle::on_ready`], the exception handler,
//! and what closing ends.
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
//! # The crate
//!
//! An arrow leads from what uses to what is used. What acts is above the handle, what it keeps is below;
//! a folder may have files on both sides.
//!
//! ```text
//!   kit/      completer  foreign  backoff        what a program builds with
//!   testing/  script                             a poll that a test writes
//!   net/      tcp  transfer  buffers  watching   sockets, the caller's buffers, raw descriptors
//!   threads/  signal_handlers                    signals of the process
//!      │
//!      ▼
//!   event_loop   turn   scheduled   closing      the owner, its turns, what is scheduled, the end
//!   readiness/   source  parking                 a socket on the loop, and what waits there
//!   threads/     remote  offload  resolve        what other threads submit; what blocks
//!   spares/      windows                         when what is kept is given back
//!   report/      failures  reports  snapshot     what becomes of a panic; what the loop shows
//!      │
//!      ▼
//!   handle                                       `LoopHandle`, and the `LoopState` behind it
//!      │
//!      ▼
//!   ready   job   timers   clock   ending        what runs, and when; how far the end is
//!   readiness/   reactor  socket  watch  sleeper  signs  flags  direction
//!   net/         chunk  options  partial
//!   threads/     self_pipe and its model  offloaded  signals
//!   spares/      store  stack
//!   report/      running  counts  errors  unwinding  stderr
//!   testing/     manual_clock
//! ```
//!
//! # The way of a byte
//!
//! From the kernel to users' code and back it passes three files of this crate; `parking` if it has to
//! wait. They ask three others on the way: `readiness/reactor`, whose table knows the socket of a token;
//! `readiness/socket`, which keeps what is known and parked; `net/chunk`, which lends the room.
//!
//! | | file | functions |
//! |--:|---|---|
//! | 1 | `turn` | `run_once` polls, `fire` and `fire_one` read each event |
//! | 2 | `readiness/source` | `LoopState::fire` finds the socket; `queue` takes what waits there: a job, or a task that the loop can queue |
//! | 3 | `ready` | `push`, and `pop` in the same turn |
//! | 1 | `turn` | `run_ready` and `run_job`: [`Job::run`] is the style's, and calls users' code |
//! | 2 | `readiness/source` | [`Source::read_chunk`], [`Source::write_chunk`]: one attempt each |
//!
//! A task that only its waker can wake is woken at 2 (`wake`), once nothing is borrowed.
//!
//! # Reading order
//!
//! - A turn: `event_loop` (the owner), `turn`, `handle` (what a program holds, and the state behind it),
//!   `scheduled` (callbacks, now or at a deadline), `ready` and `job` (what runs), `timers` and `clock`
//!   (what runs when), `ending` and `closing` (the end).
//! - `readiness`: `direction`, `signs` (what the kernel tells) and `flags` (what the loop knows besides),
//!   `socket` (its states, as a table), `source` (a socket on the loop), `parking` and `sleeper` (what
//!   waits there), `reactor` (the table of what the kernel watches), `watch` (a raw descriptor).
//! - `net`: `tcp` and `options` (listen, accept, connect), `chunk` (where bytes live), `buffers`, `transfer`
//!   and `partial` (bytes in buffers of the caller's), `watching` (`add_reader`).
//! - `threads`: `self_pipe` and its `model`, `remote` (what other threads submit), `offload` and
//!   `offloaded` (what blocks), `resolve`, `signals` and `signal_handlers`.
//! - `spares`: `stack` and `store` (what is kept to be used again), `windows` (for how long).
//! - `report`: `running`, `failures` and `unwinding` (what becomes of a panic), `reports`, `errors` and
//!   `stderr` (what is told of it), `snapshot` and `counts` (what the loop shows of itself).
//! - `testing`: `script` (a poll that a test writes), `manual_clock`. `kit`: `completer` (a run with a
//!   result), `foreign` (a loop inside another loop), `backoff`.
//!
//! # Principles
//!
//! - Nothing calls back before its operation returned; [`LoopHandle::on_close`] on a loop that is closing
//!   is the exception.
//! - No user code runs, and none is dropped, inside a borrow.
//! - A socket is registered once in its life, and asked only when the kernel said it is worth it.
//! - What runs again and again is queued without an allocation, however many do so at once.
//! - No ambient loop: whatever needs one is given a [`LoopHandle`].
//!
//! # Attributes
//!
//! `#[cold]` is on what runs seldom, and is called from what runs for every message; a function that exists
//! for that alone is called `..._slow`. `#[inline]` is on small functions without type parameters that a
//! style calls for every message. `#[inline(always)]` is on the way of a byte, where a count of
//! instructions has shown that it matters: ARCHITECTURE.md has the counts. Nothing else has any.
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
mod ending;
mod event_loop;
mod handle;
mod job;
mod kit;
mod net;
mod readiness;
mod ready;
mod report;
mod scheduled;
mod spares;
mod testing;
mod threads;
mod timers;
mod turn;

pub use crate::event_loop::EventLoop;
pub use crate::handle::{LoopHandle, TurnRule};
pub use crate::job::Job;
pub use crate::kit::backoff::Backoff;
pub use crate::kit::completer::Completer;
pub use crate::net::chunk::{CHUNK_BYTES, Chunk};
pub use crate::net::options::{ConnectOptions, ListenOptions};
pub use crate::net::tcp::is_about_one_connection;
pub use crate::net::transfer;
pub use crate::readiness::direction::Direction;
pub use crate::readiness::sleeper::LocalWake;
pub use crate::readiness::socket::BYTES_PER_TURN;
pub use crate::readiness::source::Source;
pub use crate::report::counts::Counts;
pub use crate::report::errors::{
    Abort, AggregateError, Cancelled, Closed, Context, Elapsed, Panicked, RunError, is_cancelled,
    is_ended_by_peer, is_final, is_panicked, panic_message,
};
pub use crate::report::snapshot::{Parked, ReadyEntry, Snapshot, Timed};
pub use crate::report::stderr::report_to_stderr;
pub use crate::report::unwinding::{Unwound, panic_caught, when_panic_caught};
pub use crate::scheduled::Handle;
pub use crate::spares::stack::Spares;
pub use crate::testing::manual_clock::ManualClock;
pub use crate::testing::script::ScriptedEvent;
pub use crate::threads::offload::Refused;
pub use crate::threads::offloaded::StillRunning;
pub use crate::threads::remote::{Remote, RemoteCallback};

/// What the README shows compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
