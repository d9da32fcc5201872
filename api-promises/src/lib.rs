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
//!    │          │   the same names in         │  └──limits──┘       │    callbacks, futures
//!    └───────►  │   every wing                │           │         │       │
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

pub mod bytes;
pub mod combine;
pub mod echo;

mod bridges;
mod group;
mod limits;
mod promise;
mod resolve;
mod socket;
mod tcp;
mod timer;
mod token;

pub use bridges::{callbackify, promisify};
pub use group::PromiseGroup;
pub use promise::{
    Adoption, CleanUp, Fault, IntoPromise, Promise, Reason, Resolver, Shared, SharedError,
    set_adoption,
};
pub use resolve::resolve;
pub use tcp::{TcpListener, TcpStream};
pub use timer::{sleep, sleep_until};
pub use token::CancellationToken;
