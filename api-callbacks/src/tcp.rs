//! TCP with callbacks: what is parked is a job that holds a closure.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;

use loop_core::{
    Cancelled, Chunk, ConnectOptions, Direction, Job, ListenOptions, LoopHandle, Source,
};

use crate::operation::{Cancel, Operation, Pending, Ticket, already_pending};

/// The parts of a socket's job.
const READ: u64 = 0;
const WRITE: u64 = 1;

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

type AcceptCallback = Box<dyn FnOnce(TcpListener, io::Result<(TcpStream, SocketAddr)>)>;
type ConnectCallback = Box<dyn FnOnce(io::Result<TcpStream>)>;
type ReadCallback = Box<dyn FnOnce(TcpStream, io::Result<Option<Chunk>>)>;
type WriteCallback = Box<dyn FnOnce(TcpStream, io::Result<()>)>;

struct Listener {
    source: Source<mio::net::TcpListener>,
    accepting: Pending<AcceptCallback>,
}

struct Connector {
    /// Out of its place once the connection is made, or given up.
    connecting: Pending<(Source<mio::net::TcpStream>, ConnectCallback)>,
}

struct Stream {
    source: Source<mio::net::TcpStream>,
    reading: Pending<ReadCallback>,
    writing: Pending<Writing>,
}

/// A write that was begun.
struct Writing {
    chunk: Chunk,
    /// How it ended; the callback is queued then.
    result: Option<io::Result<()>>,
    callback: WriteCallback,
}

impl TcpListener {
    /// Binds a socket and listens on it.
    ///
    /// # Errors
    /// When the address is taken, or not one of this machine.
    #[track_caller]
    pub fn bind(handle: &LoopHandle, address: SocketAddr) -> io::Result<TcpListener> {
        let source = Source::listen(handle, address, &ListenOptions::default())?;
        Ok(TcpListener(Rc::new(Listener { source, accepting: Pending::default() })))
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
    pub fn accept(
        &self,
        callback: impl FnOnce(TcpListener, io::Result<(TcpStream, SocketAddr)>) + 'static,
    ) -> Operation {
        if self.handle().is_closed() {
            return Operation::ended();
        }
        let number = match self.0.accepting.start(Box::new(callback)) {
            Ok(number) => number,
            Err(callback) => {
                let listener = self.clone();
                return Operation::ended_with(self.handle(), move || {
                    callback(listener, Err(already_pending()))
                });
            }
        };
        self.0.clone().wait();
        Operation::pending(&self.0, Ticket { part: READ, number })
    }

    /// Returns the handle of the socket's loop.
    pub fn handle(&self) -> &LoopHandle {
        self.0.source.handle()
    }
}

impl TcpStream {
    /// Connects to an address.
    ///
    /// # Errors
    /// When the connection is refused or the address cannot be reached.
    #[track_caller]
    pub fn connect(
        handle: &LoopHandle,
        address: SocketAddr,
        callback: impl FnOnce(io::Result<TcpStream>) + 'static,
    ) -> Operation {
        let source = match Source::connect(handle, address, &ConnectOptions::default()) {
            Ok(source) => source,
            Err(error) => return Operation::ended_with(handle, move || callback(Err(error))),
        };
        let connector = Rc::new(Connector { connecting: Pending::default() });
        source.park_job(Direction::Write, connector.clone(), WRITE);
        let number = connector.connecting.start((source, Box::new(callback)));
        let number = number.ok().expect("a new connector connects nothing else");
        Operation::pending(&connector, Ticket { part: WRITE, number })
    }

    /// Wraps a connection.
    fn new(source: Source<mio::net::TcpStream>) -> TcpStream {
        let (reading, writing) = (Pending::default(), Pending::default());
        TcpStream(Rc::new(Stream { source, reading, writing }))
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
    pub fn read_chunk(
        &self,
        callback: impl FnOnce(TcpStream, io::Result<Option<Chunk>>) + 'static,
    ) -> Operation {
        if self.handle().is_closed() {
            return Operation::ended();
        }
        let number = match self.0.reading.start(Box::new(callback)) {
            Ok(number) => number,
            Err(callback) => {
                let stream = self.clone();
                return Operation::ended_with(self.handle(), move || {
                    callback(stream, Err(already_pending()))
                });
            }
        };
        if self.0.source.is_ready(Direction::Read) {
            self.handle().queue(self.0.clone(), READ);
        } else {
            self.0.source.park_job(Direction::Read, self.0.clone(), READ);
        }
        Operation::pending(&self.0, Ticket { part: READ, number })
    }

    /// Writes all of a chunk. When it is cancelled, a part may have been written.
    ///
    /// # Errors
    /// When the connection is gone. `ResourceBusy` when writing is pending already.
    pub fn write_chunk(
        &self,
        mut chunk: Chunk,
        callback: impl FnOnce(TcpStream, io::Result<()>) + 'static,
    ) -> Operation {
        if self.handle().is_closed() {
            return Operation::ended();
        }
        let result = match self.0.writing.is_free() {
            true => unless_blocked(self.0.source.write_chunk(&mut chunk)),
            false => None,
        };
        let ended = result.is_some();
        let writing = Writing { chunk, result, callback: Box::new(callback) };
        let number = match self.0.writing.start(writing) {
            Ok(number) => number,
            Err(Writing { callback, .. }) => {
                let stream = self.clone();
                return Operation::ended_with(self.handle(), move || {
                    callback(stream, Err(already_pending()))
                });
            }
        };
        if ended {
            self.handle().queue(self.0.clone(), WRITE);
            return Operation::ended();
        }
        self.0.source.park_job(Direction::Write, self.0.clone(), WRITE);
        Operation::pending(&self.0, Ticket { part: WRITE, number })
    }

    /// Shuts one side or both down; the peer reads the end of the stream then.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn shutdown(
        &self,
        how: Shutdown,
        callback: impl FnOnce(TcpStream, io::Result<()>) + 'static,
    ) -> Operation {
        let (stream, result) = (self.clone(), self.0.source.io().shutdown(how));
        Operation::ended_with(self.handle(), move || callback(stream, result))
    }

    /// Returns the handle of the connection's loop.
    pub fn handle(&self) -> &LoopHandle {
        self.0.source.handle()
    }
}

impl Listener {
    /// Queues the job if there may be a connection, else parks it.
    fn wait(self: Rc<Self>) {
        if self.source.is_ready(Direction::Read) {
            self.source.handle().clone().queue(self, READ);
        } else {
            self.source.park_job(Direction::Read, self.clone(), READ);
        }
    }
}

impl Job for Listener {
    fn run(self: Rc<Self>, _part: u64) {
        let Some(callback) = self.accepting.take() else { return };
        let accepted = match self.accepting.is_cancelled() {
            true => Err(Cancelled.into()),
            false => self.source.accept(),
        };
        if let Some(accepted) = unless_blocked(accepted) {
            let accepted = accepted.and_then(|(stream, peer)| {
                Ok((TcpStream::new(Source::new(self.source.handle(), stream)?), peer))
            });
            return callback(TcpListener(self), accepted);
        }
        self.accepting.put_back(callback);
        self.source.park_job(Direction::Read, self.clone(), READ);
    }

    fn kind(&self) -> &'static str {
        "accept with a callback"
    }
}

impl Job for Connector {
    fn run(self: Rc<Self>, _part: u64) {
        let Some((source, callback)) = self.connecting.take() else { return };
        let connected = match self.connecting.is_cancelled() {
            true => Err(Cancelled.into()),
            false => source.connected(),
        };
        match unless_blocked(connected) {
            Some(Ok(())) => callback(Ok(TcpStream::new(source))),
            Some(Err(error)) => callback(Err(error)),
            None => {
                source.park_job(Direction::Write, self.clone(), WRITE);
                self.connecting.put_back((source, callback));
            }
        }
    }

    fn kind(&self) -> &'static str {
        "connect with a callback"
    }
}

impl Job for Stream {
    fn run(self: Rc<Self>, part: u64) {
        match part {
            READ => self.read(),
            _ => self.write(),
        }
    }

    fn kind(&self) -> &'static str {
        "stream with a callback"
    }
}

impl Stream {
    fn read(self: Rc<Self>) {
        let Some(callback) = self.reading.take() else { return };
        let read = match self.reading.is_cancelled() {
            true => Err(Cancelled.into()),
            false => self.source.read_chunk(),
        };
        if let Some(read) = unless_blocked(read) {
            return callback(TcpStream(self), read);
        }
        self.reading.put_back(callback);
        self.source.park_job(Direction::Read, self.clone(), READ);
    }

    fn write(self: Rc<Self>) {
        let Some(mut writing) = self.writing.take() else { return };
        let written = match writing.result.take() {
            Some(result) => Some(result),
            None if self.writing.is_cancelled() => Some(Err(Cancelled.into())),
            None => unless_blocked(self.source.write_chunk(&mut writing.chunk)),
        };
        if let Some(written) = written {
            let Writing { chunk, callback, .. } = writing;
            drop(chunk);
            return callback(TcpStream(self), written);
        }
        self.writing.put_back(writing);
        self.source.park_job(Direction::Write, self.clone(), WRITE);
    }
}

impl Cancel for Listener {
    fn cancel(self: Rc<Self>, ticket: Ticket) -> bool {
        let cancelled = self.accepting.cancel(ticket.number);
        if cancelled && self.source.unpark(Direction::Read) {
            self.source.handle().clone().queue(self, READ);
        }
        cancelled
    }
}

impl Cancel for Connector {
    fn cancel(self: Rc<Self>, ticket: Ticket) -> bool {
        let cancelled = self.connecting.cancel(ticket.number);
        let Some((source, callback)) = self.connecting.take() else { return false };
        let (handle, parked) = (source.handle().clone(), source.unpark(Direction::Write));
        self.connecting.put_back((source, callback));
        if cancelled && parked {
            handle.queue(self, WRITE);
        }
        cancelled
    }
}

impl Cancel for Stream {
    fn cancel(self: Rc<Self>, Ticket { part, number }: Ticket) -> bool {
        let (cancelled, direction) = match part {
            READ => (self.reading.cancel(number), Direction::Read),
            _ => (self.writing.cancel(number), Direction::Write),
        };
        if cancelled && self.source.unpark(direction) {
            self.source.handle().clone().queue(self, part);
        }
        cancelled
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

/// Returns the result of an attempt, or `None` if it has to be made again later.
fn unless_blocked<T>(result: io::Result<T>) -> Option<io::Result<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        result => Some(result),
    }
}
