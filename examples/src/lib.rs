//! The same programs in every style, and the servers behind one face.
//!
//! ```text
//!   exhibit           sources side by side, and the registry of claims
//!      │
//!   programs   crossings   demonstrations   patterns       what is shown
//!      │
//!   echo              the echo server in every style, and the baselines
//!      │
//!   fibers            stackful coroutines on the same loop, a control arm
//!      │
//!   server  last_words  style  counts                      how a server is started and named
//! ```
//!
//! # Decisions
//!
//! - **Fibers** are an arm of the comparison, and no wing. `generator` switches stacks, from any depth of calls: a
//!   crate that hands its yielder to the body, as `corosensei` does, would have each function that waits take
//!   it, which is colour again. Cancelling unwinds by a payload of ours, since the crate's own way takes the
//!   process's panic hook away meanwhile.
//! - **Programs.** [`PROGRAMS`] is the one list of the programs that are written in every style, and in both
//!   forms of callbacks where these are closures and the program serves (`protocol.rs` beside `callbacks.rs`;
//!   in `key_value` the callbacks are the protocol): name, sentence, sources, flags, run. `oneloop list` and
//!   `oneloop run` read it, and `tests/it/programs.rs` holds them to it: the same anchors in the same order in
//!   every style, none inside a body, 250 lines at most, a page that names the bug that is kept.
//! - **Anchors** are mdBook's (`// ANCHOR: step`); `exhibit/anchors.rs` divides a source into its steps,
//!   `side_by_side.rs` beside it lays equal steps in one row, for the terminal and the book, and
//!   `highlight.rs` says what each word is, by rustc's own lexer.
//! - **What an operation costs**: `oneloop cost programs` starts a program in a process of its own,
//!   drives it, and counts. The table on a program's page is written by `--write`, and a test holds it
//!   equal to what is counted.
//! - **Left.** What a program leaves on its loop ([`Left`]) is returned beside its result, and every
//!   suite asserts that it is nothing; `tests/it/sockets.rs` asks the same of the system's table of
//!   sockets.
//! - **Shared is what does no I/O**: in `chat` the room, the lines and, but for async and threads, the outbox; in `crawler` URLs,
//!   links, HTTP and the frontier; in `key_value` the whole server without a socket or a clock. A style
//!   is what reads, writes, waits and ends. The key-value server reads on only when all replies are
//!   written; in callbacks its clients are a `Protocol`.
//! - **A crossing takes what one wing returns to a bridge of another.** No wing knows another.
//!   `crossings/from_CALLER.rs` has a function `to_CALLEE` for each; what crosses is data in `table.rs`,
//!   which a test holds cell by cell and `oneloop show crossings` prints.
//! - **Six events cross or not**: a value, an error, a panic, a cancellation, and two drops: the caller
//!   drops what the crossing gave it, or the callee drops what it was to answer with. Only callbacks and
//!   promises can fall silent so; a function and a future answer by ending.
//! - **What the caller learns of a panic.** A panic on the loop reaches the exception handler once. The
//!   caller gets an error that names it where the callee is a promise, a thread or a task that is joined;
//!   where the panic only dropped a completer, a resolver or a resume, the error says no more than that
//!   there is no answer.
//! - **Cancelling does not cross** from a callback to a promise (guard the promise with a token), nor to
//!   a thread from anywhere. **From sync** a crossing runs the loop; **to sync** it takes a thread. Both
//!   enter the kernel; the other six do not.
//! - **Frames.** The fault of `demonstrations/frames` is an unwinding without a panic's print, taken with
//!   a backtrace where it happens. After the wait the trace has four of the program's functions with a
//!   thread, one with callbacks and promises, three with async (the spawner is cut off). An optimised
//!   build makes a tail call of a callback function's last call, and that frame is missing before the
//!   wait; after it debug and release show the same. What waits is on no stack: `LoopHandle::snapshot`
//!   names where each timer was set, `api_async::tasks` the task.
//! - **Hybrid.** `patterns/hybrid.rs` is asyncio's `StreamReader` and `StreamWriter` over the callbacks
//!   wing's transport: it reads after `close`, a `close` that is not awaited loses what was unsent when
//!   the program ends, and `write` without `drain` buffers without bound.
//! - **Virality.** `tests/it/virality/count.rs` compares by `syn`; added and removed tokens are those
//!   outside of the longest common subsequence of both files, without comments and `use` lines.
//! - **Demonstrations** are functions that do what is claimed and return what was seen, and a `show` that
//!   tells it. Their figures are counts, or times of a clock that moves only when it is told to.
//! - **Counting costs a little.** The allocator that counts is linked into every server, counting or not,
//!   since a program has one. It costs 4 ns for each allocation and its release, and nothing where
//!   nothing is allocated, as in an echo of any style.

mod counts;
mod last_words;
mod server;
mod style;

pub mod crossings;
pub mod demonstrations;
pub mod echo;
pub mod exhibit;
pub mod fibers;
pub mod patterns;
pub mod programs;

pub use counts::ServerCounts;
pub use exhibit::side_by_side::{Row, SideBySide};
pub use exhibit::{anchors, claims, highlight};
pub use programs::program::{Program, STYLES, signals};
pub use programs::{
    Left, PROGRAMS, TIME_MAX, chat, crawler, happy_eyeballs, key_value, proxy, steps,
};
pub use server::{Server, Stopped};
pub use style::Style;
