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
//!    │             │     the same names in        │              │
//!    └──────────►  │     every wing               │     client server  blocking
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
//! - The callback comes last, is never called before the operation returned, and is called once.
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

pub mod bytes;
pub mod combine;
pub mod echo;
pub mod protocol;

mod attempt;
mod calling;
mod cancelling;
mod connecting;
mod operation;
mod pending;
mod resolve;
mod socket;
mod tcp;
mod timer;
mod token;
mod user_code;

pub use operation::{Composed, Operation};
pub use protocol::blocking::run_blocking;
pub use protocol::client::ClientBuilder;
pub use protocol::flow::FlowControl;
pub use protocol::server::Server;
pub use protocol::server_builder::ServerBuilder;
pub use protocol::{Protocol, Transport, WriteLimits};
pub use resolve::resolve;
pub use tcp::{TcpListener, TcpStream};
pub use timer::{Timer, sleep, sleep_until};
pub use token::CancellationToken;
