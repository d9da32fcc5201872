//! Raw callbacks on the loop: every operation takes a closure that is called with its result.
//!
//! The rest of the program waits *in the closure*. The pending operation owns it, together with the
//! socket that the operation is about, and the loop owns the pending operation: a stream on which
//! something is pending lives on when every [`TcpStream`] that names it is dropped.
//!
//! ```
//! use api_callbacks::{TcpListener, TcpStream, echo};
//! use loop_core::{Chunk, EventLoop};
//!
//! let mut event_loop = EventLoop::new()?;
//! let handle = event_loop.handle();
//! let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap())?;
//! let address = listener.local_addr()?;
//! echo::serve(listener, |error| eprintln!("the server ended: {error}"));
//!
//! TcpStream::connect(&handle, address, move |stream| {
//!     let stream = stream.expect("the server listens");
//!     stream.write_chunk(Chunk::from(b"hello".to_vec()), move |stream, written| {
//!         written.expect("the server reads");
//!         stream.read_chunk(move |stream, read| {
//!             assert_eq!(read.unwrap().as_deref(), Some(&b"hello"[..]));
//!             stream.handle().stop();
//!         });
//!     });
//! });
//! event_loop.run_forever()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # The picture of the crate
//!
//! ```text
//!   echo          tcp bytes timer resolve      combine/ token  protocol/
//!    │             options host semaphore pace    │              │
//!    └──────────►  │     the same in every wing   │     client server  blocking
//!                  │                              │        └──┬──┘     no loop
//!                  ▼                              │           ▼
//!          connecting    socket ──► attempt       │     transport/
//!          makes one     reads and  again, or     │     tells the protocol
//!                  │     writes     with an error │           │
//!                  └───┬───┘                      │           │
//!                      ▼                          ▼           │
//!          operation ──► pending           calling            │
//!          names one     where a callback  callbacks that     │
//!              │         waits             call one another   │
//!              ▼                                  │           │
//!          cancelling  ◄──────────────────────────┤           │
//!          part by part                           │           │
//!              ▼                                  ▼           ▼
//!          user_code: whatever a program's code does, the rest goes on
//! ```
//!
//! Arrows point down, to what is used. `protocol/` is the room without a mirror: what the style costs.
//!
//! # The way of a byte
//!
//! From the kernel to the program's closure and back, by `echo`:
//!
//! | | file | what happens there |
//! |---|---|---|
//! | 1 | loop-core: `turn` | `run_once` polls the kernel, and `fire_one` takes an event of it |
//! | 2 | loop-core: `readiness/source` | `LoopState::fire` queues the job that is parked at the socket; the turn runs it |
//! | 3 | `socket` | `Stream::run` reads a chunk, in `Stream::read` |
//! | 4 | `pending` | `Pending::take` has the closure that waits, which `read` calls |
//! | 5 | `tcp` | the closure is the program's; it calls `TcpStream::write_chunk`, which is `Stream::begin_write` of `socket` |
//! | | loop-core: `readiness/source` | `Source::write_chunk` hands the bytes to the kernel |
//!
//! The closure of the write waits in its `Pending` then, and the job is queued to call it: nothing calls
//! back before its operation returned. With a protocol the way is shorter: `Connection::run` in
//! `protocol/transport` reads and calls `data_received`, which writes by `protocol/transport/face`.
//!
//! # Rules
//!
//! - The callback comes last, is never called before the operation returned, and is called once. What is no
//!   callback may run in a call: a function that begins a part of a whole, the core's
//!   [hooks](loop_core#principles), and `pause_writing`, in the `write` that fills the buffer.
//! - A stream is passed to the callback of its operation, so that most closures capture nothing;
//!   a box of nothing is no allocation.
//! - Each operation returns an [`Operation`], whose `cancel` completes the callback with
//!   [`Cancelled`](loop_core::Cancelled). Dropping it cancels nothing. [`TcpStream::cancel`] and
//!   [`TcpStream::close`] end what is pending on a connection, a [`CancellationToken`] what was begun under it.
//! - Operations that follow one another are a [`Sequence`](combine::Sequence), which is cancelled as one.
//! - When the loop is closed, every pending operation ends as cancelled. On a loop that is closed
//!   already nothing begins, and the callback is dropped.
//! - A callback that is dropped uncalled is reported to the loop's exception handler, with the place
//!   where its operation was called.
//!
//! Those who come from asyncio find the same twelve things in [`from_asyncio`]. The book (`cargo run -p essays`)
//! argues about the style, `oneloop demo` shows what is claimed of it, and `oneloop compare` measures it.
//!
//! # Decisions
//!
//! - **A place for a callback.** `Pending` holds one callback, the place where it was called from, and a
//!   number, so that an old [`Operation`] does not cancel the next one that waits there. An [`Operation`]
//!   refers weakly: it keeps nothing open, and dropping it does not cancel.
//! - **A stream is a job with two parts**, reading and writing, one operation each; a second is refused
//!   as `ResourceBusy`. `read_chunk` is tried when its job runs. Transfers on a caller's buffer are tried
//!   inside the call, and their callback comes from the queue all the same.
//! - **Cancelling** unparks, takes back the timer and queues the callback, all at once. A whole of
//!   `combine` cancels its parts, and the first part that ends as cancelled ends it; a timeout then gives
//!   up its timer too. Once the parts have ended, the result is on its way: `cancel` says that it came
//!   too late, and no timer is left. A whole counts the parts that it has cancelled and calls back after
//!   the last of them, so that their sockets are free then. A map that is cancelled between two items
//!   ends as cancelled.
//! - **A stream is cancelled or closed as such** (`socket/closing.rs`), which only this wing needs: nothing of
//!   a program's holds the stream of a pending operation but that operation, so that no drop ends it. After a
//!   close the two places for a callback stay taken, and what begins finds them so: the way of a message has
//!   no instruction more. The callbacks come first, then the socket goes with the last that names it; if that
//!   is a clone that the program keeps, both sides are shut down.
//! - **A sequence** (`combine/sequence.rs`) is a whole with one part at a time: steps of any types, between
//!   which a value goes in a box. It is cancelled as one, in a step or between two; the last step's result,
//!   once it is on its way, is delivered. A step may come round, so that a loop of reads is a step.
//! - **A token** (`token.rs`) refers weakly to what was begun under it, and is told of its end as a timer would
//!   be. Its names are those of the other wings: `new`, `child`, `cancel`, `is_cancelled`, `cancelled`,
//!   `guard`. What waits for a token alone is a timer that never comes, so that a loop that is closed ends it.
//! - **A deadline that is put off** ([`Timer`]) leaves the loop's timer where it is: that comes, finds the
//!   deadline later, and waits for the rest. To put it off with each message costs a read of the clock.
//! - **One place where parts start** (`combine/part.rs`): it knows whether an operation has returned, and
//!   so delivers from the queue what was completed before. What a panic does to a whole is a table in
//!   `combine.rs`.
//! - **A program's code** (`user_code.rs`): what a program has given is dropped one at a time, so that a
//!   destructor that panics, or a chain of 100,000 wholes, harms nothing. Callbacks of wholes that call
//!   one another, and cancels of composed operations, wait for the ones around them from the seventeenth
//!   on.
//! - **A program's own operation.** [`Operation::composed`] names what a program has made of several
//!   operations, so that `combine` and every other holder can cancel it: [`Composed::cancel`] cancels
//!   what is pending of it. It is referred to weakly, like all others: the pending callback has to hold
//!   it.
//! - **A host has several addresses.** `connect_to_host` (`host.rs`) tries them in turn, in the system's order;
//!   `ClientBuilder`'s has a timeout for all of it. The example `happy_eyeballs` races them.
//! - **A connection of a protocol is one job for its life.** No closure is made for a message, and one
//!   with nothing unsent holds no buffer. `connection_made` and `connection_lost` are parts of that job,
//!   so that neither comes from inside a call of the program.
//! - **Protocol methods take `&self`**, since `pause_writing` comes from inside the `write` that has
//!   filled the buffer, and so from inside whatever has written. A panic in one aborts the connection.
//! - **A late write** raises in asyncio; ours drops the bytes and reports it once per connection.
//! - **The uncoloured protocol** knows no loop: `run_blocking` runs the same object on `std::net`, where
//!   nothing stays unsent, so that `pause_writing` never comes; one that pauses reading and returns could
//!   never go on, which is `Deadlock`.
//! - **A reset** ([`Transport::reset`]) is an abort that the peer hears of as a failure. `abort` itself ends
//!   the connection as asyncio's does.
//! - **A server that stops** accepts no more, aborts at the deadline every connection that is left, and
//!   names them.
//!
//! # Limits
//!
//! A reset of a connection that is paused with nothing unsent is noticed at its next write or resume. A
//! look-up that is cancelled ends by itself in its thread. A part of `combine` that is a chain of
//! operations has to be a `Composed` one, or goes on without the timeout.

pub mod bytes;
pub mod combine;
pub mod echo;
pub mod protocol;

mod attempt;
mod calling;
mod cancelling;
mod connecting;
mod host;
mod operation;
mod options;
mod pace;
mod pending;
mod resolve;
mod semaphore;
mod socket;
mod tcp;
mod timer;
mod token;
mod user_code;

pub use operation::{Composed, Operation};
pub use pace::{Interval, RateLimit};
pub use protocol::blocking::run_blocking;
pub use protocol::client::ClientBuilder;
pub use protocol::flow::FlowControl;
pub use protocol::server::Server;
pub use protocol::server_builder::ServerBuilder;
pub use protocol::{Protocol, Transport, WriteLimits};
pub use resolve::resolve;
pub use semaphore::{Permit, Semaphore};
pub use tcp::{TcpListener, TcpStream};
pub use timer::{Timer, sleep, sleep_until};
pub use token::CancellationToken;

/// For those who come from asyncio.
///
#[doc = include_str!("../guide/from_asyncio.md")]
pub mod from_asyncio {}
