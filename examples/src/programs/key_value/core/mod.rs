//! The key-value server without its sockets: bytes in, bytes out, the time passed in.
//!
//! A [`Session`] is one client: it takes in what the client sends, and answers it from the [`Store`]
//! that all clients share. Neither reads, writes, waits or asks for the time, so that every style has
//! the same server, and tests need no socket.
//!
//! The protocol is RESP2, that of Redis: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

mod commands;
mod inline;
mod number;
mod reply;
mod requests;
mod session;
mod store;

use std::time::Duration;

pub use requests::{ProtocolError, Request, Requests};
pub use session::Session;
pub use store::Store;

/// The longest argument of a command: a key or a value.
pub const ARGUMENT_BYTES_MAX: usize = 1 << 20;

/// The most arguments of a command, its name included.
pub const ARGUMENTS_MAX: usize = 1024;

/// The longest command with all of its arguments.
pub const REQUEST_BYTES_MAX: usize = 4 << 20;

/// The longest line: an inline command. The lines that announce an argument are far shorter.
pub const LINE_BYTES_MAX: usize = 64 << 10;

/// How many bytes of replies are made before they are to be written; the last one may go over it.
pub const REPLY_BYTES_AT_ONCE: usize = 64 << 10;

/// How much the keys and values of a store may take together.
pub const STORE_BYTES_MAX: usize = 256 << 20;

/// How often keys are looked for whose time is over, besides when a client asks for them.
pub const SWEEP_EVERY: Duration = Duration::from_millis(100);

/// How many keys one sweep removes at most, so that no client waits.
pub const SWEEP_KEYS_MAX: usize = 1000;
