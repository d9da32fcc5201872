//! Any descriptor on the loop: a pipe, a Unix socket, what a library opened.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures::io::{AsyncRead, AsyncWrite};
use loop_core::{Direction, LoopHandle, Source};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token, event};
use rustix::io::Errno;
use rustix::net::{Shutdown, shutdown};

use crate::socket::{Reads, Socket, Way, Writes};

/// A descriptor that does not block, and the means to wait for it.
///
/// ```
/// use api_async::{Async, run_until_complete};
/// use futures::{AsyncReadExt, AsyncWriteExt};
/// use std::os::unix::net::UnixStream;
///
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let (one, other) = UnixStream::pair()?;
/// one.set_nonblocking(true)?;
/// other.set_nonblocking(true)?;
/// let echoed = run_until_complete(&mut event_loop, async move {
///     let (mut one, mut other) = (Async::new(&handle, one)?, Async::new(&handle, other)?);
///     one.write_all(b"hello").await?;
///     let mut reply = [0; 5];
///     other.read_exact(&mut reply).await?;
///     std::io::Result::Ok(reply)
/// });
/// assert_eq!(&echoed.unwrap()?, b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// The traits of `futures` read and write it. To close it is to flush it, and to end this side of what is
/// a socket; what is none, as a pipe, ends when this is dropped.
///
/// # Limits
/// The descriptor is to be set not to block beforehand, and to be the only one of what it stands for:
/// the kernel goes on reporting on a duplicate after this one is dropped. A regular file cannot be
/// waited for. async-io: `Async`.
pub struct Async<T: AsFd>(Socket<Descriptor<T>>);

/// A descriptor as mio wants it. Shared, to have it back when the source is gone that it is part of.
struct Descriptor<T>(Rc<T>);

impl<T: AsFd> Async<T> {
    /// Puts a descriptor on the loop.
    ///
    /// # Errors
    /// What the kernel says, if it cannot wait for such a descriptor; `Cancelled` on a loop that is
    /// closing.
    #[track_caller]
    pub fn new(handle: &LoopHandle, io: T) -> io::Result<Async<T>> {
        Source::new(handle, Descriptor(Rc::new(io))).map(|source| Async(Socket::new(source)))
    }

    /// Returns the descriptor's owner.
    pub fn get_ref(&self) -> &T {
        &self.0.source().io().0
    }

    /// Takes the descriptor off the loop and returns its owner. It does not block still.
    ///
    /// ```
    /// use api_async::Async;
    /// use std::os::unix::net::UnixStream;
    ///
    /// let event_loop = loop_core::EventLoop::new()?;
    /// let (one, _other) = UnixStream::pair()?;
    /// one.set_nonblocking(true)?;
    /// let one = Async::new(&event_loop.handle(), one)?.into_inner()?;
    /// one.set_nonblocking(false)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// What the kernel says; the owner is dropped then. async-io: `Async::into_inner`.
    pub fn into_inner(self) -> io::Result<T> {
        let io = self.0.source().io().0.clone();
        self.0.source().deregister()?;
        drop(self);
        Ok(Rc::into_inner(io).expect("nothing but the source has held it"))
    }

    /// Makes attempts to read until one does not block. Cancel-safe, if `attempt` is: it is not under
    /// way while this is pending.
    ///
    /// # Errors
    /// What `attempt` says, but for `WouldBlock`; `Cancelled` when the loop is closed; `ResourceBusy`
    /// when another future waits in this direction.
    pub async fn read_with<R>(&self, attempt: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.with::<R, Reads>(attempt).await
    }

    /// Makes attempts to write until one does not block. Cancel-safe as [`Async::read_with`] is.
    ///
    /// # Errors
    /// As [`Async::read_with`].
    pub async fn write_with<R>(&self, attempt: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.with::<R, Writes>(attempt).await
    }

    async fn with<R, W: Way>(&self, mut attempt: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        let mut claim = self.0.claim::<W>();
        let mut attempt = || self.attempt(W::DIRECTION, &mut attempt);
        poll_fn(|cx| claim.poll_attempt(cx, &mut attempt)).await
    }

    fn poll_with<R>(
        &self,
        direction: Direction,
        cx: &Context<'_>,
        mut attempt: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.0.poll_attempt(direction, cx, || self.attempt(direction, &mut attempt))
    }

    fn attempt<R>(
        &self,
        direction: Direction,
        attempt: &mut impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.0.source().attempt(direction, |descriptor| attempt(&descriptor.0))
    }
}

impl<T: AsFd> AsFd for Async<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.get_ref().as_fd()
    }
}

impl<T: AsFd> AsFd for Descriptor<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl<T: AsFd> event::Source for Descriptor<T> {
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        SourceFd(&self.0.as_fd().as_raw_fd()).register(registry, token, interest)
    }

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        SourceFd(&self.0.as_fd().as_raw_fd()).reregister(registry, token, interest)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        SourceFd(&self.0.as_fd().as_raw_fd()).deregister(registry)
    }
}

impl<T: AsFd> AsyncRead for Async<T>
where
    for<'a> &'a T: Read,
{
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.poll_with(Direction::Read, cx, |mut io| io.read(buffer))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        if buffers.iter().all(|buffer| buffer.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        self.poll_with(Direction::Read, cx, |mut io| io.read_vectored(buffers))
    }
}

impl<T: AsFd> AsyncWrite for Async<T>
where
    for<'a> &'a T: Write,
{
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(Direction::Write, cx, |mut io| io.write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(Direction::Write, cx, |mut io| io.write_vectored(buffers))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Tried whether there is room or not: most owners have nothing to write, and wait for nothing.
        let mut io = self.get_ref();
        match io.flush() {
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                self.poll_with(Direction::Write, cx, |mut io| io.flush())
            }
            flushed => Poll::Ready(flushed),
        }
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Poll::Ready(match shutdown(self.get_ref(), Shutdown::Write) {
            // What is no socket ends with its descriptor; and a connection that is gone is closed.
            Ok(()) | Err(Errno::NOTSOCK | Errno::NOTCONN) => Ok(()),
            Err(error) => Err(error.into()),
        })
    }
}

// The descriptor is never pinned.
impl<T: AsFd> Unpin for Async<T> {}

impl<T: AsFd> fmt::Debug for Async<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Async").field(&self.get_ref().as_fd()).finish()
    }
}
