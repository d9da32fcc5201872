//! A protocol on a blocking connection of the standard library: no loop, no reactor.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use socket2::SockRef;

use crate::protocol::{Protocol, Transport, WriteLimits};

/// How much is read at once.
const BUFFER_BYTES: usize = 16 * 1024;

/// A blocking connection, as protocols see it. It writes all at once, so that nothing is ever unsent.
struct Blocking {
    stream: TcpStream,
    reading: Cell<bool>,
    ended: Cell<bool>,
    closing: Cell<bool>,
    /// Whether the close is to be a reset, which no end comes before.
    resets: Cell<bool>,
    /// Why a write has failed.
    error: RefCell<Option<io::Error>>,
}

/// Runs a protocol on a blocking connection until that ends.
///
/// The protocol is told the same as on the loop, in the same order; `pause_writing` never comes,
/// since nothing stays unsent.
///
/// # Errors
/// What the protocol is told in `connection_lost`, as a kind: why the connection has failed. A
/// protocol that pauses reading and returns waits for ever: `Deadlock`.
///
/// # Panics
/// When the protocol does, once it has been told that the connection is lost.
pub fn run_blocking(stream: TcpStream, protocol: impl Protocol) -> io::Result<()> {
    let transport = Rc::new(Blocking {
        stream,
        reading: Cell::new(true),
        ended: Cell::new(false),
        closing: Cell::new(false),
        resets: Cell::new(false),
        error: RefCell::default(),
    });
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let shared: Rc<dyn Transport> = transport.clone();
        protocol.connection_made(&shared);
        drop(shared);
        transport.run(&protocol)
    }));
    let (ran, panicked) = match ran {
        Ok(ran) => (ran, None),
        Err(payload) => (Err(io::Error::other("the protocol has panicked")), Some(payload)),
    };
    let error = transport.error.take().or(ran.err());
    transport.closing.set(true);
    let kind = error.as_ref().map(io::Error::kind);
    // A transport that is kept does not keep the connection.
    if !transport.resets.get() {
        let _ = transport.stream.shutdown(Shutdown::Both);
    }
    protocol.connection_lost(error);
    if let Some(payload) = panicked {
        resume_unwind(payload);
    }
    kind.map_or(Ok(()), |kind| Err(kind.into()))
}

impl Blocking {
    fn run(&self, protocol: &impl Protocol) -> io::Result<()> {
        let mut buffer = [0; BUFFER_BYTES];
        while !self.closing.get() {
            if !self.reading.get() {
                return Err(io::Error::new(ErrorKind::Deadlock, "nothing can resume reading"));
            }
            match (&self.stream).read(&mut buffer) {
                Ok(0) => {
                    // Whether it stays open or not, nothing is left that could write.
                    protocol.eof_received(self);
                    return Ok(());
                }
                Ok(count) => protocol.data_received(self, &buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn try_to(&self, attempt: impl FnOnce(&mut &TcpStream) -> io::Result<()>) {
        if self.closing.get() || self.ended.get() {
            return;
        }
        if let Err(error) = attempt(&mut &self.stream) {
            self.closing.set(true);
            self.error.replace(Some(error));
        }
    }
}

impl Transport for Blocking {
    fn write(&self, bytes: &[u8]) {
        self.try_to(|stream| stream.write_all(bytes));
    }

    fn writelines(&self, pieces: &[&[u8]]) {
        self.write(&pieces.concat());
    }

    fn write_eof(&self) {
        self.try_to(|stream| match stream.shutdown(Shutdown::Write) {
            // It was connected, so that the peer has ended it.
            Err(error) if error.kind() == ErrorKind::NotConnected => {
                Err(ErrorKind::ConnectionReset.into())
            }
            ended => ended,
        });
        self.ended.set(true);
    }

    fn shutdown_read(&self) {
        // One that the peer has left already has nothing to end.
        let _ = self.stream.shutdown(Shutdown::Read);
    }

    fn close(&self) {
        self.closing.set(true);
    }

    fn abort(&self) {
        self.closing.set(true);
    }

    fn reset(&self) {
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        self.resets.set(true);
        self.closing.set(true);
    }

    fn is_closing(&self) -> bool {
        self.closing.get()
    }

    fn pause_reading(&self) {
        self.reading.set(false);
    }

    fn resume_reading(&self) {
        self.reading.set(true);
    }

    fn is_reading(&self) -> bool {
        self.reading.get() && !self.closing.get()
    }

    fn set_write_buffer_limits(&self, limits: WriteLimits) {
        assert!(limits.low <= limits.high, "the low mark is above the high one");
    }

    fn write_buffer_size(&self) -> usize {
        0
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}
