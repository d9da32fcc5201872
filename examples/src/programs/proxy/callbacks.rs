//! The proxy with callbacks: each connection is a record of what is pending on it.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::ptr;
use std::rc::Rc;

use api_callbacks::combine::timeout;
use api_callbacks::{Operation, TcpListener, TcpStream};
use loop_core::{Chunk, LoopHandle};
use slab::Slab;

use super::{Options, Report, is_an_end, reset_on_close};

// ANCHOR: proxy
/// A proxy that runs.
pub(super) struct Proxy {
    addr: SocketAddr,
    state: Rc<State>,
}

struct State {
    options: Options,
    report: Cell<Report>,
    accepting: Cell<Option<Operation>>,
    /// The connections that are not over.
    open: RefCell<Slab<Rc<Connection>>>,
}

/// A client and the target: their streams are held by the callbacks.
struct Connection {
    state: Rc<State>,
    key: usize,
    /// What is pending: connecting, or the operation of each direction.
    pending: [Cell<Option<Operation>>; 2],
    /// Whether the first direction is ending.
    half_ended: Cell<bool>,
    /// How many directions have ended.
    ended: Cell<usize>,
}

/// A direction of a connection, from one stream to the other.
struct Pump {
    connection: Rc<Connection>,
    way: usize,
    from: TcpStream,
    to: TcpStream,
}
// ANCHOR_END: proxy

// ANCHOR: start
impl Proxy {
    /// Listens and passes on.
    pub(super) fn start(handle: &LoopHandle, options: &Options) -> io::Result<Proxy> {
        let listener = TcpListener::bind(handle, options.listen)?;
        let addr = listener.local_addr()?;
        let state = Rc::new(State {
            options: options.clone(),
            report: Cell::default(),
            accepting: Cell::default(),
            open: RefCell::default(),
        });
        accept(&listener, state.clone());
        Ok(Proxy { addr, state })
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.addr
    }
}
// ANCHOR_END: start

// ANCHOR: stop
impl Proxy {
    /// Closes the listener and all connections.
    pub(super) fn stop(self) -> Report {
        if let Some(accepting) = self.state.accepting.take() {
            accepting.cancel();
        }
        let open: Vec<_> = self.state.open.borrow().iter().map(|(_, open)| open.clone()).collect();
        for connection in open {
            connection.close();
        }
        self.state.report.get()
    }
}
// ANCHOR_END: stop

// ANCHOR: accept
fn accept(listener: &TcpListener, state: Rc<State>) {
    let accepted = state.clone();
    let accepting = listener.accept(move |listener, client| match client {
        Ok((client, _peer)) => {
            forward(client, &accepted);
            accept(&listener, accepted);
        }
        Err(error) => listener.handle().report_error("accept", &error),
    });
    state.accepting.set(Some(accepting));
}
// ANCHOR_END: accept

// ANCHOR: forward
/// Connects to the target, and passes on until both directions have ended or one has failed.
fn forward(client: TcpStream, state: &Rc<State>) {
    let handle = client.handle().clone();
    let connection = Connection::open(state);
    let Options { target, patience, .. } = state.options;
    let (connected, begun) = (handle.clone(), connection.clone());
    let connecting = timeout(
        &handle,
        patience,
        move |callback| TcpStream::connect(&connected, target, callback),
        move |target| match target {
            Ok(target) => {
                let (from, to) = (client.clone(), target.clone());
                Rc::new(Pump { connection: begun.clone(), way: 0, from, to }).pump();
                Rc::new(Pump { connection: begun, way: 1, from: target, to: client }).pump();
            }
            Err(error) => begun.end(Err(error)),
        },
    );
    connection.pending[0].set(Some(connecting));
}
// ANCHOR_END: forward

// ANCHOR: pump
impl Pump {
    /// Passes one direction on, and then its end. A result may be on its way when the connection is
    /// closed, so that each step asks.
    fn pump(self: Rc<Self>) {
        if !self.connection.is_open() {
            return;
        }
        let pump = self.clone();
        let reading = self.from.read_chunk(move |_from, read| match read {
            Ok(Some(chunk)) => pump.write(chunk),
            Ok(None) => pump.shutdown(),
            Err(error) => pump.end(Err(error)),
        });
        self.connection.pending[self.way].set(Some(reading));
    }

    fn write(self: Rc<Self>, chunk: Chunk) {
        if !self.connection.is_open() {
            return;
        }
        let pump = self.clone();
        let writing = self.to.write_chunk(chunk, move |_to, written| match written {
            Ok(()) => pump.pump(),
            Err(error) => pump.end(Err(error)),
        });
        self.connection.pending[self.way].set(Some(writing));
    }

    fn shutdown(self: Rc<Self>) {
        if let Err(error) = is_an_end(&self.connection.half_ended, self.from.peer_addr()) {
            return self.end(Err(error));
        }
        let pump = self.clone();
        self.to.shutdown(Shutdown::Write, move |_to, result| pump.end(result));
    }

    fn end(&self, result: io::Result<()>) {
        if result.is_err() && self.connection.is_open() {
            reset_on_close([&self.from, &self.to]);
        }
        self.connection.end(result);
    }
}
// ANCHOR_END: pump

// ANCHOR: end
impl Connection {
    fn open(state: &Rc<State>) -> Rc<Connection> {
        let mut open = state.open.borrow_mut();
        let entry = open.vacant_entry();
        let (state, key) = (state.clone(), entry.key());
        let (pending, half_ended, ended) = Default::default();
        entry.insert(Rc::new(Connection { state, key, pending, half_ended, ended })).clone()
    }

    fn is_open(&self) -> bool {
        self.state.open.borrow().get(self.key).is_some_and(|open| ptr::eq(&**open, self))
    }

    /// Counts a connection that is over: both directions have ended, or one has failed.
    fn end(&self, result: io::Result<()>) {
        self.ended.set(self.ended.get() + 1);
        if result.is_ok() && self.ended.get() < 2 || !self.is_open() {
            return;
        }
        let Report { ended, failed } = self.state.report.get();
        self.state.report.set(match result {
            Ok(()) => Report { ended: ended + 1, failed },
            Err(_) => Report { ended, failed: failed + 1 },
        });
        self.close();
    }

    /// Ends what is pending; the streams go with the last callback.
    fn close(&self) {
        drop(self.state.open.borrow_mut().try_remove(self.key));
        for operation in self.pending.iter().filter_map(Cell::take) {
            operation.cancel();
        }
    }
}
// ANCHOR_END: end
