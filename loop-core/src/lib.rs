//! The ground floor of oneloop: kernel readiness, a FIFO ready queue, your code.
//!
//! A single-threaded event loop over mio, in the manner of CPython's asyncio. Three API crates stand
//! on it, one per style; none of them has a loop of its own.
//!
//! ```
//! use std::time::Duration;
//!
//! let mut event_loop = loop_core::EventLoop::new()?;
//! let handle = event_loop.handle();
//! let (later, ending) = (handle.clone(), handle.clone());
//! handle.call_soon(move || {
//!     later.call_later(Duration::from_millis(1), move || ending.stop());
//! });
//! event_loop.run_forever()?;
//! # Ok::<(), std::io::Error>(())
//! ```
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
//!   kit/      completer  foreign  backoff  pace  what a program builds with
//!   testing/  script  jumping                    a poll that a test writes; a clock that jumps
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
//!   kit/         loop_time
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
//!   `scheduled` (callbacks, now or at a deadline), `ready` and `job` (what runs), `timers` with
//!   its `heaps`, and `clock` (what runs when), `ending` and `closing` (the end).
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
//! - `testing`: `script` (a poll that a test writes), `manual_clock`, `jumping` (a loop on it). `kit`:
//!   `completer` (a run with a result), `foreign` (a loop inside another loop), `backoff`, `loop_time` (a
//!   moment), `pace` (ticks, and a rate).
//!
//! # Words
//!
//! *Turn*, *hop*, *parked*, *wing* and the other words of this project are in the book's glossary,
//! `essays/src/glossary.md`.
//!
//! # Principles
//!
//! - Nothing calls back before its operation returned. Three hooks are no callbacks of an operation, and a
//!   call may run them: that of [`LoopHandle::on_close`], at once on a loop that is closing, since what it
//!   waits for has come; that of [`LoopHandle::on_ready`], in whatever queues, since the foreign loop
//!   sleeps else; and the exception handler, in whatever reports.
//! - No user code runs, and none is dropped, inside a borrow.
//! - A socket is registered once in its life, and asked only when the kernel said it is worth it.
//! - What runs again and again is queued without an allocation, however many do so at once.
//! - No ambient loop: whatever needs one is given a [`LoopHandle`].
//!
//! # Decisions
//!
//! - **Turn rule.** [`TurnRule::Snapshot`] is asyncio's: run what was ready when the pass began, then
//!   poll; every hop then costs a poll. [`TurnRule::Bounded`] with 256, the default, also runs what
//!   became ready meanwhile, until 256 callbacks have run. The order is the same, and I/O waits for at
//!   most 256 callbacks, or for what was ready when the turn began if that was more. Of the fifteen
//!   behaviours in `tests/it/fifteen.rs`, numbers 1 and 3 differ under it.
//! - **Fairness.** A socket moves at most 64 KiB in one direction and one turn ([`BYTES_PER_TURN`]), in
//!   every style and in the baseline `raw`; then it goes on a list and is ready again in the next turn.
//!   The budget belongs to the source and not to the task: otherwise a histogram would compare schedulers
//!   in place of styles.
//! - **Edges and levels.** mio reports edges. Our own sockets keep readiness in software: a short read or
//!   write of a TCP stream means that the kernel has no more, a peer's end stays known, and no system
//!   call is made to learn what is known. Urgent data end a read early: the poll reports them (Linux's
//!   `EPOLLPRI`), and from then on reading goes on until the kernel has no more. Of other descriptors,
//!   and where the poll does not report it, a short read means nothing. Raw descriptors under
//!   `add_reader` are armed again after they fired: asyncio's levels.
//! - **One order for all submitters.** Whatever queues something on the loop's thread looks into the
//!   inbox first, by one load: a submission of another thread that happened before runs before, as in
//!   asyncio's one queue.
//! - **What is kept follows the load.** Chunks, spare links and task slots are kept for reuse, without a
//!   bound: as many as were in use together. A window is 64 turns; at its end the loop gives back what no
//!   turn of it has needed, and the free room of its tables and of the ready queue (`spares/`). So a
//!   message allocates nothing among 4,000 busy connections, as among one, and what a burst took has gone
//!   within 128 turns. The rule is TCMalloc's low-water mark, counted in turns: a sleeping loop does not
//!   wake up for it.
//! - **News is never dropped.** What an event leaves for a waker to do is a type (`Rest`), and the crate
//!   denies `unused_must_use`.
//! - **Cancelling** takes back the timer and what was parked at the socket, in every style. Only where a
//!   future of `futures` polls a socket through its traits, its waker stays, and wakes its task once for
//!   nothing. A write that is cancelled may have sent a part.
//! - **Closing.** What a closed loop answers has one rule: [`closed_loop`]. Hooks first (the async wing drops its tasks there), then every pending operation ends
//!   as `Cancelled` and what follows from that runs, then the rest is dropped outside every borrow.
//! - **Errors.** A panic goes to the loop's exception handler with the place of scheduling; the batch
//!   goes on. One `catch_unwind` serves a batch of events, so a waker that panics leaves its own event
//!   half done; what is parked at a ready socket is released then, in a step that costs nothing
//!   otherwise. A payload of type [`Abort`] leaves the run at once; from a waker, or from the handler of
//!   its panic, once the rest of the events is queued.
//! - **What the loop drops may panic.** A closure, a payload, a handler, a watcher, a waker and a
//!   descriptor's owner are dropped outside of every borrow, when the loop's own state is in order. A
//!   panic of that is reported, and the payload of the panic is dropped in the same way. Only a callback
//!   that is called once and panics drops what it owns while it unwinds: a second panic there ends the
//!   process, as everywhere in Rust.
//! - **Reports.** The default handler checks that stderr takes a report, writes once and never waits: ten
//!   at once, then one a second, and it says how many it left out. No server reports a connection that
//!   its peer ended, unless the loop is in debug mode ([`LoopHandle::report_connection_error`]).
//! - **Out of descriptors.** Accepting rests for a second, says so at most once a minute, and goes on.
//! - **Sleeping.** The inbox knows whether the loop sleeps. A submitter pushes, then says "told", and
//!   writes to the pipe if it found the loop asleep; the loop goes to sleep in one step that fails when
//!   it was told. No submitter writes to a loop that works. A blocking poll pays two atomic steps for
//!   that. `threads/self_pipe/model.rs` has loom explore it without bounds, and shows that loom finds the
//!   loop that does not look again: `RUSTFLAGS="--cfg loom" cargo test -p loop-core --lib --release
//!   model`.
//! - **Offloading.** Blocking work runs on `rayon-core`'s pool, one per loop, made when first needed: its
//!   size is bounded, and it takes work in order. Results come through the inbox; completions stay on the
//!   loop. Closing cancels them and waits for no thread; `shutdown_default_executor` waits.
//! - **Embedding.** A foreign loop watches the loop's descriptor. `prepare_to_wait` does what precedes a
//!   poll, arming what fired included, and tells how long to wait; `on_ready` tells when the queue fills;
//!   `run_ready` runs it without a poll.
//! - **Interrupts.** The second SIGINT of `on_interrupt` has the system's default effect, since nothing
//!   else could end a callback that does not return.
//! - **asyncio is the oracle.** Random programs run on CPython's own `BaseSelectorEventLoop` and on this
//!   loop under the snapshot rule, both on a virtual clock and a scripted poll
//!   (`EventLoop::with_script`), and the traces are equal line by line: what runs, how long each poll may
//!   wait, what a cancel and a removal answer, how each run ends. 512 programs are recorded with
//!   asyncio's traces, so that tests need no Python; the test target `against_asyncio` draws fresh ones
//!   and shrinks the first that differs. What is equal only by arrangement is listed in its
//!   `comparison/mod.rs`. Faults are planted in a copy of the sources, not by hooks in the loop
//!   (`tests/it/faults.rs`).
//! - **No ambient loop.** Thread-locals exist where nothing else can bring what is needed: this crate
//!   finds a loop by its number when a [`Remote`] is used on its own thread, the async wing its tasks
//!   from a waker, and what is left of the budget of the task that is polled; promises keep their spare
//!   links there, and the mode of adoption.
//! - **One kernel wait.** epoll counts milliseconds and rounds up. A timer is never early and, on an idle
//!   loop, up to 1 ms late.
//!
//! # Attributes
//!
//! `#[cold]` is on what runs seldom, and is called from what runs for every message; a function that exists
//! for that alone is called `..._slow`. `#[inline]` is on small functions without type parameters that a
//! style calls for every message. `#[inline(always)]` is on the way of a byte, where a count of
//! instructions has shown that it matters: the page "Instructions" of the book has the counts. Nothing
//! else has any.
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
pub use crate::kit::loop_time::LoopTime;
pub use crate::kit::pace::{Bucket, Ticks};
pub use crate::net::chunk::{CHUNK_BYTES, Chunk};
pub use crate::net::options::{ConnectOptions, ListenOptions};
pub use crate::net::tcp::{is_about_one_connection, none_connected};
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

/// What a loop that is closed answers.
///
#[doc = include_str!("../guide/closed_loop.md")]
pub mod closed_loop {}

/// What the README shows compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
