//! Chainable promises on the loop: every operation returns a promise of its result.
//!
//! The rest of the program waits *in the promise's node*: each link of a chain owns the closure that
//! is to run when the link before is settled. Dropping the last promise of a chain cancels the chain,
//! down to the socket and the timer.
//!
//! ```
//! use api_promises::{TcpListener, TcpStream, echo};
//! use loop_core::{Chunk, EventLoop};
//!
//! let mut event_loop = EventLoop::new()?;
//! let handle = event_loop.handle();
//! let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap())?;
//! let address = listener.local_addr()?;
//! let server = echo::serve(listener);
//!
//! let reply = TcpStream::connect(&handle, address).then(|stream| {
//!     let written = stream.write_chunk(Chunk::from(b"hello".to_vec()));
//!     written.then(move |()| stream.read_chunk())
//! });
//! let reply = reply.run_until_complete(&mut event_loop).unwrap()?;
//! assert_eq!(reply.as_deref(), Some(&b"hello"[..]));
//! drop(server);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # The design
//!
//! It is KJ's promise, Cap'n Proto's, with the names of ECMAScript: moved and not copied, consumed once,
//! cancelled by its drop, and forked for many. What five designs answer:
//!
//! | | ECMAScript | Twisted | KJ | Seastar | here |
//! |---|---|---|---|---|---|
//! | start | at once | at once | at once; a handler that returns no promise may wait until it is wanted | at once | at once |
//! | handlers | many, each from the queue | a chain on one object; run inside `addCallback` when the result is there | one, from the loop; many by `fork` | one; may run inside `then` when the future is ready | one, from the queue; many by [`share`](Promise::share) |
//! | cancel | none | `cancel`: the error goes down the chain, and its errbacks run | destroy the promise; only destructors run | none; an `abort_source` asks | drop the promise; [`finally`](Promise::finally) runs, no other handler does |
//! | unhandled | a hook of the host | logged when it is collected | lost with the promise; `detach` and `TaskSet` ask for a handler | a warning when the future is destroyed | told to the exception handler when the promise is dropped |
//! | many without a consumer | | | `TaskSet` | `gate` | [`PromiseGroup`] |
//!
//! *Fulfilled* is what has a value, *rejected* what has a reason, and *settled* either. A promise that follows
//! another is *resolved*, as in ECMAScript, and pending still.
//!
//! # The picture of the crate
//!
//! ```text
//!   echo       tcp bytes timer resolve     combine/     token    group   bridges
//!    │          options host semaphore pace   │  └──limits──┘       │    callbacks, futures
//!    └───────►  │   the same in every wing    │           │         │       │
//!               ▼                             │           │         │       │
//!             socket                          │           │         │       │
//!             reads and writes                │           │         │       │
//!               │                             │           │         │       │
//!   promise/    ▼                             ▼           ▼         ▼       ▼
//!   ┌───────────────────────────────────────────────────────────────────────┐
//!   │  mod: Promise   chain: then, map, catch ...   shared/   awaited       │
//!   │    │            into_promise: what a handler may return               │
//!   │    │            clean_up: what `finally` does                         │
//!   │    ├──► link/      runs a handler       ┐    spare    used again      │
//!   │    ├──► resolver ► deferred             ┴──► adopt    hands over      │
//!   │    │                                            │                     │
//!   │    ├──► guarded    can be cut off               │                     │
//!   │    └──► owned      cancels when dropped         ▼                     │
//!   │                                              outlet   outcome meets   │
//!   │                                                 │     consumer        │
//!   │                                                 ▼                     │
//!   │         rejection   release   fault          node     what knows what │
//!   │         what a reason has been through       walk     up and down     │
//!   └───────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Arrows point down, to what is used. `promise/` is the room without a mirror: what the style costs.
//!
//! # The way of a byte
//!
//! From the kernel to the program's handler and back, by `echo`:
//!
//! | | file | what happens there |
//! |---|---|---|
//! | 1 | loop-core: `turn` | `run_once` polls the kernel, and `fire_one` takes an event of it |
//! | 2 | loop-core: `readiness/source` | `LoopState::fire` queues the job that is parked at the socket; the turn runs it |
//! | 3 | `socket` | `Stream::readable` finds that a handler waits, and queues its turn |
//! | 4 | `socket` | the turn has come: `Stream::read` reads a chunk |
//! | 5 | `promise/outlet` | `Outlet::settle_and_run` has the sink that waits for it |
//! | 6 | `promise/link` | `Link::settle_and_run` calls the handler, as `Link::run` does |
//! | 7 | `tcp` | the handler is the program's; it calls `TcpStream::write_chunk` |
//! | | loop-core: `readiness/source` | `Source::write_chunk` hands the bytes to the kernel |
//!
//! `write_chunk` returns a promise that is settled already; the handler chains the next link to it and
//! returns that, and `promise/adopt` has the link's consumer turn to it: no byte passes there.
//!
//! # Rules
//!
//! - A reaction never runs inside `then`, nor inside the resolving: always from the ready queue, in
//!   the order of settling (ECMAScript, Promises/A+).
//! - A promise is moved, not shared: it settles once and is consumed once, and the compiler says so.
//! - Nothing is swallowed: a rejection that is dropped unhandled is reported to the loop's exception
//!   handler with the place where the promise was made.
//! - A handler that returns a promise hands its place in the chain over to it, so that a loop
//!   written as a chain runs for ever in constant memory.
//! - Many consumers are asked for: [`Promise::share`]. Cancelling from elsewhere is too:
//!   [`CancellationToken`]. Promises without a consumer have an owner: [`PromiseGroup`].
//! - What has to be done whatever comes of a chain is done by [`Promise::finally`], even if it is dropped.
//! - A promise is a future, and [`promisify`], [`callbackify`] and [`Promise::spawn`] are the bridges to
//!   callbacks and to tasks; each says whether cancellation crosses.
//!
//! Those who come from Node find the same twelve things in [`from_node`]. The book (`cargo run -p essays`)
//! argues about the style, `oneloop demo` shows what is claimed of it, and `oneloop compare` measures it.
//!
//! # Decisions
//!
//! - **A link is one node**: sink of what is before, job that runs the handler, source of what is after.
//!   It refers to both sides until it is settled, so that a drop walks the chain back and cancels it, and
//!   an end of the loop walks it down and releases it, both without recursion. A promise that is never
//!   settled does not keep its consumer alive.
//! - **Spare links.** A link that has run is empty and unique; it is kept for the next of its type, in a
//!   thread's buckets that the type's number chooses at compile time. A loop written as a chain does not
//!   allocate; a chain that is made once takes one allocation a link. How many are kept follows the load.
//! - **A read has no node of its own**: the stream is one, and holds the outlet of its read. A chunk that
//!   a handler waits for is read when the handler's turn has come, not a hop before: of 1,024 handlers
//!   that one turn has queued, one has a chunk. A consumer that is no handler (a combinator, a task, a
//!   shared promise) has its chunk when the socket is ready, and where a promise is not consumed yet the
//!   outcome waits.
//! - **A rejection has a past**: whether the exception handler knows of it, and in debug mode
//!   (`LoopHandle::set_debug`) the links that it has passed. A plain rejection pays a null for that. A
//!   panic is reported where it happened and passes as [`Fault::Panicked`] without a second report,
//!   through links, clean-ups, `all`, `race` and shared promises; `all_settled` and `any` take it as
//!   handled.
//! - **What reports**: a rejection whose last owner drops it. A pending promise is cancelled in silence, since
//!   dropping is how one cancels. A combinator handles what its promises are rejected with, as in ECMAScript:
//!   once it is decided, none of that is news, however far down a chain it still is. A reason that waits for a `finally` is reported if that is dropped. On a
//!   closed loop no handler runs: what is awaited gets [`Fault::Cancelled`], what is chained is released.
//! - **Clean-ups** (`promise/clean_up.rs`). The handler of a `finally` runs once: what would drop it unrun, a
//!   walk that cancels the chain or finds that no outcome will come, has it run from the queue when the walk
//!   has ended, the inner ones first, each after the end of the one before. One that has begun is not cancelled
//!   by a drop. So is a chain inside of a `timeout` cleaned up; only a `finally` after the `timeout` is waited
//!   for.
//! - **Groups** (`group.rs`) own promises without a consumer, as KJ's `TaskSet` does; the async wing's
//!   `TaskGroup` has the same names where it does the same. A last link of each promise takes it out and tells
//!   the group's handler what it was rejected with.
//! - **An answer and a deadline in one turn**: the handler that is the next behind an operation runs ahead of
//!   what a deadline or a token of the same turn drops. What must be noted is noted there.
//! - **A guard is a node** (`promise/guarded.rs`) and no race: an allocation, and no hop where a handler consumes
//!   it, so that a server may read each message under a token. Where what it guards is guarded by the same token
//!   already, it leaves its place: a loop whose rounds are guarded runs in constant memory. `callbackify` stands
//!   behind such a node too, and its `Operation` cuts it off.
//! - **I/O is shared** by [`SharedError`], an error behind a count.
//! - **Adoption** hands the consumer over and takes no turn of the queue. `testing::set_adoption(EcmaScript)`
//!   makes it as slow as ECMAScript has it, two turns, and `finally` with it, for this thread: the
//!   comparison with V8 runs so. 600 programs are recorded with V8's traces; the test target `against_v8`
//!   draws fresh ones and shrinks the first that differs.
//! - **The official suite** runs on [`Shared`] through an addon in a workspace of its own (`aplus`):
//!   settling, order and adoption are Rust's; calling a function and asking a foreign object for `then`
//!   are the adapter's. A handler there returns a promise that the adapter settles, since nothing can
//!   call JavaScript from inside the loop without unsafe code.
//! - **[`Shared`] clones** values and reasons for each branch, and settles a tree of shared promises
//!   branch by branch, without recursion. It is cancelled when its last clone and last pending branch
//!   have gone. A circle of two or more shared promises that follow each other stays pending, as in
//!   ECMAScript; only a promise that follows itself is found out.
//!
//! # Limits
//!
//! Promises that adopt each other without consumers settle through the queue, one turn each.

pub mod bytes;
pub mod combine;
pub mod echo;

mod bridges;
mod group;
mod host;
mod limits;
mod options;
mod pace;
mod promise;
mod resolve;
mod semaphore;
mod socket;
mod tcp;
mod timer;
mod token;

pub use bridges::{Operation, callbackify, promisify};
pub use group::PromiseGroup;
pub use pace::{Interval, RateLimit};
pub use promise::{CleanUp, Fault, IntoPromise, Promise, Reason, Resolver, Shared, SharedError};
pub use resolve::resolve;
pub use semaphore::{Permit, Semaphore};
pub use tcp::{TcpListener, TcpStream};
pub use timer::{sleep, sleep_until};
pub use token::CancellationToken;

/// What a comparison with another engine sets; a program has no use for it.
pub mod testing {
    pub use crate::promise::{Adoption, set_adoption};
}

/// For those who come from Node.
///
#[doc = include_str!("../guide/from_node.md")]
pub mod from_node {}
