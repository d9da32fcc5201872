//! A connection on the loop that tells a protocol what happens: asyncio's selector transport.
//!
//! One job serves it for its whole life. What waits is this job: no closure is made for a message.

mod ending;
mod face;
mod sending;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::mem;
use std::rc::{Rc, Weak};

use loop_core::{Cancelled, Direction, Job};

use crate::attempt::{READ, Socket, WRITE};
use crate::pending::Caller;
use crate::protocol::{Protocol, Transport, WriteLimits};

/// Further parts of the job.
const MADE: u64 = 2;
const START: u64 = 3;
const LOST: u64 = 4;

/// A connection and its protocol.
///
/// What its flags come to; several may be set at once.
///
/// | | from | to | by | when |
/// |---|---|---|---|---|
/// | 1 | - | reading | `start` | `connection_made` is queued, and the beginning of reading behind it |
/// | 2 | reading | `PAUSED`, and back | `pause_reading`, `resume_reading` | the program says so |
/// | 3 | reading | `ENDED` | `end` | the peer's end was read; unless the protocol keeps this side open, 7 follows |
/// | 4 | - | `UNSENT`, and back | `keep`, `flush` | the socket takes no more; all is sent |
/// | 5 | `UNSENT` | `OVER`, and back | `pause_if_over`, `flush` | more is unsent than the high mark; no more than the low one |
/// | 6 | - | `EOF`, then `SHUT` | `write_eof`, `shut_down` | the program ends this side; all is sent |
/// | 7 | - | `CLOSING` | `close` | no more is read or taken to be written; 8 follows when all is sent |
/// | 8 | any | `LOSING`, perhaps `FAILED` | `lose` | it is closed, aborted, has failed, or its protocol has panicked: `connection_lost` is queued |
/// | 9 | `LOSING` | gone | `lost` | the protocol is told, and dropped with the socket |
pub(crate) struct Connection<P: 'static> {
    /// Gone once the connection is lost. Shared while the protocol is called, which is never from
    /// inside [`Connection::lost`]: that is a job of its own.
    live: RefCell<Option<Live<P>>>,
    /// There while bytes wait to be sent: an idle connection holds no buffer, nor a place for one.
    #[expect(clippy::box_collection)]
    unsent: Cell<Option<Box<VecDeque<u8>>>>,
    /// When the protocol is told to pause writing, and to resume it.
    limits: Cell<WriteLimits>,
    /// See above.
    flags: Cell<u16>,
    /// Why the connection will be lost.
    error: Cell<Option<io::Error>>,
    /// Where the program served or connected: what a report of its panic names.
    begun_at: Caller,
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
    pub(crate) fn start(source: Socket, protocol: P, begun_at: Caller) -> Rc<Connection<P>> {
        let handle = source.handle().clone();
        let connection = Rc::new_cyclic(|this| Connection {
            live: RefCell::new(Some(Live { protocol, source })),
            unsent: Cell::default(),
            limits: Cell::default(),
            flags: Cell::new(0),
            error: Cell::new(None),
            begun_at,
            this: this.clone(),
        });
        handle.queue(connection.clone(), MADE);
        handle.queue(connection.clone(), START);
        connection
    }

    fn has(&self, flags: u16) -> bool {
        self.flags.get() & flags != 0
    }

    fn set(&self, flags: u16) {
        self.flags.set(self.flags.get() | flags);
    }

    fn clear(&self, flags: u16) {
        self.flags.set(self.flags.get() & !flags);
    }

    /// Calls the protocol; if that panics, the connection is aborted.
    fn tell<R>(&self, protocol: &P, call: impl FnOnce(&P) -> R) -> R {
        let guard = ending::AbortOnPanic(self);
        let result = call(protocol);
        mem::forget(guard);
        result
    }

    /// Reads once and hands on what came.
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

    fn made(self: Rc<Self>) {
        if let Some(live) = &*self.live.borrow() {
            let transport: Rc<dyn Transport> = self.clone();
            self.tell(&live.protocol, |protocol| protocol.connection_made(&transport));
        }
    }

    /// Runs the parts that are no reading, out of line.
    #[cold]
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
