//! Data can come after the close (Smith, and the notes' "read data after socket closed"): a read that
//! is pending when its socket is shut down is still told what had come. A transport, and a task that is
//! ended, hand on nothing more.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::Shutdown;
use std::rc::Rc;

use api_callbacks::{Protocol, Transport};
use loop_core::EventLoop;

use super::pair::{Peer, turn};
use super::{Demonstration, Detail};

pub(super) const DEMONSTRATION: Demonstration = Demonstration {
    name: "after-close",
    claims: "C20",
    sentence: "A read that is pending is told data after the close, unless the read is ended",
    so: "A close cancels nothing: end the read first, in the words of its style.",
    show,
};

/// Turns after the close, in which data comes or does not.
const TURNS: usize = 50;

/// What reads, and how it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A callback, whose stream is shut down.
    Callbacks,
    /// A callback, whose stream is dropped, which is the real close here.
    CallbacksClosed,
    /// A callback, whose operation is cancelled first.
    CallbacksCancelled,
    /// A protocol, whose transport is closed.
    Protocol,
    /// A promise, whose stream is shut down.
    Promises,
    /// A promise, whose stream is dropped.
    PromisesClosed,
    /// A promise that is dropped first.
    PromisesDropped,
    /// A task, whose stream is shut down.
    Async,
    /// A task that is ended, and owns the stream.
    AsyncEnded,
}

/// What a reader was told.
#[derive(Clone, Default)]
struct Told(Rc<Cell<usize>>);

impl Reader {
    /// Each of them.
    pub const ALL: [Reader; 9] = [
        Reader::Callbacks,
        Reader::CallbacksClosed,
        Reader::CallbacksCancelled,
        Reader::Protocol,
        Reader::Promises,
        Reader::PromisesClosed,
        Reader::PromisesDropped,
        Reader::Async,
        Reader::AsyncEnded,
    ];

    /// Returns what reads, and how it is closed, in words.
    fn words(self) -> &'static str {
        match self {
            Reader::Callbacks => "callbacks: the stream is shut down",
            Reader::CallbacksClosed => "callbacks: the stream is dropped",
            Reader::CallbacksCancelled => "callbacks: the read is cancelled",
            Reader::Protocol => "a protocol: its transport is closed",
            Reader::Promises => "promises: the stream is shut down",
            Reader::PromisesClosed => "promises: the stream is dropped",
            Reader::PromisesDropped => "promises: the read is dropped",
            Reader::Async => "async: the stream is shut down",
            Reader::AsyncEnded => "async: the task is ended",
        }
    }
}

impl Told {
    fn add(&self, bytes: usize) {
        self.0.set(self.0.get() + bytes);
    }
}

impl Protocol for Told {
    fn data_received(&self, _: &dyn Transport, bytes: &[u8]) {
        self.add(bytes.len());
    }
}

/// Closes a connection on which five bytes wait for a reader; returns how many the reader is told of
/// after that.
///
/// # Errors
/// What the system says.
pub fn bytes_after_close(reader: Reader) -> io::Result<usize> {
    let (mut event_loop, peer, told) = (EventLoop::new()?, Peer::listen()?, Told::default());
    let _peer = match reader {
        Reader::Protocol => {
            let (transport, mut peer) = peer.protocol(&mut event_loop, told.clone())?;
            peer.write_all(b"hello")?;
            transport.close();
            peer
        }
        Reader::Callbacks | Reader::CallbacksClosed | Reader::CallbacksCancelled => {
            after_close_with_callbacks(&mut event_loop, &peer, told.clone(), reader)?
        }
        Reader::Promises | Reader::PromisesClosed | Reader::PromisesDropped => {
            after_close_with_promises(&mut event_loop, &peer, told.clone(), reader)?
        }
        Reader::Async | Reader::AsyncEnded => after_close_with_async(&mut event_loop, &peer, {
            (told.clone(), reader == Reader::AsyncEnded)
        })?,
    };
    assert_eq!(told.0.get(), 0, "it is closed before anything is told");
    for _ in 0..TURNS {
        turn(&mut event_loop)?;
    }
    Ok(told.0.get())
}

fn after_close_with_callbacks(
    event_loop: &mut EventLoop,
    peer: &Peer,
    told: Told,
    reader: Reader,
) -> io::Result<std::net::TcpStream> {
    let (stream, mut peer) = peer.callbacks(event_loop)?;
    peer.write_all(b"hello")?;
    let reading = stream.read_chunk(move |_, read| {
        told.add(read.ok().flatten().map_or(0, |chunk| chunk.len()));
    });
    if reader == Reader::CallbacksCancelled {
        reading.cancel();
    }
    match reader {
        Reader::CallbacksClosed => drop(stream),
        _ => drop(stream.shutdown(Shutdown::Both, |_, _| ())),
    }
    Ok(peer)
}

fn after_close_with_promises(
    event_loop: &mut EventLoop,
    peer: &Peer,
    told: Told,
    reader: Reader,
) -> io::Result<std::net::TcpStream> {
    let (stream, mut peer) = peer.promises(event_loop)?;
    peer.write_all(b"hello")?;
    let reading = stream.read_chunk().map(move |read| {
        told.add(read.map_or(0, |chunk| chunk.len()));
    });
    match reader {
        Reader::PromisesDropped => drop(reading),
        _ => reading.detach(drop),
    }
    match reader {
        Reader::PromisesClosed => drop(stream),
        _ => stream.shutdown(Shutdown::Both).detach(drop),
    }
    Ok(peer)
}

fn after_close_with_async(
    event_loop: &mut EventLoop,
    peer: &Peer,
    (told, ends): (Told, bool),
) -> io::Result<std::net::TcpStream> {
    let (stream, mut peer) = peer.async_await(event_loop)?;
    let stream = Rc::new(stream);
    let of_task = stream.clone();
    let reading = api_async::spawn(&event_loop.handle(), async move {
        if let Some(chunk) = of_task.read_chunk().await? {
            told.add(chunk.len());
        }
        io::Result::Ok(())
    });
    // The task waits for the socket before anything has come.
    event_loop.run_ready();
    peer.write_all(b"hello")?;
    if ends {
        reading.abort();
    } else {
        reading.detach();
    }
    api_async::spawn(&event_loop.handle(), async move { stream.shutdown(Shutdown::Both).await })
        .detach();
    event_loop.run_ready();
    Ok(peer)
}

fn show(_: Detail) -> io::Result<String> {
    let mut text = String::from("five bytes wait, and the connection is closed\n");
    for reader in Reader::ALL {
        let bytes = bytes_after_close(reader)?;
        writeln!(text, "{:<36} is told of {bytes} bytes after the close", reader.words())
            .expect("a string takes all");
    }
    Ok(text)
}
