//! TCP with promises: what is parked is a job that holds a resolver, or a node of the chain.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;

use loop_core::{Chunk, ConnectOptions, Direction, Job, ListenOptions, LoopHandle, Source};

use crate::promise::{Cancel, Promise, Resolver};
use crate::socket::{Activity, READ, Stream, WRITE, already_pending, unless_blocked};

/// A socket that accepts connections.
///
/// A clone names the same socket.
#[derive(Clone)]
pub struct TcpListener(Rc<Listener>);

/// A connection.
///
/// A clone names the same connection. Reading and writing may be pending at once, each once.
#[derive(Clone)]
pub struct TcpStream(Rc<Stream>);

type AcceptResolver = Resolver<(TcpStream, SocketAddr), io::Error>;
type ConnectResolver = Resolver<TcpStream, io::Error>;

struct Listener {
    source: Source<mio::net::TcpListener>,
    accepting: Cell<Option<AcceptResolver>>,
}

struct Connector {
    /// Out of its place once the connection is made, or given up.
    connecting: Cell<Option<(Source<mio::net::TcpStream>, ConnectResolver)>>,
}

impl TcpListener {
    /// Binds a socket and listens on it.
    ///
    /// # Errors
    /// When the address is taken, or not one of this machine.
    #[track_caller]
    pub fn bind(handle: &LoopHandle, address: SocketAddr) -> io::Result<TcpListener> {
        TcpListener::bind_with(handle, address, &ListenOptions::default())
    }

    /// Binds a socket as `options` ask, and listens on it.
    ///
    /// # Errors
    /// As [`TcpListener::bind`].
    #[track_caller]
    pub fn bind_with(
        handle: &LoopHandle,
        address: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<TcpListener> {
        Source::listen(handle, address, options).map(TcpListener::new)
    }

    /// Wraps a socket that listens.
    pub(crate) fn new(source: Source<mio::net::TcpListener>) -> TcpListener {
        TcpListener(Rc::new(Listener { source, accepting: Cell::default() }))
    }

    /// Returns the address that the socket is bound to.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.source.io().local_addr()
    }

    /// Accepts a connection.
    ///
    /// # Errors
    /// What the system says, but for a lack of descriptors: that is reported to the loop's
    /// exception handler, and the listener rests for a second. `ResourceBusy` when accepting is
    /// pending already.
    #[track_caller]
    pub fn accept(&self) -> Promise<(TcpStream, SocketAddr), io::Error> {
        if !is_free(&self.0.accepting) {
            return Promise::reject(self.handle(), already_pending());
        }
        if let Some(accepted) = self.0.attempt() {
            return Promise::settled(self.handle(), accepted);
        }
        let (promise, resolver) = Promise::cancelling(self.handle(), self.0.clone(), READ);
        self.0.accepting.set(Some(resolver));
        self.0.source.park_job(Direction::Read, self.0.clone(), READ);
        promise
    }

    /// Returns the handle of the socket's loop.
    pub fn handle(&self) -> &LoopHandle {
        self.0.source.handle()
    }

    /// Returns the socket itself.
    pub(crate) fn source(&self) -> &Source<mio::net::TcpListener> {
        &self.0.source
    }
}

impl TcpStream {
    /// Connects to an address.
    ///
    /// # Errors
    /// When the connection is refused or the address cannot be reached.
    #[track_caller]
    pub fn connect(handle: &LoopHandle, address: SocketAddr) -> Promise<TcpStream, io::Error> {
        TcpStream::connect_with(handle, address, &ConnectOptions::default())
    }

    /// Connects to an address as `options` ask.
    ///
    /// # Errors
    /// As [`TcpStream::connect`]; when the local address cannot be bound.
    #[track_caller]
    pub fn connect_with(
        handle: &LoopHandle,
        address: SocketAddr,
        options: &ConnectOptions,
    ) -> Promise<TcpStream, io::Error> {
        let source = match Source::connect(handle, address, options) {
            Ok(source) => source,
            Err(error) => return Promise::reject(handle, error),
        };
        let connector = Rc::new(Connector { connecting: Cell::default() });
        source.park_job(Direction::Write, connector.clone(), WRITE);
        let (promise, resolver) = Promise::cancelling(handle, connector.clone(), WRITE);
        connector.connecting.set(Some((source, resolver)));
        promise
    }

    /// Wraps a connection.
    pub(crate) fn new(source: Source<mio::net::TcpStream>) -> TcpStream {
        TcpStream(Stream::new(source))
    }

    /// Returns the address of this side.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.source.io().local_addr()
    }

    /// Returns the address of the other side.
    ///
    /// # Errors
    /// What the system says, when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.source.io().peer_addr()
    }

    /// Reads what has come, at most a chunk; `None` is the end of the stream.
    ///
    /// # Errors
    /// When the peer has reset the connection. `ResourceBusy` when reading is pending already.
    #[track_caller]
    pub fn read_chunk(&self) -> Promise<Option<Chunk>, io::Error> {
        if self.activity(Direction::Read) != Activity::Idle {
            return Promise::reject(self.handle(), already_pending());
        }
        // Asked before it is tried: a chain mostly comes here once more than there are bytes.
        if !self.0.source.is_ready(Direction::Read) {
            return self.0.wait_for_chunk();
        }
        self.0.read_in_turn().unwrap_or_else(|| self.0.read_at_once())
    }

    /// Writes all of a chunk. When it is cancelled, a part may have been written.
    ///
    /// # Errors
    /// When the connection is gone. `ResourceBusy` when writing is pending already.
    #[track_caller]
    pub fn write_chunk(&self, mut chunk: Chunk) -> Promise<(), io::Error> {
        if self.activity(Direction::Write) != Activity::Idle {
            return Promise::reject(self.handle(), already_pending());
        }
        if let Some(written) = unless_blocked(self.0.source.write_chunk(&mut chunk)) {
            return Promise::settled(self.handle(), written);
        }
        self.0.wait_for_room(chunk)
    }

    /// Shuts one side or both down; the peer reads the end of the stream then.
    ///
    /// # Errors
    /// When the connection is gone.
    #[track_caller]
    pub fn shutdown(&self, how: Shutdown) -> Promise<(), io::Error> {
        Promise::settled(self.handle(), self.0.source.io().shutdown(how))
    }

    /// Returns the handle of the connection's loop.
    pub fn handle(&self) -> &LoopHandle {
        self.0.source.handle()
    }

    /// Returns the socket itself.
    pub(crate) fn source(&self) -> &Source<mio::net::TcpStream> {
        &self.0.source
    }

    /// Returns what a direction is doing.
    pub(crate) fn activity(&self, direction: Direction) -> Activity {
        self.0.activity(direction)
    }

    /// Notes what a direction is doing.
    pub(crate) fn set_activity(&self, direction: Direction, activity: Activity) {
        self.0.set_activity(direction, activity);
    }
}

impl Listener {
    /// Accepts a connection if one is there.
    fn attempt(&self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        let accepted = unless_blocked(self.source.accept())?;
        Some(accepted.and_then(|(stream, peer)| {
            Ok((TcpStream::new(Source::new(self.source.handle(), stream)?), peer))
        }))
    }
}

impl Job for Listener {
    fn run(self: Rc<Self>, _part: u64) {
        let Some(resolver) = self.accepting.take() else { return };
        if let Some(accepted) = self.attempt() {
            return resolver.settle(accepted);
        }
        self.accepting.set(Some(resolver));
        self.source.park_job(Direction::Read, self.clone(), READ);
    }

    fn kind(&self) -> &'static str {
        "accept with a promise"
    }
}

impl Job for Connector {
    fn run(self: Rc<Self>, _part: u64) {
        let Some((source, resolver)) = self.connecting.take() else { return };
        match unless_blocked(source.connected()) {
            Some(Ok(())) => resolver.resolve(TcpStream::new(source)),
            Some(Err(error)) => resolver.reject(error),
            None => {
                source.park_job(Direction::Write, self.clone(), WRITE);
                self.connecting.set(Some((source, resolver)));
            }
        }
    }

    fn kind(&self) -> &'static str {
        "connect with a promise"
    }
}

impl Cancel for Listener {
    fn cancel(&self, _part: u64, _handled: bool) {
        self.source.unpark(Direction::Read);
        if let Some(resolver) = self.accepting.take() {
            resolver.give_up();
        }
    }
}

impl Cancel for Connector {
    fn cancel(&self, _part: u64, _handled: bool) {
        if let Some((_, resolver)) = self.connecting.take() {
            resolver.give_up();
        }
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.source.io().fmt(f)
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.source.io().fmt(f)
    }
}

/// Tells whether nothing waits in a place.
fn is_free<T>(place: &Cell<Option<T>>) -> bool {
    let waiting = place.take();
    let free = waiting.is_none();
    place.set(waiting);
    free
}
