//! A socket that is always ready, beside one that becomes readable: what is read of the one before
//! the other is called.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::task::Poll;

use api_promises::Promise;
use loop_core::{BYTES_PER_TURN, CHUNK_BYTES, EventLoop};

use crate::demonstrations::pair::{Peer, run_until};

/// How many chunks a socket may read in one turn.
pub const CHUNKS_OF_A_SHARE: usize = BYTES_PER_TURN / CHUNK_BYTES;

/// What reads the flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A task whose reads know no budget: each is tried first, and there is always something.
    AsyncWithoutBudget,
    /// A callback, and again.
    Callbacks,
    /// A promise, and the next one.
    Promises,
    /// A task with the wing's own reads.
    Async,
}

/// The peer of a flood, which sends a chunk for each that was read.
struct Flood {
    peer: RefCell<Box<dyn Write>>,
    other: RefCell<Box<dyn Write>>,
    read: Cell<usize>,
    chunks: usize,
    /// How many chunks were read when the other was called.
    at_other: Cell<Option<usize>>,
}

impl Reader {
    /// Each of them, the bad one first.
    pub const ALL: [Reader; 4] =
        [Reader::AsyncWithoutBudget, Reader::Callbacks, Reader::Promises, Reader::Async];

    /// Returns its name.
    pub(super) fn words(self) -> &'static str {
        match self {
            Reader::AsyncWithoutBudget => "async without budget",
            Reader::Callbacks => "callbacks",
            Reader::Promises => "promises",
            Reader::Async => "async",
        }
    }
}

impl Flood {
    /// Prepares a flood: as much is there to read as one turn may take.
    fn new(
        mut peer: impl Write + 'static,
        other: impl Write + 'static,
        chunks: usize,
    ) -> io::Result<Rc<Flood>> {
        peer.write_all(&[b'x'; BYTES_PER_TURN])?;
        let (peer, other) = (RefCell::new(Box::new(peer) as _), RefCell::new(Box::new(other) as _));
        let (read, at_other) = (Cell::default(), Cell::default());
        Ok(Rc::new(Flood { peer, other, read, chunks, at_other }))
    }

    /// A chunk was read; tells whether another is to be read. With the first, something comes for the
    /// other connection.
    fn go_on(&self) -> io::Result<bool> {
        self.read.set(self.read.get() + 1);
        if self.read.get() == 1 {
            self.other.borrow_mut().write_all(b"!")?;
        }
        self.peer.borrow_mut().write_all(&[b'x'; CHUNK_BYTES])?;
        Ok(self.read.get() < self.chunks)
    }

    /// The other connection has its turn.
    fn other(&self) {
        self.at_other.set(Some(self.read.get()));
    }
}

/// Reads so many chunks of a flood; returns how many were read when the other connection, for which
/// something came with the first, was called.
///
/// # Errors
/// What the system says.
pub fn chunks_before_the_other(reader: Reader, chunks: usize) -> io::Result<usize> {
    let (mut event_loop, peer) = (EventLoop::new()?, Peer::listen()?);
    let handle = event_loop.handle();
    let flood = match reader {
        Reader::Callbacks => {
            let (flooded, flooding) = peer.callbacks(&mut event_loop)?;
            let (stream, other) = peer.callbacks(&mut event_loop)?;
            let flood = Flood::new(flooding, other, chunks)?;
            let of_other = flood.clone();
            stream.read_chunk(move |_, _| of_other.other());
            with_callbacks(&flooded, flood.clone());
            flood
        }
        Reader::Promises => {
            let (flooded, flooding) = peer.promises(&mut event_loop)?;
            let (stream, other) = peer.promises(&mut event_loop)?;
            let flood = Flood::new(flooding, other, chunks)?;
            let of_other = flood.clone();
            stream.read_chunk().map(move |_| of_other.other()).detach(drop);
            with_promises(flooded, flood.clone()).detach(drop);
            flood
        }
        Reader::Async | Reader::AsyncWithoutBudget => {
            let (flooded, flooding) = peer.async_await(&mut event_loop)?;
            let (stream, other) = peer.async_await(&mut event_loop)?;
            let (bare, bare_flooding) = UnixStream::pair()?;
            let flood = match reader {
                Reader::Async => Flood::new(flooding, other, chunks)?,
                _ => Flood::new(bare_flooding, other, chunks)?,
            };
            let of_other = flood.clone();
            let waiting = async move { stream.read_chunk().await.map(|_| of_other.other()) };
            api_async::spawn(&handle, waiting).detach();
            match reader {
                Reader::Async => api_async::spawn(&handle, with_async(flooded, flood.clone())),
                _ => api_async::spawn(&handle, without_budget(bare, flood.clone())),
            }
            .detach();
            flood
        }
    };
    run_until(&mut event_loop, || flood.at_other.get().is_some())?;
    flood.at_other.take().ok_or_else(|| io::Error::other("the other was not called"))
}

fn with_callbacks(stream: &api_callbacks::TcpStream, flood: Rc<Flood>) {
    stream.read_chunk(move |stream, read| {
        if read.is_ok() && flood.go_on().is_ok_and(|more| more) {
            with_callbacks(&stream, flood);
        }
    });
}

fn with_promises(stream: api_promises::TcpStream, flood: Rc<Flood>) -> Promise<(), io::Error> {
    stream.read_chunk().then(move |_| match flood.go_on() {
        Ok(true) => with_promises(stream, flood),
        Ok(false) => Promise::resolve(stream.handle(), ()),
        Err(error) => Promise::reject(stream.handle(), error),
    })
}

async fn with_async(stream: api_async::TcpStream, flood: Rc<Flood>) -> io::Result<()> {
    loop {
        stream.read_chunk().await?;
        if !flood.go_on()? {
            return Ok(());
        }
    }
}

/// Reads as if there were no budget: `.await` is where it may wait, and it never has to.
async fn without_budget(stream: UnixStream, flood: Rc<Flood>) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let read = poll_fn(|cx| match (&stream).read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            read => Poll::Ready(read),
        });
        read.await?;
        if !flood.go_on()? {
            return Ok(());
        }
    }
}
