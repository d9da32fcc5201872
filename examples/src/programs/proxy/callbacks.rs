//! The proxy with callbacks: a closure for each operation, which holds what comes next.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;

use api_callbacks::combine::timeout;
use api_callbacks::{Operation, TcpListener, TcpStream};
use loop_core::{Chunk, LoopHandle};

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
    /// The connections that are not over, by their numbers.
    open: RefCell<BTreeMap<u64, Rc<Connection>>>,
    next: Cell<u64>,
}

/// A client and the target.
struct Connection {
    state: Rc<State>,
    number: u64,
    client: TcpStream,
    connecting: Cell<Option<Operation>>,
    target: OnceCell<TcpStream>,
    /// Whether the first direction is ending.
    half_ended: Cell<bool>,
    /// How many directions have ended.
    ended: Cell<usize>,
}

/// A direction of a connection, from one stream to the other.
struct Pump {
    connection: Rc<Connection>,
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
            next: Cell::default(),
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
        for connection in self.state.open.take().into_values() {
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
    let connection = Connection::open(client, state);
    let Options { target, patience, .. } = state.options;
    let (connects, begun) = (handle.clone(), connection.clone());
    let connecting = timeout(
        &handle,
        patience,
        move |callback| TcpStream::connect(&connects, target, callback),
        move |target| match target {
            Ok(target) => {
                let target = begun.target.get_or_init(|| target);
                for (from, to) in [(&begun.client, target), (target, &begun.client)] {
                    let (connection, from, to) = (begun.clone(), from.clone(), to.clone());
                    Rc::new(Pump { connection, from, to }).pump();
                }
            }
            Err(error) => begun.end(Err(error)),
        },
    );
    connection.connecting.set(Some(connecting));
}
// ANCHOR_END: forward

// ANCHOR: pump
impl Pump {
    /// Passes one direction on, and then its end.
    fn pump(self: Rc<Self>) {
        let pump = self.clone();
        self.from.read_chunk(move |_from, read| match read {
            Ok(Some(chunk)) => pump.write(chunk),
            Ok(None) => pump.shutdown(),
            Err(error) => pump.connection.end(Err(error)),
        });
    }

    fn write(self: Rc<Self>, chunk: Chunk) {
        let pump = self.clone();
        self.to.write_chunk(chunk, move |_to, written| match written {
            Ok(()) => pump.pump(),
            Err(error) => pump.connection.end(Err(error)),
        });
    }

    fn shutdown(self: Rc<Self>) {
        if let Err(error) = is_an_end(&self.connection.half_ended, self.from.peer_addr()) {
            return self.connection.end(Err(error));
        }
        let connection = self.connection.clone();
        self.to.shutdown(Shutdown::Write, move |_to, result| connection.end(result));
    }
}
// ANCHOR_END: pump

// ANCHOR: end
impl Connection {
    fn open(client: TcpStream, state: &Rc<State>) -> Rc<Connection> {
        let number = state.next.replace(state.next.get() + 1);
        let (state, connecting, target) = (state.clone(), Cell::default(), OnceCell::new());
        let (half_ended, ended) = Default::default();
        let connection =
            Connection { state, number, client, connecting, target, half_ended, ended };
        let connection = Rc::new(connection);
        connection.state.open.borrow_mut().insert(number, connection.clone());
        connection
    }

    /// Counts a connection that is over: both directions have ended, or one has failed.
    fn end(&self, result: io::Result<()>) {
        self.ended.set(self.ended.get() + 1);
        if result.is_ok() && self.ended.get() < 2 {
            return;
        }
        // What the close has cancelled calls back as well.
        if self.state.open.borrow_mut().remove(&self.number).is_none() {
            return;
        }
        if let (Err(_), Some(target)) = (&result, self.target.get()) {
            reset_on_close([&self.client, target]);
        }
        let Report { ended, failed } = self.state.report.get();
        self.state.report.set(match result {
            Ok(()) => Report { ended: ended + 1, failed },
            Err(_) => Report { ended, failed: failed + 1 },
        });
        self.close();
    }

    /// Ends what is pending, and what begins later, on both streams.
    fn close(&self) {
        self.connecting.take().inspect(|connecting| _ = connecting.cancel());
        self.client.close();
        self.target.get().inspect(|target| target.close());
    }
}
// ANCHOR_END: end
