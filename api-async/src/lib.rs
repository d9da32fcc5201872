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
//!   operations    tcp ── bytes    resolve         combine ── within
//!                  │  └─ io/         │                    │
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
//! | 6 | `socket` | `Claim::poll_attempt` looks at the task's budget and makes the attempt |
//! | | loop-core: `readiness/source` | `Source::read_chunk` takes the bytes from the kernel |
//!
//! Back the same way: the program awaits `WriteChunk` (`tcp.rs`), whose attempt (`socket.rs`) is one
//! `send`, done at once. It awaits the next `ReadChunk`, which is not ready: `Claim::park` leaves the task's
//! waker at the socket, everything returns `Pending`, and `Slot::run` lets the task wait.

pub mod bytes;
pub mod combine;
pub mod echo;

mod bridges;
mod io;
mod resolve;
mod socket;
mod task;
mod tcp;
mod timer;
mod within;

pub use bridges::{Resume, Spawner, Suspend, offload, spawn_blocking, suspend};
pub use io::descriptor::Async;
pub use io::halves::{ReadHalf, Unrelated, WriteHalf};
pub use resolve::resolve;
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
