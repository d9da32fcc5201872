//! What a socket was or is asked of the system for, with callbacks: one of the standard library, and options.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use loop_core::{LoopHandle, Source};

use crate::connecting::Listener;
use crate::socket::Stream;
use crate::tcp::{TcpListener, TcpStream};

impl TcpListener {
    /// Puts a listener of the standard library on the loop; it blocks no more.
    ///
    /// # Errors
    /// What the kernel says; `Cancelled` on a loop that is closing. The listener is closed then.
    ///
    /// tokio: `TcpListener::from_std`.
    #[track_caller]
    pub fn from_std(
        handle: &LoopHandle,
        listener: std::net::TcpListener,
    ) -> io::Result<TcpListener> {
        Source::<mio::net::TcpListener>::from_std(handle, listener)
            .map(|source| TcpListener(Listener::new(source)))
    }
}

impl TcpStream {
    /// Puts a connection of the standard library on the loop; it blocks no more.
    ///
    /// ```
    /// use api_callbacks::TcpStream;
    /// use std::time::Duration;
    ///
    /// let event_loop = loop_core::EventLoop::new()?;
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let connected = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// let stream = TcpStream::from_std(&event_loop.handle(), connected)?;
    /// stream.set_nodelay(true)?;
    /// stream.set_keepalive(Some(Duration::from_secs(60)))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// What the kernel says; `Cancelled` on a loop that is closing. The connection is closed then.
    ///
    /// tokio: `TcpStream::from_std`.
    #[track_caller]
    pub fn from_std(handle: &LoopHandle, stream: std::net::TcpStream) -> io::Result<TcpStream> {
        Source::<mio::net::TcpStream>::from_std(handle, stream)
            .map(|source| TcpStream(Stream::new(source)))
    }

    /// Sets whether small messages are sent at once (`TCP_NODELAY`), which they are unless
    /// [`ConnectOptions`](loop_core::ConnectOptions) or [`ListenOptions`](loop_core::ListenOptions) said
    /// otherwise.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.source.set_nodelay(nodelay)
    }

    /// Sets after how long a silence the system asks the peer whether it is there; `None` for never
    /// (`SO_KEEPALIVE`, `TCP_KEEPIDLE`). A part of a second counts as a whole one.
    ///
    /// # Errors
    /// `InvalidInput`, and nothing is set, unless it is from 1 to 32,767 seconds; what the system says.
    pub fn set_keepalive(&self, silence: Option<Duration>) -> io::Result<()> {
        self.0.source.set_keepalive(silence)
    }

    /// Sets what becomes of unsent bytes when the connection is closed (`SO_LINGER`): `None` leaves them to
    /// the system, which sends them still; a time bounds that; no time drops them, and the peer sees a
    /// reset. A part of a second counts as a whole one.
    ///
    /// # Errors
    /// `InvalidInput` beyond 2,147,483,647 seconds; what the system says.
    pub fn set_linger(&self, time: Option<Duration>) -> io::Result<()> {
        self.0.source.set_linger(time)
    }
}

/// For the system's options of a socket, such as `socket2`'s; accepting is the listener's.
impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.source.io().as_fd()
    }
}

/// For the system's options of a socket, such as `socket2`'s; reading and writing are the stream's.
impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.source.io().as_fd()
    }
}
