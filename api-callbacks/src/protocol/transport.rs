//! A connection on the loop that tells a protocol what happens: asyncio's selector transport.
//!
//! One job serves it for its whole life. What waits is this job: no closure is made for a message.

mod face;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::mem;
use std::net::Shutdown;
use std::rc::{Rc, Weak};

use loop_core::{Cancelled, Direction, Job, LoopHandle};

use crate::attempt::{READ, Socket, WRITE};
use crate::protocol::{Protocol, Transport, WriteLimits};
use crate::user_code::discard;

/// Further parts of the job.
const MADE: u64 = 2;
const START: u64 = 3;
const LOST: u64 = 4;

/// A connection and its protocol.
pub(crate) struct Connection<P: 'static> {
    /// Gone once the connection is lost. Shared while the protocol is called, which is never from
    /// inside [`Connection::lost`]: that is a job of its own.
    live: RefCell<Option<Live<P>>>,
    /// There while bytes wait to be sent: an idle connection holds no buffer, nor a place for one.
    #[expect(clippy::box_collection)]
    unsent: Cell<Option<Box<VecDeque<u8>>>>,
    limits: Cell<WriteLimits>,
    flags: Cell<u16>,
    /// Why the connection will be lost.
    error: Cell<Option<io::Error>>,
    /// The connection itself, for the loop to hold.
    this: Weak<Connection<P>>,
}

struct Live<P> {
    protocol: P,
    source: Socket,
}

/// The program wants to be handed no bytes.
const PAUSED: u16 = 1;
/// The peer has ended its side.
const ENDED: u16 = 2;
/// The connection is closed once all is sent.
const CLOSING: u16 = 4;
/// This side ends once all is sent.
const EOF: u16 = 8;
/// The protocol was told to pause writing.
const OVER: u16 = 16;
/// The protocol will be told that the connection is lost.
const LOSING: u16 = 32;
/// That is because it has failed.
const FAILED: u16 = 64;
/// The loop was told of bytes that were written too late.
const TOLD: u16 = 128;
/// Bytes wait to be sent.
const UNSENT: u16 = 256;
/// This side has ended.
const SHUT: u16 = 512;

impl<P: Protocol + 'static> Connection<P> {
    /// Makes a connection, and queues `connection_made` and the beginning of reading.
    pub(crate) fn start(source: Socket, protocol: P) -> Rc<Connection<P>> {
        let handle = source.handle().clone();
        let connection = Rc::new_cyclic(|this| Connection {
            live: RefCell::new(Some(Live { protocol, source })),
            unsent: Cell::default(),
            limits: Cell::default(),
            flags: Cell::new(0),
            error: Cell::new(None),
            this: this.clone(),
        });
        handle.queue(connection.clone(), MADE);
        handle.queue(connection.clone(), START);
        connection
    }

    #[inline]
    fn has(&self, flags: u16) -> bool {
        self.flags.get() & flags != 0
    }

    fn set(&self, flags: u16) {
        self.flags.set(self.flags.get() | flags);
    }

    fn clear(&self, flags: u16) {
        self.flags.set(self.flags.get() & !flags);
    }

    #[inline]
    fn is_sent(&self) -> bool {
        !self.has(UNSENT)
    }

    fn unsent_bytes(&self) -> usize {
        if self.is_sent() { 0 } else { self.with_unsent(|unsent| unsent.len()) }
    }

    /// Lets `work` have the bytes that wait to be sent; what is left of them waits on.
    fn with_unsent<R>(&self, work: impl FnOnce(&mut VecDeque<u8>) -> R) -> R {
        let mut unsent = self.unsent.take().unwrap_or_default();
        let result = work(&mut unsent);
        if unsent.is_empty() {
            self.clear(UNSENT);
        } else {
            self.set(UNSENT);
            self.unsent.set(Some(unsent));
        }
        result
    }

    /// Calls the protocol; if that panics, the connection is aborted.
    #[inline]
    fn tell<R>(&self, protocol: &P, call: impl FnOnce(&P) -> R) -> R {
        let guard = AbortOnPanic(self);
        let result = call(protocol);
        mem::forget(guard);
        result
    }

    /// Reads once and hands on what came.
    #[inline]
    fn read(self: Rc<Self>) {
        let live = self.live.borrow();
        let Some(live) = &*live else { return };
        if !self.has(PAUSED | ENDED | CLOSING) {
            match live.source.read_chunk() {
                Ok(Some(chunk)) => {
                    self.tell(&live.protocol, |protocol| protocol.data_received(&*self, &chunk));
                }
                Ok(None) => self.end(live),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => self.lose(Some(error)),
            }
        }
        self.wait_to_read(&live.source);
    }

    /// Begins to read.
    #[cold]
    fn begin(self: Rc<Self>) {
        if let Some(live) = &*self.live.borrow() {
            self.wait_to_read(&live.source);
        }
    }

    /// Tells the protocol that the peer has ended its side.
    fn end(&self, live: &Live<P>) {
        self.set(ENDED);
        if !self.tell(&live.protocol, |protocol| protocol.eof_received(self)) {
            self.close();
        }
    }

    /// Queues the job if there may be something to read, else parks it. A connection that reads
    /// nothing is parked as well: so it hears when the loop is closed, and is held until then.
    #[inline(always)]
    fn wait_to_read(self: &Rc<Self>, source: &Socket) {
        if self.has(PAUSED | ENDED | CLOSING) {
            return self.wait_for_the_end(source);
        }
        source.queue_when_ready(Direction::Read, self.clone(), READ);
    }

    #[cold]
    fn wait_for_the_end(self: &Rc<Self>, source: &Socket) {
        if source.handle().is_closing() {
            self.lose(Some(Cancelled.into()));
        } else if !self.has(LOSING) {
            source.park_job_for_news(Direction::Read, self.clone(), READ);
        }
    }

    /// Sends what is unsent, as far as the socket takes it.
    fn flush(self: Rc<Self>) {
        // What was parked before the connection was given up has nothing to send, nor to tell.
        if self.has(LOSING) {
            return;
        }
        match self.send() {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return self.lose(Some(error)),
        }
        if self.has(OVER) && self.unsent_bytes() <= self.limits.get().low {
            self.clear(OVER);
            if let Some(live) = &*self.live.borrow() {
                self.tell(&live.protocol, |protocol| protocol.resume_writing(&*self));
            }
        }
        if !self.is_sent() {
            self.wait_to_write();
        } else if self.has(CLOSING) {
            self.lose(None);
        } else if self.has(EOF) {
            self.shut_down();
        }
    }

    fn send(&self) -> io::Result<()> {
        let live = self.live.borrow();
        let Some(Live { source, .. }) = &*live else { return Ok(()) };
        self.with_unsent(|unsent| {
            while !unsent.is_empty() {
                let (first, second) = unsent.as_slices();
                let count = source.write_vectored(&[IoSlice::new(first), IoSlice::new(second)])?;
                unsent.drain(..count);
            }
            Ok(())
        })
    }

    fn wait_to_write(&self) {
        if let (Some(this), Some(live)) = (self.this.upgrade(), &*self.live.borrow()) {
            live.source.park_job(Direction::Write, this, WRITE);
        }
    }

    /// Ends this side. The protocol may ask for it while what is unsent is being sent, which would
    /// end it a second time: only once.
    fn shut_down(&self) {
        if self.has(SHUT) {
            return;
        }
        self.set(SHUT);
        if let Some(live) = &*self.live.borrow()
            && let Err(error) = live.source.io().shutdown(Shutdown::Write)
        {
            self.lose(Some(match error.kind() {
                // It was connected, so that it is the peer who has ended it.
                ErrorKind::NotConnected => ErrorKind::ConnectionReset.into(),
                _ => error,
            }));
        }
    }

    /// Gives up what is unsent, and queues `connection_lost`.
    #[cold]
    fn lose(&self, error: Option<io::Error>) {
        if self.has(LOSING) {
            return;
        }
        self.set(LOSING | CLOSING | if error.is_some() { FAILED } else { 0 });
        self.error.set(error);
        self.clear(UNSENT);
        drop(self.unsent.take());
        if let (Some(this), Some(live)) = (self.this.upgrade(), &*self.live.borrow()) {
            live.source.handle().queue(this, LOST);
        }
    }

    /// Tells the protocol that the connection is lost, and closes the socket.
    fn lost(&self) {
        if let Some(live) = self.live.take() {
            let (handle, error) = (live.source.handle().clone(), self.error.take());
            let ended = Ended { handle, live: Some(live) };
            if let Some(live) = &ended.live {
                live.protocol.connection_lost(error);
            }
        }
    }

    fn made(self: Rc<Self>) {
        if let Some(live) = &*self.live.borrow() {
            let transport: Rc<dyn Transport> = self.clone();
            self.tell(&live.protocol, |protocol| protocol.connection_made(&transport));
        }
    }

    /// Runs the parts that are no reading, out of line.
    #[inline(never)]
    fn run_seldom(self: Rc<Self>, part: u64) {
        match part {
            WRITE => self.flush(),
            MADE => self.made(),
            START => self.begin(),
            _ => self.lost(),
        }
    }
}

impl<P: Protocol + 'static> Job for Connection<P> {
    #[inline]
    fn run(self: Rc<Self>, part: u64) {
        match part {
            READ => self.read(),
            part => self.run_seldom(part),
        }
    }

    fn kind(&self) -> &'static str {
        "transport"
    }
}

/// A connection whose protocol is told the last, and is dropped even if it panics.
struct Ended<P: 'static> {
    handle: LoopHandle,
    live: Option<Live<P>>,
}

impl<P: 'static> Drop for Ended<P> {
    fn drop(&mut self) {
        discard(&self.handle, self.live.take());
    }
}

impl<P: 'static> Drop for Connection<P> {
    fn drop(&mut self) {
        // A protocol may hold the transport of another connection, and that one's protocol a third.
        if let Some(live) = self.live.take() {
            let handle = live.source.handle().clone();
            discard(&handle, live);
        }
    }
}

/// Aborts a connection whose protocol panics.
struct AbortOnPanic<'a, P: Protocol + 'static>(&'a Connection<P>);

impl<P: Protocol + 'static> Drop for AbortOnPanic<'_, P> {
    fn drop(&mut self) {
        self.0.lose(Some(io::Error::other("the protocol has panicked")));
    }
}
