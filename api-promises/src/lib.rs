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
//! # The picture of the crate
//!
//! ```text
//!   echo       tcp bytes timer resolve     combine/     token     bridges
//!    │          │   the same names in         │           │     callbacks, futures
//!    └───────►  │   every wing                │           │          │
//!               ▼                             │           │          │
//!             socket                          │           │          │
//!             reads and writes                │           │          │
//!               │                             │           │          │
//!   promise/    ▼                             ▼           ▼          ▼
//!   ┌───────────────────────────────────────────────────────────────────────┐
//!   │  mod: Promise   chain: then, map, catch ...   shared/   awaited       │
//!   │    │            into_promise: what a handler may return               │
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
//!   [`CancellationToken`].
//! - A promise is a future, and [`promisify`], [`callbackify`] and [`Promise::spawn`] are the bridges to
//!   callbacks and to tasks; each says whether cancellation crosses.

pub mod bytes;
pub mod combine;
pub mod echo;

mod bridges;
mod promise;
mod resolve;
mod socket;
mod tcp;
mod timer;
mod token;

pub use bridges::{callbackify, promisify};
pub use promise::{Adoption, Fault, IntoPromise, Promise, Reason, Resolver, Shared, set_adoption};
pub use resolve::resolve;
pub use tcp::{TcpListener, TcpStream};
pub use timer::{sleep, sleep_until};
pub use token::CancellationToken;
