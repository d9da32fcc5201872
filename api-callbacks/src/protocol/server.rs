//! Serving a protocol: which connections are open, how many may be, and how serving ends.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use loop_core::{LoopHandle, is_cancelled};
use slab::Slab;

use crate::connecting::Accepted;
use crate::operation::Operation;
use crate::pending::Caller;
use crate::protocol::transport::Connection;
use crate::protocol::{Protocol, Transport};
use crate::tcp::TcpListener;
use crate::timer::sleep;

pub(super) type FailureCallback = Box<dyn FnOnce(io::Error)>;
type StopCallback = Box<dyn FnOnce(Vec<SocketAddr>)>;

/// A server that accepts connections; dropping it leaves it running.
///
/// asyncio: `Server`.
pub struct Server(Rc<dyn Serving>);

/// What a server does, whatever its protocol.
trait Serving {
    fn listening(&self) -> &Listening;

    /// Accepts the next connection, unless that is being done, the server is full, or it stops.
    fn accept(self: Rc<Self>);
}

/// All of a server but how its protocols are made.
struct Listening {
    handle: LoopHandle,
    address: SocketAddr,
    /// Gone once the server has stopped accepting.
    listener: RefCell<Option<TcpListener>>,
    accepting: Cell<Option<Operation>>,
    /// The connections.
    open: RefCell<Slab<Option<Rc<dyn Transport>>>>,
    connections_max: usize,
    on_failure: Cell<Option<FailureCallback>>,
    stopping: Cell<Option<Stopping>>,
    /// Where the program serves: what a report of its panic names.
    served_at: Caller,
}

/// What is to be done when the last connection has ended.
struct Stopping {
    callback: StopCallback,
    limit: Operation,
    /// Where the program stopped the server.
    stopped_at: Caller,
    left: Vec<SocketAddr>,
}

/// A server and how its protocols are made.
struct Accepting<F> {
    listening: Listening,
    factory: F,
}

/// A protocol, and that it is one of its server's.
struct Served<P> {
    protocol: P,
    /// Held until the connection is lost.
    _membership: Membership,
}

/// That a connection is one of its server's, until this is dropped.
struct Membership {
    server: Rc<dyn Serving>,
    key: usize,
}

impl Server {
    /// Returns the address that the server listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.0.listening().address
    }

    /// Returns the open connections.
    pub fn connections(&self) -> Vec<Rc<dyn Transport>> {
        self.0.listening().connections()
    }

    /// Stops accepting, lets the connections end by themselves, and aborts those that have not after
    /// `limit`. Calls back when the last has ended, with the addresses of those that were aborted.
    ///
    /// asyncio: `Server.close`, `wait_closed` and `abort_clients`.
    #[track_caller]
    pub fn stop(self, limit: Duration, callback: impl FnOnce(Vec<SocketAddr>) + 'static) {
        let listening = self.0.listening();
        drop(listening.listener.take());
        if let Some(accepting) = listening.accepting.take() {
            accepting.cancel();
        }
        if listening.open.borrow().is_empty() {
            Operation::ended_with(&listening.handle, || callback(Vec::new()));
            return;
        }
        let server = self.0.clone();
        let limit = sleep(&listening.handle, limit, move |slept| {
            if slept.is_ok() {
                server.listening().abort();
            }
        });
        let (callback, stopped_at) = (Box::new(callback), Location::caller());
        listening.stopping.set(Some(Stopping { callback, limit, stopped_at, left: Vec::new() }));
    }
}

impl Server {
    /// Serves a listener that is bound.
    #[track_caller]
    pub(super) fn start<P: Protocol + 'static>(
        listener: TcpListener,
        connections_max: usize,
        on_failure: Option<FailureCallback>,
        factory: impl Fn(SocketAddr) -> P + 'static,
    ) -> io::Result<Server> {
        let listening = Listening {
            handle: listener.handle().clone(),
            address: listener.local_addr()?,
            listener: RefCell::new(Some(listener)),
            accepting: Cell::new(None),
            open: RefCell::default(),
            connections_max,
            on_failure: Cell::new(on_failure),
            stopping: Cell::new(None),
            served_at: Location::caller(),
        };
        let accepting = Rc::new(Accepting { listening, factory });
        accepting.clone().accept();
        Ok(Server(accepting))
    }
}

impl Listening {
    fn connections(&self) -> Vec<Rc<dyn Transport>> {
        self.open.borrow().iter().filter_map(|(_, transport)| transport.clone()).collect()
    }

    /// Aborts what is open, and notes the addresses.
    fn abort(&self) {
        let connections = self.connections();
        let peers = connections.iter().filter_map(|transport| transport.peer_addr().ok());
        if let Some(stopping) = self.stopping.take() {
            self.stopping.set(Some(Stopping { left: peers.collect(), ..stopping }));
        }
        connections.iter().for_each(|transport| transport.abort());
    }

    /// Takes a connection out. The room of those that have gone is given back when less than a quarter of
    /// it is used, and not each time: to look for free rows at the end is to look at all.
    fn remove(&self, key: usize) -> Option<Option<Rc<dyn Transport>>> {
        let mut open = self.open.borrow_mut();
        let removed = open.try_remove(key);
        let is_checked = open.is_empty() || open.len().is_power_of_two();
        if is_checked && open.len() < open.capacity() / 4 {
            open.shrink_to_fit();
        }
        removed
    }

    /// Calls what waits for the end of the last connection, if that has come.
    fn end_if_empty(&self) {
        if !self.open.borrow().is_empty() {
            return;
        }
        if let Some(Stopping { callback, limit, stopped_at, left }) = self.stopping.take() {
            limit.cancel();
            Operation::ended_at(&self.handle, stopped_at, || callback(left));
        }
    }
}

impl<P: Protocol + 'static, F: Fn(SocketAddr) -> P + 'static> Accepting<F> {
    fn accepted(self: Rc<Self>, accepted: Accepted) {
        let served_at = self.listening.served_at;
        drop(self.listening.accepting.take());
        self.listening.handle.job_began_at(Some(served_at));
        match accepted {
            Ok((socket, peer)) => {
                let key = self.listening.open.borrow_mut().insert(None);
                let membership = Membership { server: self.clone(), key };
                // Before the factory is called: it may panic.
                self.clone().accept();
                let protocol = (self.factory)(peer);
                let served = Served { protocol, _membership: membership };
                let transport = Connection::start(socket, served, served_at);
                self.listening.open.borrow_mut()[key] = Some(transport);
            }
            Err(error) if is_cancelled(&error) => {}
            Err(error) => match self.listening.on_failure.take() {
                Some(callback) => callback(error),
                None => self.listening.handle.report_error("accepting has ended", &error),
            },
        }
    }
}

impl<P: Protocol + 'static, F: Fn(SocketAddr) -> P + 'static> Serving for Accepting<F> {
    fn listening(&self) -> &Listening {
        &self.listening
    }

    fn accept(self: Rc<Self>) {
        let Listening { listener, accepting, open, connections_max, .. } = &self.listening;
        let pending = accepting.take();
        if pending.is_some() || open.borrow().len() >= *connections_max {
            return accepting.set(pending);
        }
        let Some(listener) = listener.borrow().clone() else { return };
        let server = self.clone();
        let pending = listener.0.accept(move |_, accepted| server.accepted(accepted));
        accepting.set(Some(pending));
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let listening = self.server.listening();
        let transport = listening.remove(self.key);
        drop(transport);
        listening.end_if_empty();
        self.server.clone().accept();
    }
}

impl<P: Protocol> Protocol for Served<P> {
    fn connection_made(&self, transport: &Rc<dyn Transport>) {
        self.protocol.connection_made(transport);
    }

    fn data_received(&self, transport: &dyn Transport, bytes: &[u8]) {
        self.protocol.data_received(transport, bytes);
    }

    fn eof_received(&self, transport: &dyn Transport) -> bool {
        self.protocol.eof_received(transport)
    }

    fn pause_writing(&self, transport: &dyn Transport) {
        self.protocol.pause_writing(transport);
    }

    fn resume_writing(&self, transport: &dyn Transport) {
        self.protocol.resume_writing(transport);
    }

    fn connection_lost(&self, error: Option<io::Error>) {
        self.protocol.connection_lost(error);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("local_addr", &self.local_addr()).finish_non_exhaustive()
    }
}
