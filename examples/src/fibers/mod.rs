//! Fibers: bodies with a stack each, on the same loop. A call that waits looks like any other.
//!
//! They are the arm without colour in the comparison, and no fourth wing: there is no mirror, and only what the
//! programs of the comparison need. A fiber that waits at a socket is parked there as a job, as each wing parks
//! its own; the rest of the program waits on its stack. [`wait`] takes it to any operation of `api_callbacks`.
//!
//! ```
//! use examples::fibers::{self, TcpListener, TcpStream};
//!
//! let mut event_loop = loop_core::EventLoop::new()?;
//! let handle = event_loop.handle();
//! let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap())?;
//! let address = listener.local_addr()?;
//! let said = fibers::run(&mut event_loop, move || {
//!     let client = fibers::spawn(&handle.clone(), move || {
//!         let stream = TcpStream::connect(&handle, address)?;
//!         stream.write_chunk(loop_core::Chunk::from(b"hello".to_vec()))
//!     });
//!     let (stream, _peer) = listener.accept()?;
//!     client.join()?;
//!     stream.read_chunk()
//! })?;
//! assert_eq!(said.as_deref(), Some(&b"hello"[..]));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Rules
//!
//! - A fiber runs until it waits; it goes on from the queue. After 128 attempts at sockets it waits for the others.
//! - **Cancelling** unwinds its stack from the wait where it is, without a panic's report, and drops what it
//!   holds. From then on each wait ends so, up to the scope that was cancelled: all of the fiber, or a
//!   [`timeout`]. A destructor cannot wait: there a wait is an error, [`Cancelled`](loop_core::Cancelled).
//! - A **panic** ends its fiber as [`Panicked`](loop_core::Panicked), for what joins it, or for the report.
//! - When the **loop is closed**, every fiber that waits is cancelled.
//! - Nothing that another fiber needs may be held across a wait, a borrow of a `RefCell` say. No compiler says so,
//!   and no mark in the source shows which calls wait.
//!
//! # Limits
//!
//! Each stack takes two of the system's mappings (Linux: `vm.max_map_count`) and two pages at least. Frames that
//! overflow end the process.

pub mod echo;

mod combine;
mod fiber;
mod stack;
mod tcp;
mod waiting;

use std::io;

use loop_core::EventLoop;

pub use combine::{all, race};
pub use fiber::{Fiber, STACK_BYTES, spawn, spawn_with};
pub use tcp::{TcpListener, TcpStream};
pub use waiting::{Resume, sleep, timeout, wait};

/// Runs the loop until a body, which is a fiber on it, has ended.
///
/// # Errors
/// The body's; [`RunError`](loop_core::RunError) if it panicked or the loop was stopped.
#[track_caller]
pub fn run<T: 'static>(
    event_loop: &mut EventLoop,
    body: impl FnOnce() -> io::Result<T> + 'static,
) -> io::Result<T> {
    let handle = event_loop.handle();
    let ended = event_loop.run_until_complete(|completer| {
        let body = move || {
            completer.complete(body());
            Ok(())
        };
        spawn(&handle, body).detach();
    });
    ended.map_err(io::Error::other)?
}
