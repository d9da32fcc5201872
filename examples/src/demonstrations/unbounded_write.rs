//! A program that writes to a slow reader without waiting holds all that it wrote (Smith's first bug of
//! asyncio's streams); one that heeds the marks, or awaits each write, holds a bounded amount.

use std::cell::Cell;
use std::fmt::Write;
use std::io;
use std::rc::Rc;

use api_callbacks::{Protocol, Transport, WriteLimits};
use api_promises::Promise;
use loop_core::{Chunk, EventLoop};

use super::pair::{Peer, turn};
use super::{Demonstration, Detail};

pub(super) const DEMONSTRATION: Demonstration = Demonstration {
    name: "unbounded-write",
    claims: "C22, C23",
    sentence: "Writing without flow control grows memory; marks and awaited writes bound it",
    so: "Without flow control the unsent bytes grow; with it they end at the mark.",
    show,
};

/// What is written at once.
pub const PIECE_BYTES: usize = 64 * 1024;

/// The writer comes no further, if it has not for so many turns.
const TURNS_STUCK: usize = 50;

/// How a program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// To a transport, whatever its protocol is told.
    Deaf,
    /// To a transport, unless its protocol was told to pause.
    Marks,
    /// With a callback, the next piece when it is called.
    Callbacks,
    /// With a promise, the next piece when it is resolved.
    Promises,
    /// With async, the next piece when the write was awaited.
    Async,
}

/// What came of writing to a peer that reads nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// How many pieces the writer has let go of, or begun to write.
    pub pieces: usize,
    /// The most bytes that waited in the program at one time.
    pub unsent_most: usize,
}

/// Pieces that were begun, and those that are with the system.
#[derive(Default)]
struct Ledger {
    begun: Cell<usize>,
    ended: Cell<usize>,
    unsent_most: Cell<usize>,
}

/// Knows whether it was told to pause.
#[derive(Clone, Default)]
struct Listening(Rc<Cell<bool>>);

impl Writer {
    /// Each way, the bad one first.
    pub const ALL: [Writer; 5] =
        [Writer::Deaf, Writer::Marks, Writer::Callbacks, Writer::Promises, Writer::Async];
}

impl Protocol for Listening {
    fn data_received(&self, _: &dyn Transport, _: &[u8]) {}

    fn pause_writing(&self, _: &dyn Transport) {
        self.0.set(true);
    }

    fn resume_writing(&self, _: &dyn Transport) {
        self.0.set(false);
    }
}

impl Ledger {
    fn begin(&self) -> Chunk {
        self.begun.set(self.begun.get() + 1);
        let unsent = (self.begun.get() - self.ended.get()) * PIECE_BYTES;
        self.unsent_most.set(self.unsent_most.get().max(unsent));
        Chunk::from(vec![b'x'; PIECE_BYTES])
    }

    fn end(&self) {
        self.ended.set(self.ended.get() + 1);
    }
}

/// Writes pieces to a peer that reads nothing, until all are written or the writer is stuck.
///
/// # Errors
/// What the system says.
pub fn write(writer: Writer, pieces: usize) -> io::Result<Written> {
    let mut event_loop = EventLoop::new()?;
    let peer = Peer::listen()?;
    let ledger = Rc::new(Ledger::default());
    let kept = match writer {
        Writer::Deaf => return write_to_transport(&mut event_loop, &peer, pieces, false),
        Writer::Marks => return write_to_transport(&mut event_loop, &peer, pieces, true),
        Writer::Callbacks => {
            let (stream, kept) = peer.callbacks(&mut event_loop)?;
            with_callbacks(&stream, ledger.clone(), pieces);
            kept
        }
        Writer::Promises => {
            let (stream, kept) = peer.promises(&mut event_loop)?;
            with_promises(stream, ledger.clone(), pieces).detach(drop);
            kept
        }
        Writer::Async => {
            let (stream, kept) = peer.async_await(&mut event_loop)?;
            let writing = with_async(stream, ledger.clone(), pieces);
            api_async::spawn(&event_loop.handle(), writing).detach();
            kept
        }
    };
    let mut stuck = 0;
    while ledger.ended.get() < pieces && stuck < TURNS_STUCK {
        let before = ledger.ended.get();
        turn(&mut event_loop)?;
        stuck = if ledger.ended.get() == before { stuck + 1 } else { 0 };
    }
    // The writer goes before the peer, which would end it with an error.
    drop((event_loop, kept));
    Ok(Written { pieces: ledger.begun.get(), unsent_most: ledger.unsent_most.get() })
}

fn write_to_transport(
    event_loop: &mut EventLoop,
    peer: &Peer,
    pieces: usize,
    heeds: bool,
) -> io::Result<Written> {
    let paused = Listening::default();
    let (transport, _kept) = peer.protocol(event_loop, paused.clone())?;
    let (mut written, mut unsent_most, mut stuck) = (0, 0, 0);
    while written < pieces && stuck < TURNS_STUCK {
        if heeds && paused.0.get() {
            stuck += 1;
        } else {
            stuck = 0;
            written += 1;
            transport.write(&[b'x'; PIECE_BYTES]);
            unsent_most = unsent_most.max(transport.write_buffer_size());
        }
        turn(event_loop)?;
    }
    transport.abort();
    Ok(Written { pieces: written, unsent_most })
}

// ANCHOR: callbacks
fn with_callbacks(stream: &api_callbacks::TcpStream, ledger: Rc<Ledger>, left: usize) {
    if left == 0 {
        return;
    }
    stream.write_chunk(ledger.begin(), move |stream, written| {
        if written.is_ok() {
            ledger.end();
            with_callbacks(&stream, ledger, left - 1);
        }
    });
}
// ANCHOR_END: callbacks

fn with_promises(
    stream: api_promises::TcpStream,
    ledger: Rc<Ledger>,
    left: usize,
) -> Promise<(), io::Error> {
    if left == 0 {
        return Promise::resolve(stream.handle(), ());
    }
    stream.write_chunk(ledger.begin()).then(move |()| {
        ledger.end();
        with_promises(stream, ledger, left - 1)
    })
}

// ANCHOR: async
async fn with_async(
    stream: api_async::TcpStream,
    ledger: Rc<Ledger>,
    pieces: usize,
) -> io::Result<()> {
    for _ in 0..pieces {
        stream.write_chunk(ledger.begin()).await?;
        ledger.end();
    }
    Ok(())
}
// ANCHOR_END: async

fn show(_: Detail) -> io::Result<String> {
    let mut text = String::from("the peer reads nothing            pieces   KiB unsent at most\n");
    for writer in Writer::ALL {
        for pieces in [256, 512] {
            let Written { pieces: written, unsent_most } = write(writer, pieces)?;
            let (name, kib) = (format!("{writer:?}").to_lowercase(), unsent_most / 1024);
            writeln!(text, "{name:<10} is to write {pieces} pieces {written:>10} {kib:>20}")
                .expect("a string takes all");
        }
    }
    let high = WriteLimits::default().high / 1024;
    writeln!(text, "\nA piece has {} KiB, and the high mark is {high} KiB.", PIECE_BYTES / 1024)
        .expect("a string takes all");
    Ok(text)
}
