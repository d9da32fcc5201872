//! asyncio's hybrid: async streams over a callback transport.
//!
//! A protocol puts what comes into a buffer, and `read` awaits the buffer; `write` hands on to the
//! transport at once, and `drain` awaits the watermarks. Rule: it behaves as `asyncio.StreamReader` and
//! `StreamWriter` do, with what follows from that; the async wing's own stream does not.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, Waker};

use api_async::{Resume, suspend};
use api_callbacks::{ClientBuilder, Operation, Protocol, Transport};
use loop_core::LoopHandle;

/// The reader pauses the transport above twice this, as in asyncio.
const LIMIT: usize = 64 * 1024;

/// The reading half. asyncio: `StreamReader`.
pub struct StreamReader(Rc<Shared>);

/// The writing half. asyncio: `StreamWriter`.
pub struct StreamWriter(Rc<Shared>);

/// What the halves and the protocol share.
#[derive(Default)]
struct Shared {
    /// There from `connection_made` on.
    transport: RefCell<Option<Rc<dyn Transport>>>,
    /// What has come and was not read.
    buffer: RefCell<VecDeque<u8>>,
    /// Nothing more will come.
    ended: Cell<bool>,
    /// The transport has more unsent than its high mark.
    paused: Cell<bool>,
    lost: Cell<bool>,
    error: Cell<Option<ErrorKind>>,
    reader: Cell<Option<Waker>>,
    writer: Cell<Option<Waker>>,
}

/// The protocol that feeds a stream. asyncio: `StreamReaderProtocol`.
struct StreamProtocol(Rc<Shared>);

/// An operation that ends with what awaits it.
struct CancelOnDrop(Operation);

/// Connects. asyncio: `open_connection`.
///
/// # Errors
/// When the connection is refused or the address cannot be reached.
pub async fn open_connection(
    handle: &LoopHandle,
    address: SocketAddr,
) -> io::Result<(StreamReader, StreamWriter)> {
    let shared = Rc::new(Shared::default());
    let protocol = StreamProtocol(shared.clone());
    suspend(|resume: Resume<Rc<dyn Transport>>| {
        let connecting = ClientBuilder::new();
        CancelOnDrop(connecting.connect(handle, address, protocol, |made| resume.end(made)))
    })
    .await?;
    Ok((StreamReader(shared.clone()), StreamWriter(shared)))
}

impl StreamReader {
    /// Reads what has come, at most `limit` bytes; nothing is the end of the stream.
    ///
    /// # Errors
    /// When the connection was lost by one.
    pub async fn read(&self, limit: usize) -> io::Result<Vec<u8>> {
        let shared = &*self.0;
        poll_fn(|cx| {
            let there = !shared.buffer.borrow().is_empty() || shared.ended.get();
            if there {
                return Poll::Ready(());
            }
            shared.reader.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
        let mut buffer = shared.buffer.borrow_mut();
        let count = limit.min(buffer.len());
        let bytes: Vec<u8> = buffer.drain(..count).collect();
        if buffer.len() <= LIMIT
            && let Some(transport) = &*shared.transport.borrow()
        {
            transport.resume_reading();
        }
        match shared.error.get() {
            Some(kind) if bytes.is_empty() => Err(kind.into()),
            _ => Ok(bytes),
        }
    }
}

impl StreamWriter {
    /// Hands bytes to the transport: what the socket does not take is buffered, however much it is.
    pub fn write(&self, bytes: &[u8]) {
        self.with(|transport| transport.write(bytes));
    }

    /// Waits until the transport has no more unsent than its low mark, if it was above the high one.
    ///
    /// # Errors
    /// `ConnectionReset` when the connection is lost.
    pub async fn drain(&self) -> io::Result<()> {
        self.wait_until(|shared| !shared.paused.get()).await;
        if self.0.lost.get() { Err(ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }

    /// Begins to close the connection, and returns at once.
    pub fn close(&self) {
        self.with(|transport| transport.close());
    }

    /// Waits until the connection is closed.
    pub async fn wait_closed(&self) {
        self.wait_until(|_| false).await;
    }

    /// Returns how many bytes are unsent.
    pub fn unsent(&self) -> usize {
        self.0.transport.borrow().as_ref().map_or(0, |transport| transport.write_buffer_size())
    }

    /// Waits for a state, or the loss of the connection.
    async fn wait_until(&self, holds: impl Fn(&Shared) -> bool) {
        let shared = &*self.0;
        poll_fn(|cx| {
            if shared.lost.get() || holds(shared) {
                return Poll::Ready(());
            }
            shared.writer.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    fn with(&self, tell: impl FnOnce(&dyn Transport)) {
        // Nothing is borrowed while the transport calls the protocol.
        let transport = self.0.transport.borrow().clone();
        if let Some(transport) = transport {
            tell(&*transport);
        }
    }
}

impl Shared {
    fn wake(place: &Cell<Option<Waker>>) {
        place.take().into_iter().for_each(Waker::wake);
    }
}

impl Protocol for StreamProtocol {
    fn connection_made(&self, transport: &Rc<dyn Transport>) {
        self.0.transport.replace(Some(transport.clone()));
    }

    fn data_received(&self, transport: &dyn Transport, bytes: &[u8]) {
        let mut buffer = self.0.buffer.borrow_mut();
        buffer.extend(bytes);
        if buffer.len() > 2 * LIMIT {
            transport.pause_reading();
        }
        Shared::wake(&self.0.reader);
    }

    fn eof_received(&self, _: &dyn Transport) -> bool {
        self.0.ended.set(true);
        Shared::wake(&self.0.reader);
        true
    }

    fn pause_writing(&self, _: &dyn Transport) {
        self.0.paused.set(true);
    }

    fn resume_writing(&self, _: &dyn Transport) {
        self.0.paused.set(false);
        Shared::wake(&self.0.writer);
    }

    fn connection_lost(&self, error: Option<io::Error>) {
        self.0.error.set(error.map(|error| error.kind()));
        self.0.lost.set(true);
        self.0.ended.set(true);
        // The transport holds the protocol, and the protocol the transport.
        let transport = self.0.transport.take();
        drop(transport);
        Shared::wake(&self.0.reader);
        Shared::wake(&self.0.writer);
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
