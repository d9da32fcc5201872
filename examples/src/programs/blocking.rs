//! Waiting with threads: what the wings bring to the other styles, a deadline and a cancellation for
//! whatever blocks.
//!
//! Rule: no socket is shut to wake the thread that waits for it. Each waits for its socket and
//! for the word that it is to end; sockets are non-blocking, so that nothing else waits.

use std::io::{self, ErrorKind, Read, Write};
use std::iter;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::panic;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use loop_core::transfer::LINE_BYTES_MAX;
use loop_core::{Cancelled, Elapsed, report_to_stderr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

/// How long accepting rests after an error that would come again at once.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Cancels all that waits under it; what is above goes on.
#[derive(Debug)]
pub(crate) struct Cancellation<'a> {
    above: Option<&'a Cancellation<'a>>,
    /// Ends when this is cancelled, which what waits can see.
    told: UnixStream,
    teller: Mutex<Option<UnixStream>>,
}

/// Does something at its end, also when a panic brings that.
pub(crate) struct AtEnd<F: FnMut()>(pub(crate) F);

/// How long something may take, and what ends it sooner.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bounds<'a> {
    pub(crate) until: Option<Instant>,
    pub(crate) cancel: Option<&'a Cancellation<'a>>,
}

impl<'a> Cancellation<'a> {
    /// Makes one that is cancelled with what is above it, if there is something.
    pub(crate) fn new(above: Option<&'a Cancellation<'a>>) -> io::Result<Cancellation<'a>> {
        let (told, teller) = UnixStream::pair()?;
        Ok(Cancellation { above, told, teller: Mutex::new(Some(teller)) })
    }

    /// Ends whatever waits, now and later. It needs nothing from the system, and cannot fail.
    pub(crate) fn cancel(&self) {
        drop(self.teller().take());
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.teller().is_none() || self.above.is_some_and(Cancellation::is_cancelled)
    }

    /// Waits for the next connection; returns none when cancelled. That there was an error is told.
    pub(crate) fn accept(&self, listener: &TcpListener) -> Option<TcpStream> {
        let bounds = Bounds { until: None, cancel: Some(self) };
        loop {
            let accepted = listener.accept().and_then(|(stream, _peer)| {
                // Not everywhere a connection blocks whose listener does not.
                stream.set_nonblocking(false)?;
                Ok(stream)
            });
            let error = match accepted {
                Ok(stream) => return Some(stream).filter(|_| !self.is_cancelled()),
                Err(error) => error,
            };
            match error.kind() {
                ErrorKind::WouldBlock => bounds.wait_for(listener, PollFlags::IN).ok()?,
                // A client that has gone before it was let in is no trouble.
                ErrorKind::ConnectionAborted | ErrorKind::Interrupted => {}
                _ => self.rest(&error)?,
            }
        }
    }

    /// Tells why no client can be let in, and waits a moment; returns none when cancelled.
    pub(crate) fn rest(&self, error: &io::Error) -> Option<()> {
        report_to_stderr(format_args!("accept: {error}"));
        Bounds { until: None, cancel: Some(self) }.pause(ACCEPT_PAUSE).ok()
    }

    fn teller(&self) -> MutexGuard<'_, Option<UnixStream>> {
        self.teller.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bounds<'_> {
    /// Returns the bounds of a part, which may take so long.
    pub(crate) fn within(self, limit: Duration) -> Self {
        let until = Instant::now() + limit;
        Bounds { until: Some(self.until.map_or(until, |all| all.min(until))), ..self }
    }

    /// Returns how long there is left, if that is limited.
    ///
    /// # Errors
    /// [`Elapsed`] when nothing is.
    pub(crate) fn left(self) -> io::Result<Option<Duration>> {
        let Some(until) = self.until else { return Ok(None) };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(Elapsed.into()) } else { Ok(Some(left)) }
    }

    /// Waits for nothing.
    pub(crate) fn pause(self, delay: Duration) -> io::Result<()> {
        match self.within(delay).wait(None) {
            Err(error) if error.kind() == ErrorKind::TimedOut => self.left().map(drop),
            ended => ended,
        }
    }

    /// Waits until a socket is ready; what is ready has come before a cancel.
    fn wait_for(self, socket: &impl AsFd, flags: PollFlags) -> io::Result<()> {
        self.wait(Some((socket.as_fd(), flags)))
    }

    fn wait(self, socket: Option<(BorrowedFd<'_>, PollFlags)>) -> io::Result<()> {
        let above = iter::successors(self.cancel, |cancel| cancel.above);
        let told = above.map(|cancel| PollFd::new(&cancel.told, PollFlags::IN));
        let socket = socket.map(|(socket, flags)| PollFd::from_borrowed_fd(socket, flags));
        let (sockets, mut polled) = (socket.iter().len(), socket.into_iter().collect::<Vec<_>>());
        polled.extend(told);
        loop {
            let left = self.left()?.map(Timespec::try_from).transpose();
            let left = left.map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))?;
            match poll(&mut polled, left.as_ref()) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) if polled[..sockets].iter().any(|socket| !socket.revents().is_empty()) => {
                    return Ok(());
                }
                Ok(_) => return Err(Cancelled.into()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl<F: FnMut()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Begins a thread that shares something.
pub(crate) fn spawn<S: Send + Sync + 'static>(
    shared: &Arc<S>,
    run: impl FnOnce(&S) + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let shared = shared.clone();
    thread::Builder::new().spawn(move || run(&shared))
}

/// Waits for threads, for each of them whatever the others came to; a panic of one goes on from here.
pub(crate) fn join_all(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    let ended: Vec<_> = threads.into_iter().map(JoinHandle::join).collect();
    if let Err(payload) = ended.into_iter().collect::<Result<(), _>>() {
        panic::resume_unwind(payload);
    }
}

/// Listens on an address, for [`Cancellation::accept`].
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Connects; the stream is for the functions below.
pub(crate) fn connect(address: SocketAddr, bounds: Bounds<'_>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => Err(error),
        _ => {
            bounds.wait_for(&socket, PollFlags::OUT)?;
            socket.take_error()?.map_or(Ok(socket.into()), Err)
        }
    }
}

/// Writes all of it.
pub(crate) fn write_all(
    mut stream: &TcpStream,
    mut bytes: &[u8],
    bounds: Bounds<'_>,
) -> io::Result<()> {
    while !bytes.is_empty() {
        bounds.wait_for(stream, PollFlags::OUT)?;
        bytes = &bytes[stream.write(bytes)?..];
    }
    Ok(())
}

/// Reads up to a delimiter. Each read has what is left of the time: a peer that sends a byte now and then
/// has no more time than one that sends none.
pub(crate) fn read_until(
    mut stream: &TcpStream,
    delimiter: u8,
    bounds: Bounds<'_>,
) -> io::Result<Vec<u8>> {
    let (mut line, mut buffer) = (Vec::new(), [0; 1024]);
    while line.len() < LINE_BYTES_MAX {
        bounds.wait_for(stream, PollFlags::IN)?;
        match stream.read(&mut buffer)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => line.extend_from_slice(&buffer[..count]),
        }
        if let Some(end) = line.iter().position(|byte| *byte == delimiter) {
            line.truncate(end + 1);
            return Ok(line);
        }
    }
    let message = format!("no delimiter within {LINE_BYTES_MAX} bytes");
    Err(io::Error::new(ErrorKind::InvalidData, message))
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn threads_are_joined_whatever_the_first_has_come_to() {
        let ended = Arc::new(AtomicUsize::new(0));
        let first = spawn(&ended, |_| panic!("a thread on purpose")).unwrap();
        let second = spawn(&ended, |ended| {
            thread::sleep(Duration::from_millis(20));
            ended.fetch_add(1, Ordering::SeqCst);
        });
        let threads = [first, second.unwrap()];
        let panicked = catch_unwind(AssertUnwindSafe(|| join_all(threads))).unwrap_err();
        assert_eq!(panicked.downcast_ref(), Some(&"a thread on purpose"));
        assert_eq!(ended.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn what_is_to_be_done_at_the_end_is_done_when_a_panic_brings_it() {
        let mut done = 0;
        let panics = || {
            let _at_end = AtEnd(|| done += 1);
            panic!("on purpose");
        };
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        assert_eq!(done, 1);
    }
}
