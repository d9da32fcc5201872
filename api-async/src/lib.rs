//! async/await tasks on the loop: every operation is a future.
//!
//! The rest of the program waits *in the task*: the compiler has made one value of all that is to
//! come, the task owns it, and what is parked at the socket is no more than a waker. Dropping a
//! future cancels what it stands for.
//!
//! ```
//! use api_async::{TcpListener, TcpStream, echo, run_until_complete, spawn};
//! use futures::io::{AsyncReadExt, AsyncWriteExt};
//! use loop_core::EventLoop;
//!
//! let mut event_loop = EventLoop::new()?;
//! let handle = event_loop.handle();
//! let reply = run_until_complete(&mut event_loop, async move {
//!     let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap())?;
//!     let address = listener.local_addr()?;
//!     let server = spawn(&handle, echo::serve(listener));
//!
//!     let mut stream = TcpStream::connect(&handle, address).await?;
//!     stream.write_all(b"hello").await?;
//!     let mut reply = [0; 5];
//!     stream.read_exact(&mut reply).await?;
//!     server.abort();
//!     std::io::Result::Ok(reply)
//! });
//! assert_eq!(&reply.unwrap()?, b"hello");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Rules
//!
//! - Nothing starts before it is polled.
//! - A wake on the loop's thread is a push on the ready queue; one from another thread goes through
//!   the loop's [`Remote`](loop_core::Remote).
//! - A task that fails and is never joined is reported with the place where it was spawned.
//! - When the loop is closed, every task is dropped.
//!
//! # The crate
//!
//! Arrows point down: a file uses what stands below it.
//!
//! ```text
//!   a whole       echo            task/run           task/scope, scoped
//!                  │                 │                    │
//!   operations    tcp ── bytes    resolve  pace   combine ── within
//!                  │  └─ io/         │  semaphore         │
//!                host, options       │                    │
//!                socket           bridges               timer
//!                  └─────────────────┼────────────────────┘
//!   task/         mod                │  Task and spawn; beside it token, shield, inspect, parts,
//!                                    │  group, yielding
//!                 executor           │  places tasks, finds the slot of a waker
//!                 slot, ending, slow │  a task's state, from the spawning to the join
//!                 task_cell          │  the future, then its output
//!                 loop_tasks about waker current panics dropping report
//!                                    │
//!                                loop-core
//! ```
//!
//! # The way of a byte
//!
//! From the kernel to the program's code and back, by `echo`:
//!
//! | | file | what happens there |
//! |---|---|---|
//! | 1 | loop-core: `turn` | `run_once` polls the kernel, and `fire_one` takes an event of it |
//! | 2 | loop-core: `readiness/source` | `LoopState::fire` asks the slot of the task that is parked at the socket whether it is queued already (`LocalWake::mark_woken`), and queues it; the turn runs it |
//! | 3 | `task/slot` | `Slot::run` polls the task |
//! | 4 | `task/task_cell` | `TaskCell::poll` polls the program's future, here [`echo::echo`], which goes on where it awaits |
//! | 5 | `tcp` | `ReadChunk::poll` finds the socket ready |
//! | 6 | `socket` | `Claim::admit` looks at the task's budget |
//! | | loop-core: `readiness/source` | `Source::read_chunk` takes the bytes from the kernel |
//!
//! Back the same way: the program awaits `WriteChunk` (`tcp.rs`), whose attempt is one
//! `send`, done at once. It awaits the next `ReadChunk`, which is not ready: `Claim::park` leaves the task's
//! waker at the socket, everything returns `Pending`, and `Slot::run` lets the task wait.
//!
//! Those who come from tokio find the same twelve things in [`from_tokio`]. The book (`cargo run -p essays`)
//! argues about the style, `oneloop demo` shows what is claimed of it, and `oneloop compare` measures it.
//!
//! # Decisions
//!
//! - **A task is a slot.** A slot (`task/slot.rs`, with the transitions of its state; `task/ending.rs`)
//!   is the job that the loop queues, and the next task uses it again. The thread's table
//!   (`task/executor.rs`) is read once a wake, to come from a waker, which may be sent anywhere and so
//!   holds a row's number, to the slot, which may not. Row and waker know each other: where they agree
//!   the wake is local. A slot is not used again while a waker of its last task is kept, so that an old
//!   waker wakes no other task. A task costs one allocation, the future with its output.
//! - **Scopes own their children.** A scope is a future that polls its children itself, so that they may
//!   borrow what outlives the scope, without `unsafe`. The price: children share one task's poll, its
//!   budget and its line in a dump, and cost two allocations each. Children cannot borrow what the body
//!   owns, since the body is moved. Failures of one pass are all reported; then the others are dropped,
//!   but for shielded ones, which have the scope's token and a bound. Dropping a scope drops these too: a
//!   drop cannot wait.
//! - **Two ways to cancel.** Dropping is at once, and no future can refuse. A token asks. A shield is a
//!   task that goes on when the future that awaits it is dropped, for its own bound; `run` waits for
//!   shields, and names those that do not stop.
//! - **Groups** (`task/group.rs`) own tasks of the loop: joined in the order of their ending, aborted
//!   with the group, as KJ's `TaskSet` and tokio's `JoinSet`. The handle of a scope's child that has no
//!   value ends as cancelled.
//! - **The end of a run**: abort, wait for shields, report and abort what is left, executor, loop. Since
//!   aborting drops, no task can ignore its cancellation, but for shields and blocking calls.
//! - **Budget.** 128 operations of this crate a poll, as in tokio, and it is one thread-local number;
//!   once it is spent, everything that the task polls gives way, or waits, until its next poll. The 64
//!   KiB of a socket's turn come first for bytes. What others make, a channel say, spends none.
//! - **Two tasks on one direction** of a socket: a future that waits claims the direction (`socket.rs`,
//!   with the transitions), and a second one is refused as `ResourceBusy`, as in the other wings; a
//!   future that is dropped takes its waker back. The traits of `futures` poll without a future of ours,
//!   and so hold nothing: a task that waits by them and whose place another one takes is woken and polls
//!   again, as in async-io. Two such tasks wake each other in turn until there are bytes, which keeps the
//!   loop busy; neither waits for ever.
//! - **The traits' contract** is tested as such (`tests/it/contract.rs`), by hand-made polls on
//!   connections, halves and any descriptor. Closing any kind of socket ends this side; a pipe ends when
//!   it is dropped.
//! - **Panics where none is expected** (`task/panics.rs`, `task/dropping.rs`): a destructor, a foreign
//!   waker, a payload or an error's `Debug` that panics is reported once, and what stands beside it is
//!   dropped and woken all the same. Tasks that own tasks are dropped within each other sixteen deep, and
//!   one after the other from there on.
//! - **Inspecting is on demand** (`task/inspect.rs`). Counts, names and what a task waits for are kept
//!   always, at the price of some stores a poll; for how long, and long polls, only under `watch_polls`,
//!   since a clock is read twice a poll. `task_slots` says how many slots a loop keeps; the fuzzer holds
//!   it to the peak of tasks.
//! - **`block_on` is refused** where this crate runs a loop: in a task, and in `run_until_complete` and
//!   `run` altogether, and so is a run within a run. A callback of a bare `run_forever` is not seen.
//! - **Parts** (`task/parts.rs`) are what combinators and scopes drive: each is polled when it was woken,
//!   in the order of the wakes. `FuturesUnordered` does that too, but forgets its futures when a
//!   destructor panics.
//! - **From others**: `futures` (traits, `join`, `select`), `pin-project`. Channels and locks are
//!   `async-channel`'s and `async-lock`'s; they work as they are. For handlers that are objects see
//!   `examples/src/patterns/handler.rs`.

pub mod bytes;
pub mod combine;
pub mod echo;

mod bridges;
mod host;
mod io;
mod options;
mod pace;
mod resolve;
mod semaphore;
mod socket;
mod task;
mod tcp;
mod timer;
mod within;

pub use bridges::{Resume, Spawner, Suspend, offload, spawn_blocking, suspend};
pub use io::descriptor::Async;
pub use io::halves::{ReadHalf, Unrelated, WriteHalf};
pub use pace::{Interval, RateLimit};
pub use resolve::resolve;
pub use semaphore::{Acquire, Permit, Semaphore};
pub use task::current::{InsideLoop, Wait};
pub use task::group::TaskGroup;
pub use task::inspect::{TaskInfo, TaskState, task_slots, tasks, watch_polls};
pub use task::run::{RunFailed, Runner, block_on, run};
pub use task::scope::{Scope, ScopedTask, scope};
pub use task::scoped::Scoped;
pub use task::shield::{Shield, shield};
pub use task::token::CancellationToken;
pub use task::yielding::yield_now;
pub use task::{Task, TaskError, TaskOutput, run_until_complete, spawn, spawn_infallible};
pub use tcp::{ReadChunk, TcpListener, TcpStream, WriteChunk};
pub use timer::{Sleep, sleep, sleep_until};
pub use within::within;

/// For those who come from tokio.
///
#[doc = include_str!("../guide/from_tokio.md")]
pub mod from_tokio {}
