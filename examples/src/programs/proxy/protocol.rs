//! The proxy with callbacks, as protocols: what one side of a connection is told, it tells the other.
//!
//! Nothing is made for a message, and a direction is not a loop: bytes, pressure, an end and a failure
//! are each a method, and each is passed on by the transport of the other side.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::protocol::{Protocol, Transport, WriteLimits};
use api_callbacks::{ClientBuilder, Operation, Server, ServerBuilder};
use loop_core::LoopHandle;

use super::{Options, Report};

// ANCHOR: proxy
/// A proxy that runs.
pub(super) struct Proxy {
    server: Server,
    report: Rc<Cell<Report>>,
}

/// A client and the target.
struct Pair {
    handle: LoopHandle,
    options: Options,
    report: Rc<Cell<Report>>,
    /// The transports of the client and of the target, while they are there.
    sides: [RefCell<Option<Rc<dyn Transport>>>; 2],
    /// To be cancelled when the client goes first.
    connecting: Cell<Option<Operation>>,
    /// Whether one side has ended in order.
    half_ended: Cell<bool>,
    /// Whether the connection was counted.
    counted: Cell<bool>,
}

/// What a transport tells: that of the client, 0, or that of the target, 1.
struct Side {
    pair: Rc<Pair>,
    number: usize,
}
// ANCHOR_END: proxy

// ANCHOR: start
impl Proxy {
    /// Listens and passes on.
    pub(super) fn start(handle: &LoopHandle, options: &Options) -> io::Result<Proxy> {
        let report = Rc::<Cell<Report>>::default();
        let server = accept(handle, options, report.clone())?;
        Ok(Proxy { server, report })
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }
}
// ANCHOR_END: start

// ANCHOR: stop
impl Proxy {
    /// Closes the listener and all connections.
    pub(super) fn stop(self) -> Report {
        self.server.connections().iter().for_each(|client| client.abort());
        self.server.stop(Duration::ZERO, |_left| ());
        self.report.get()
    }
}
// ANCHOR_END: stop

// ANCHOR: accept
fn accept(handle: &LoopHandle, options: &Options, report: Rc<Cell<Report>>) -> io::Result<Server> {
    let (connects, to) = (handle.clone(), options.clone());
    ServerBuilder::new().serve(handle, options.listen, move |_peer| {
        let pair = Pair {
            handle: connects.clone(),
            options: to.clone(),
            report: report.clone(),
            sides: Default::default(),
            connecting: Cell::default(),
            half_ended: Cell::default(),
            counted: Cell::default(),
        };
        Side { pair: Rc::new(pair), number: 0 }
    })
}
// ANCHOR_END: accept

// ANCHOR: forward
/// Connects to the target. Until then nothing is read from the client.
fn forward(pair: &Rc<Pair>, client: &Rc<dyn Transport>) {
    client.pause_reading();
    let (target, client) = (Side { pair: pair.clone(), number: 1 }, client.clone());
    let Options { target: address, patience, .. } = pair.options;
    let begun = pair.clone();
    let connecting = ClientBuilder::new().timeout(patience).connect(
        &pair.handle,
        address,
        target,
        move |connected| match connected {
            Ok(_target) => client.resume_reading(),
            Err(_refused) => {
                begun.count(false);
                client.close();
            }
        },
    );
    pair.connecting.set(Some(connecting));
}
// ANCHOR_END: forward

// ANCHOR: pump
impl Protocol for Side {
    fn connection_made(&self, transport: &Rc<dyn Transport>) {
        // A side that does not read costs what was read last from the other, and no more.
        transport.set_write_buffer_limits(WriteLimits { low: 0, high: 0 });
        self.pair.sides[self.number].replace(Some(transport.clone()));
        if self.number == 0 {
            forward(&self.pair, transport);
        } else if self.other().is_none() {
            transport.abort();
        }
    }

    fn data_received(&self, _transport: &dyn Transport, bytes: &[u8]) {
        self.tell(|other| other.write(bytes));
    }

    fn pause_writing(&self, _transport: &dyn Transport) {
        self.tell(|other| other.pause_reading());
    }

    fn resume_writing(&self, _transport: &dyn Transport) {
        self.tell(|other| other.resume_reading());
    }

    /// Passes the first end on, and with the second one closes both, once all is sent.
    fn eof_received(&self, _transport: &dyn Transport) -> bool {
        let is_first = !self.pair.half_ended.replace(true);
        self.tell(|other| if is_first { other.write_eof() } else { other.close() });
        is_first
    }

    fn connection_lost(&self, error: Option<io::Error>) {
        drop(self.pair.sides[self.number].take());
        self.pair.end(self.other(), error);
    }
}

impl Side {
    fn other(&self) -> Option<Rc<dyn Transport>> {
        self.pair.sides[1 - self.number].borrow().clone()
    }

    fn tell(&self, say: impl FnOnce(&dyn Transport)) {
        // Nothing is borrowed meanwhile: the other side may be told to pause, and tells this one.
        if let Some(other) = self.other() {
            say(&*other);
        }
    }
}
// ANCHOR_END: pump

// ANCHOR: end
impl Pair {
    /// One side is lost: the other goes on only if it is closing, since that sends what is unsent.
    fn end(&self, other: Option<Rc<dyn Transport>>, error: Option<io::Error>) {
        self.connecting.take().inspect(|connecting| _ = connecting.cancel());
        match other {
            Some(other) if error.is_some() => {
                self.count(false);
                other.reset();
            }
            Some(other) if !other.is_closing() => other.abort(),
            Some(_closing) => {}
            None => self.count(error.is_none()),
        }
    }

    /// Counts a connection that is over, once.
    fn count(&self, well: bool) {
        if !self.counted.replace(true) {
            let Report { ended, failed } = self.report.get();
            self.report.set(match well {
                true => Report { ended: ended + 1, failed },
                false => Report { ended, failed: failed + 1 },
            });
        }
    }
}
// ANCHOR_END: end
