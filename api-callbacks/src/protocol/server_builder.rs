//! How a server is to be made: its options, and where it listens.

use std::io;
use std::net::SocketAddr;

use loop_core::{ListenOptions, LoopHandle};

use crate::protocol::Protocol;
use crate::protocol::server::{FailureCallback, Server};
use crate::tcp::TcpListener;

/// How a server is to be made.
///
/// asyncio: `BaseEventLoop.create_server`.
pub struct ServerBuilder {
    options: ListenOptions,
    connections_max: usize,
    on_failure: Option<FailureCallback>,
}

impl ServerBuilder {
    /// Begins with the options of [`ListenOptions::default`], and as many connections as come.
    pub fn new() -> ServerBuilder {
        let (options, connections_max) = (ListenOptions::default(), usize::MAX);
        ServerBuilder { options, connections_max, on_failure: None }
    }

    /// Sets how many connections the system keeps that are not accepted yet.
    pub fn backlog(mut self, backlog: u32) -> ServerBuilder {
        self.options.backlog = backlog;
        self
    }

    /// Sets whether an address can be bound whose old connections are not all gone.
    pub fn reuse_address(mut self, reuse: bool) -> ServerBuilder {
        self.options.reuse_address = reuse;
        self
    }

    /// Sets whether several sockets may share the address.
    pub fn reuse_port(mut self, reuse: bool) -> ServerBuilder {
        self.options.reuse_port = reuse;
        self
    }

    /// Sets whether connections send small messages at once.
    pub fn nodelay(mut self, nodelay: bool) -> ServerBuilder {
        self.options.nodelay = nodelay;
        self
    }

    /// Sets how many connections may be open at once; further ones wait in the system's backlog.
    pub fn connections_max(mut self, connections_max: usize) -> ServerBuilder {
        self.connections_max = connections_max;
        self
    }

    /// Sets what is called when accepting has failed for good, in place of the exception handler.
    pub fn on_failure(mut self, callback: impl FnOnce(io::Error) + 'static) -> ServerBuilder {
        self.on_failure = Some(Box::new(callback));
        self
    }

    /// Listens on an address, and makes a protocol for each connection with its peer's address.
    ///
    /// # Errors
    /// When the address is taken, or not one of this machine.
    #[track_caller]
    pub fn serve<P: Protocol + 'static>(
        self,
        handle: &LoopHandle,
        address: SocketAddr,
        factory: impl Fn(SocketAddr) -> P + 'static,
    ) -> io::Result<Server> {
        let listener = TcpListener::bind_with(handle, address, &self.options)?;
        Server::start(listener, self.connections_max, self.on_failure, factory)
    }
}

impl Default for ServerBuilder {
    fn default() -> ServerBuilder {
        ServerBuilder::new()
    }
}
