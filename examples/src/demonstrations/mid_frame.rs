//! Cancelling in mid-frame loses what was read of it (Matsakis and Rain on cancellation), in each style,
//! unless the program keeps the buffer: the next read begins in the middle, and takes the rest of one
//! frame for the beginning of another.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::pin::pin;
use std::rc::Rc;

use api_async::CancellationToken;
use api_promises::Promise;
use futures::future::{Either, select};
use loop_core::EventLoop;

use super::pair::{Peer, run_until};
use super::{Demonstration, Detail};

pub(super) const DEMONSTRATION: Demonstration = Demonstration {
    name: "mid-frame",
    claims: "",
    sentence: "Cancelling a read in mid-frame loses its beginning, unless the buffer is kept",
    so: "A cancelled read has to hand back what it had read.",
    show,
};

/// The frame that is read, and what follows it. The first three bytes come before the cancel.
const FRAME: &[u8; 8] = b"abcdefgh";
const NEXT: &[u8; 8] = b"ijklmnop";
const EARLY: usize = 3;

/// What is read as a frame after a cancel in the middle of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frames {
    /// By a program that begins anew.
    pub anew: String,
    /// By a program that has kept what was read.
    pub kept: String,
}

/// Reads a frame again that was cancelled in the middle, with callbacks.
///
/// # Errors
/// What the system says.
pub fn with_callbacks() -> io::Result<Frames> {
    let read = |keeps: bool| {
        let (mut event_loop, peer) = (EventLoop::new()?, Peer::listen()?);
        let (stream, mut peer) = peer.callbacks(&mut event_loop)?;
        peer.write_all(&FRAME[..EARLY])?;
        let back = Rc::new(RefCell::new(None));
        let given = back.clone();
        let reading = api_callbacks::bytes::read_exact(&stream, vec![0; 8], {
            move |_, read, buffer| {
                let error = read.expect_err("it is cancelled");
                given.replace(Some((loop_core::transfer::transferred(&error), buffer)));
            }
        });
        run_until(&mut event_loop, || reading.transferred() == Some(EARLY))?;
        reading.cancel();
        run_until(&mut event_loop, || back.borrow().is_some())?;
        send_the_rest(&mut peer)?;
        // The operation gives the buffer back with the count; it is for the program to keep it.
        let (count, mut frame) = back.take().expect("it was called back");
        frame.truncate(if keeps { count } else { 0 });
        let rest = event_loop.run_until_complete(|completer| {
            api_callbacks::bytes::read_exact(&stream, vec![0; 8 - frame.len()], {
                |_, read, rest| completer.complete(read.map(|_| rest))
            });
        });
        frame.extend(rest.map_err(io::Error::other)??);
        io::Result::Ok(text(&frame))
    };
    Ok(Frames { anew: read(false)?, kept: read(true)? })
}

/// Reads a frame again that was cancelled in the middle, with promises.
///
/// # Errors
/// What the system says.
pub fn with_promises() -> io::Result<Frames> {
    let connect = |event_loop: &mut EventLoop| {
        let (stream, mut peer) = Peer::listen()?.promises(event_loop)?;
        peer.write_all(&FRAME[..EARLY])?;
        io::Result::Ok((stream, peer))
    };
    let mut event_loop = EventLoop::new()?;
    let handle = event_loop.handle();
    let (stream, mut peer) = connect(&mut event_loop)?;
    let before = handle.counts().reads;
    let reading = api_promises::bytes::read_exact(&stream, vec![0; 8]);
    run_until(&mut event_loop, || handle.counts().reads > before)?;
    // The buffer goes with the promise.
    drop(reading);
    send_the_rest(&mut peer)?;
    let again = api_promises::bytes::read_exact(&stream, vec![0; 8]);
    let again = again.run_until_complete(&mut event_loop).map_err(io::Error::other)??;
    let anew = text(&again.1);

    let (stream, mut peer) = connect(&mut event_loop)?;
    // The buffer is the program's own, and outlives the promise.
    let frame = Rc::new(RefCell::new(Vec::new()));
    let reading = fill(stream.clone(), frame.clone());
    run_until(&mut event_loop, || frame.borrow().len() == EARLY)?;
    drop(reading);
    send_the_rest(&mut peer)?;
    let again = fill(stream, frame.clone());
    again.run_until_complete(&mut event_loop).map_err(io::Error::other)??;
    let kept = text(&frame.borrow()[..8]);
    Ok(Frames { anew, kept })
}

/// Reads on until there is a frame.
fn fill(stream: api_promises::TcpStream, frame: Rc<RefCell<Vec<u8>>>) -> Promise<(), io::Error> {
    if frame.borrow().len() >= 8 {
        return Promise::resolve(stream.handle(), ());
    }
    stream.read_chunk().then(move |read| match read {
        Some(chunk) => {
            frame.borrow_mut().extend_from_slice(&chunk);
            fill(stream, frame)
        }
        None => Promise::reject(stream.handle(), io::ErrorKind::UnexpectedEof.into()),
    })
}

/// Reads a frame again that was cancelled in the middle, with async.
///
/// # Errors
/// What the system says.
pub fn with_async() -> io::Result<Frames> {
    let read = |keeps: bool| {
        let (mut event_loop, peer) = (EventLoop::new()?, Peer::listen()?);
        let (handle, token) = (event_loop.handle(), CancellationToken::new());
        let (stream, mut peer) = peer.async_await(&mut event_loop)?;
        peer.write_all(&FRAME[..EARLY])?;
        let (before, cancelled) = (handle.counts().reads, token.clone());
        let kept = Rc::new(Cell::new(None));
        let of_task = kept.clone();
        let reader = api_async::spawn_infallible(&handle, async move {
            let begun = read_until_cancelled(&stream, &cancelled, keeps).await;
            of_task.set(Some(begun.len()));
            let rest = vec![0; 8 - begun.len()];
            let (read, rest) = api_async::bytes::read_exact(&stream, rest).await;
            read.map(|_| [begun, rest].concat())
        });
        run_until(&mut event_loop, || handle.counts().reads > before)?;
        token.cancel();
        let begun = kept.clone();
        run_until(&mut event_loop, || begun.get().is_some())?;
        send_the_rest(&mut peer)?;
        let frame = api_async::run_until_complete(&mut event_loop, reader);
        let frame = frame.map_err(io::Error::other)?.map_err(io::Error::other)??;
        io::Result::Ok(text(&frame))
    };
    Ok(Frames { anew: read(false)?, kept: read(true)? })
}

/// Begins to read a frame, and returns what it has when the token is cancelled.
async fn read_until_cancelled(
    stream: &api_async::TcpStream,
    token: &CancellationToken,
    keeps: bool,
) -> Vec<u8> {
    let reading = api_async::bytes::read_exact(stream, vec![0; 8]);
    let cancelled = pin!(token.cancelled());
    match select(cancelled, reading).await {
        // A future that is dropped takes the buffer with it; one that is asked to end gives it back.
        Either::Left(((), reading)) if keeps => {
            let (ended, mut buffer) = reading.cancel();
            let count = ended.unwrap_or_else(|error| loop_core::transfer::transferred(&error));
            buffer.truncate(count);
            buffer
        }
        Either::Left(_) => Vec::new(),
        Either::Right(_) => unreachable!("the rest is sent after the cancel"),
    }
}

fn send_the_rest(peer: &mut TcpStream) -> io::Result<()> {
    peer.write_all(&FRAME[EARLY..])?;
    peer.write_all(NEXT)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn show(_: Detail) -> io::Result<String> {
    let mut shown = format!("the frames are {} {}\n", text(FRAME), text(NEXT));
    let styles = [
        ("callbacks", with_callbacks()?),
        ("promises", with_promises()?),
        ("async", with_async()?),
    ];
    for (style, Frames { anew, kept }) in styles {
        writeln!(
            shown,
            "{style:<10} cancelled after abc, begun anew {anew}, with what it kept {kept}"
        )
        .expect("a string takes all");
    }
    Ok(shown)
}
