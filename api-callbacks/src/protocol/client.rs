//! Connecting with a protocol.

use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use loop_core::{ConnectOptions, LoopHandle};

use crate::attempt::Socket;
use crate::combine::timeout;
use crate::connecting::connect_socket;
use crate::host::connect_to_host;
use crate::operation::Operation;
use crate::protocol::transport::Connection;
use crate::protocol::{Protocol, Transport};

/// How a connection is to be made.
///
/// asyncio: `BaseEventLoop.create_connection`.
#[derive(Clone, Debug, Default)]
pub struct ClientBuilder {
    options: ConnectOptions,
    timeout: Option<Duration>,
}

impl ClientBuilder {
    /// Begins with an address that the system chooses, small messages sent at once, and no timeout.
    pub fn new() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Sets the address of this side.
    pub fn local_address(mut self, address: SocketAddr) -> ClientBuilder {
        self.options.local_address = Some(address);
        self
    }

    /// Sets whether small messages are sent at once.
    pub fn nodelay(mut self, nodelay: bool) -> ClientBuilder {
        self.options.nodelay = nodelay;
        self
    }

    /// Sets how long connecting may take.
    pub fn timeout(mut self, timeout: Duration) -> ClientBuilder {
        self.timeout = Some(timeout);
        self
    }

    /// Connects. The callback comes after the protocol's `connection_made`, with the transport.
    ///
    /// # Errors
    /// When the connection is refused, the address cannot be reached, or the timeout has passed. The
    /// protocol is dropped then, and told nothing.
    #[track_caller]
    pub fn connect(
        &self,
        handle: &LoopHandle,
        address: SocketAddr,
        protocol: impl Protocol + 'static,
        callback: impl FnOnce(io::Result<Rc<dyn Transport>>) + 'static,
    ) -> Operation {
        let begin = begin(handle, protocol, callback);
        match self.timeout {
            Some(delay) => {
                let connect = |done| connect_socket(handle, address, &self.options, done);
                timeout(handle, delay, connect, begin)
            }
            None => connect_socket(handle, address, &self.options, begin),
        }
    }

    /// Looks a host up, off the loop, and connects to the first of its addresses that takes the
    /// connection. They are tried one after the other, in the system's order. A timeout is for all of
    /// it. An address in text form is its own name.
    ///
    /// ```
    /// use api_callbacks::{ClientBuilder, ServerBuilder, protocol::Echo};
    ///
    /// let mut event_loop = loop_core::EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// let any = "127.0.0.1:0".parse().unwrap();
    /// let server = ServerBuilder::new().serve(&handle, any, |_| Echo)?;
    /// let host = ("localhost", server.local_addr().port());
    /// let connected = event_loop.run_until_complete(|completer| {
    ///     ClientBuilder::new().connect_to_host(&handle, host, Echo, |made| completer.complete(made));
    /// });
    /// assert_eq!(connected.unwrap()?.peer_addr()?, server.local_addr());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// What the resolver says. When no address takes the connection, an error of the last one's kind,
    /// in which an [`AggregateError`](loop_core::AggregateError) has them all. As for the rest, as
    /// [`ClientBuilder::connect`].
    #[track_caller]
    pub fn connect_to_host(
        &self,
        handle: &LoopHandle,
        host: (&str, u16),
        protocol: impl Protocol + 'static,
        callback: impl FnOnce(io::Result<Rc<dyn Transport>>) + 'static,
    ) -> Operation {
        let begin = begin(handle, protocol, callback);
        match self.timeout {
            Some(delay) => {
                let connect = |done| connect_to_host(handle, host, &self.options, done);
                timeout(handle, delay, connect, begin)
            }
            None => connect_to_host(handle, host, &self.options, begin),
        }
    }
}

/// Gives a protocol the socket that comes, and tells the callback.
#[track_caller]
fn begin(
    handle: &LoopHandle,
    protocol: impl Protocol + 'static,
    callback: impl FnOnce(io::Result<Rc<dyn Transport>>) + 'static,
) -> impl FnOnce(io::Result<Socket>) + 'static {
    let (handle, called_at) = (handle.clone(), Location::caller());
    move |connected| match connected {
        Ok(socket) => {
            let transport = Connection::start(socket, protocol, called_at);
            Operation::ended_at(&handle, called_at, move || callback(Ok(transport)));
        }
        Err(error) => callback(Err(error)),
    }
}
