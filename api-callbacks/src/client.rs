//! Connecting with a protocol.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use loop_core::{ConnectOptions, LoopHandle};

use crate::combine::timeout;
use crate::operation::Operation;
use crate::protocol::{Protocol, Transport};
use crate::socket::Socket;
use crate::tcp::connect_socket;
use crate::transport::Connection;

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
        let loop_handle = handle.clone();
        let begin = move |connected: io::Result<Socket>| match connected {
            Ok(socket) => {
                let transport = Connection::start(socket, protocol);
                Operation::ended_with(&loop_handle, move || callback(Ok(transport)));
            }
            Err(error) => callback(Err(error)),
        };
        match self.timeout {
            Some(delay) => {
                let connect = |done| connect_socket(handle, address, &self.options, done);
                timeout(handle, delay, connect, begin)
            }
            None => connect_socket(handle, address, &self.options, begin),
        }
    }
}
