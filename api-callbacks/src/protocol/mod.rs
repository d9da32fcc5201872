//! Protocols and transports: one object hears of all that happens to a connection.
//!
//! A protocol knows no loop. The same one runs on the loop ([`ServerBuilder`](crate::ServerBuilder),
//! [`ClientBuilder`](crate::ClientBuilder)) and, with the standard library alone, on a blocking
//! connection ([`run_blocking`](crate::run_blocking)).

pub(crate) mod blocking;
pub(crate) mod client;
mod echo;
pub(crate) mod flow;
mod frames;
pub(crate) mod server;
pub(crate) mod server_builder;
mod transport;

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

pub use echo::Echo;
pub use frames::{FRAME_HEADER_BYTES, Frames, write_frame};

/// The most unsent bytes before a protocol is told to pause (asyncio: 64 KiB).
const HIGH: usize = 64 * 1024;

/// What a connection tells the program.
///
/// The order is: `connection_made` once, then any number of `data_received`, then `eof_received` at
/// most once; `connection_lost` is the last, and comes once. All take `&self`, since
/// `pause_writing` comes from inside the [`Transport::write`] that has filled the buffer, and so
/// from inside whatever has written.
///
/// When a method panics, the loop reports it, and the connection is aborted.
///
/// asyncio: `Protocol`.
pub trait Protocol {
    /// The connection is made; the transport may be kept until it is lost.
    fn connection_made(&self, transport: &Rc<dyn Transport>) {
        let _ = transport;
    }

    /// Bytes have come: at least one, of whatever the peer wrote.
    fn data_received(&self, transport: &dyn Transport, bytes: &[u8]);

    /// The peer has ended its side. Returns whether this side stays open; else it is closed, once
    /// all is sent.
    fn eof_received(&self, transport: &dyn Transport) -> bool {
        let _ = transport;
        false
    }

    /// The transport has more unsent than its high mark: better to write no more for now.
    fn pause_writing(&self, transport: &dyn Transport) {
        let _ = transport;
    }

    /// The transport has no more unsent than its low mark.
    fn resume_writing(&self, transport: &dyn Transport) {
        let _ = transport;
    }

    /// The connection has ended: with no error when it was closed from here or by the peer's end,
    /// else with the reason. Nothing comes after it, and the protocol is dropped.
    fn connection_lost(&self, error: Option<io::Error>) {
        let _ = error;
    }
}

/// What the program tells a connection.
///
/// asyncio: `Transport`. Where asyncio's `write` raises, this one drops the bytes, and says so to
/// the loop's exception handler.
pub trait Transport {
    /// Writes bytes: at once what the socket takes, the rest later, in order.
    fn write(&self, bytes: &[u8]);

    /// Writes several pieces, in order, as one [`Transport::write`] would.
    fn writelines(&self, pieces: &[&[u8]]);

    /// Ends this side once all is sent; the peer reads the end then. Reading goes on.
    fn write_eof(&self);

    /// Ends the peer's side from here: what has come is handed on, and then its end. So a connection that
    /// is closed in order is not reset for bytes that were not read.
    fn shutdown_read(&self);

    /// Reads no more, sends what is unsent, and closes the connection. Where the peer has sent bytes
    /// that were not read by then, the system resets it.
    fn close(&self);

    /// Closes the connection without sending what is unsent.
    fn abort(&self);

    /// Closes the connection as [`Transport::abort`] does, and by a reset: the peer hears of a failure, where
    /// an end would say that all had come. libuv: `uv_tcp_close_reset`. Twisted: `abortConnection`.
    fn reset(&self);

    /// Tells whether the connection is closed, or will be once all is sent.
    fn is_closing(&self) -> bool;

    /// Hands on no more bytes until [`Transport::resume_reading`].
    fn pause_reading(&self);

    /// Hands bytes on again.
    fn resume_reading(&self);

    /// Tells whether bytes are handed on.
    fn is_reading(&self) -> bool;

    /// Sets when the protocol is told to pause writing, and when to resume it.
    ///
    /// # Panics
    /// When the low mark is above the high one.
    fn set_write_buffer_limits(&self, limits: WriteLimits);

    /// Returns how many bytes are unsent. asyncio: `get_write_buffer_size`.
    fn write_buffer_size(&self) -> usize;

    /// Returns the address of this side.
    ///
    /// # Errors
    /// What the system says; `NotConnected` when the connection is lost.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// Returns the address of the other side.
    ///
    /// # Errors
    /// As [`Transport::local_addr`].
    fn peer_addr(&self) -> io::Result<SocketAddr>;
}

/// The marks of a transport's unsent bytes.
///
/// A protocol that obeys them has no more unsent than the high mark and what it wrote last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteLimits {
    /// The protocol is told to resume when there is no more than this.
    pub low: usize,
    /// The protocol is told to pause when there is more than this.
    pub high: usize,
}

impl WriteLimits {
    /// Returns the limits with this high mark, and a quarter of it as the low one, as in asyncio.
    pub const fn with_high(high: usize) -> WriteLimits {
        WriteLimits { low: high / 4, high }
    }
}

impl Default for WriteLimits {
    /// Returns 16 KiB and 64 KiB.
    fn default() -> WriteLimits {
        WriteLimits::with_high(HIGH)
    }
}

/// A boxed protocol is one, so that one server can speak several.
impl<P: Protocol + ?Sized> Protocol for Box<P> {
    fn connection_made(&self, transport: &Rc<dyn Transport>) {
        (**self).connection_made(transport);
    }

    fn data_received(&self, transport: &dyn Transport, bytes: &[u8]) {
        (**self).data_received(transport, bytes);
    }

    fn eof_received(&self, transport: &dyn Transport) -> bool {
        (**self).eof_received(transport)
    }

    fn pause_writing(&self, transport: &dyn Transport) {
        (**self).pause_writing(transport);
    }

    fn resume_writing(&self, transport: &dyn Transport) {
        (**self).resume_writing(transport);
    }

    fn connection_lost(&self, error: Option<io::Error>) {
        (**self).connection_lost(error);
    }
}
