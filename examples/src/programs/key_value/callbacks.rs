//! The key-value server with callbacks: a client is a protocol, which the transport tells of all that
//! happens to the connection.
//!
//! Completion callbacks would do as well, at the price of two closures a message. A protocol hears of
//! bytes and of pressure for as long as the connection lives, and nothing is made for a message.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use api_callbacks::protocol::{Protocol, Transport, WriteLimits};
use api_callbacks::{Operation, Server, ServerBuilder, sleep};
use loop_core::LoopHandle;

use super::core::{SWEEP_EVERY, Session, Store};
use super::{OnStopped, Options, Report, sweep};

/// A server that runs; a clone is the same one.
#[derive(Clone)]
pub(super) struct KeyValue(Rc<State>);

struct State {
    handle: LoopHandle,
    options: Options,
    store: RefCell<Store>,
    report: Cell<Report>,
    /// How many clients are connected.
    clients: Cell<usize>,
    /// Accepts connections, until it is stopped.
    server: Cell<Option<Server>>,
    sweeping: Cell<Option<Operation>>,
    /// Whether the server stops: a late client is closed then.
    stopping: Cell<bool>,
}

/// One client.
struct Client {
    server: KeyValue,
    session: RefCell<Session>,
}

impl KeyValue {
    // ANCHOR: serve
    /// Listens, lets clients in, and sweeps.
    pub(super) fn serve(
        handle: &LoopHandle,
        options: &Options,
    ) -> io::Result<(KeyValue, SocketAddr)> {
        let server = KeyValue(Rc::new(State {
            handle: handle.clone(),
            options: options.clone(),
            store: RefCell::default(),
            report: Cell::default(),
            clients: Cell::default(),
            server: Cell::default(),
            sweeping: Cell::default(),
            stopping: Cell::default(),
        }));
        let address = server.accept()?;
        server.sweep();
        Ok((server, address))
    }
    // ANCHOR_END: serve

    // ANCHOR: accept
    /// Lets clients in until the server stops.
    fn accept(&self) -> io::Result<SocketAddr> {
        let server = self.clone();
        let State { handle, options, .. } = &*self.0;
        let listening =
            ServerBuilder::new().serve(handle, options.listen, move |_peer| server.begin())?;
        let address = listening.local_addr();
        self.0.server.set(Some(listening));
        Ok(address)
    }
    // ANCHOR_END: accept

    // ANCHOR: begin
    /// Begins a conversation; how it ends is the client's affair.
    fn begin(&self) -> Client {
        let clients = self.0.clients.get();
        let full = clients >= self.0.options.clients_max;
        let session = if full { Session::turned_away() } else { Session::new() };
        self.0.clients.set(clients + 1);
        let report = self.0.report.get();
        self.0.report.set(Report { clients: report.clients + 1, ..report });
        Client { server: self.clone(), session: RefCell::new(session) }
    }
    // ANCHOR_END: begin
}

// ANCHOR: converse
/// Writes all replies, then reads on, until the client ends or is to be closed.
impl Protocol for Client {
    fn connection_made(&self, transport: &Rc<dyn Transport>) {
        // No request is read, nor answered, while a reply is unsent.
        transport.set_write_buffer_limits(WriteLimits { low: 0, high: 0 });
        if self.server.0.stopping.get() {
            transport.shutdown_read();
        }
        self.answer(&**transport);
    }

    fn data_received(&self, transport: &dyn Transport, bytes: &[u8]) {
        self.session.borrow_mut().take_in(bytes);
        self.answer(transport);
    }

    fn pause_writing(&self, transport: &dyn Transport) {
        transport.pause_reading();
    }

    fn resume_writing(&self, transport: &dyn Transport) {
        transport.resume_reading();
        self.answer(transport);
    }

    fn connection_lost(&self, _error: Option<io::Error>) {
        let clients = &self.server.0.clients;
        clients.set(clients.get() - 1);
    }
}
// ANCHOR_END: converse

impl Client {
    // ANCHOR: answer
    /// Has the client's requests answered, until it has to take the replies first.
    fn answer(&self, transport: &dyn Transport) {
        let State { handle, store, .. } = &*self.server.0;
        // Nothing is borrowed while the transport writes: it calls this client when it has enough.
        while transport.is_reading() {
            let (mut session, now) = (self.session.borrow_mut(), handle.time().since_origin());
            let replies = session.answer(&mut store.borrow_mut(), now);
            let is_over = session.is_over();
            drop(session);
            let Some(replies) = replies else {
                if is_over {
                    transport.close();
                }
                return;
            };
            transport.write(&replies);
            self.session.borrow_mut().give_back(replies);
        }
    }
    // ANCHOR_END: answer
}

impl KeyValue {
    // ANCHOR: sweep
    /// Removes what is over, until the server stops.
    fn sweep(&self) {
        let server = self.clone();
        let sweeping = sleep(&self.0.handle, SWEEP_EVERY, move |slept| {
            if slept.is_ok() {
                sweep(&mut server.0.store.borrow_mut(), server.0.handle.time().since_origin());
                server.sweep();
            }
        });
        self.0.sweeping.set(Some(sweeping));
    }
    // ANCHOR_END: sweep

    // ANCHOR: stop
    /// Lets no client in any more, lets each take its replies, and cuts off those that do not within the
    /// grace.
    pub(super) fn stop(self, stopped: OnStopped) {
        self.0.stopping.set(true);
        self.0.sweeping.take().into_iter().for_each(|sweeping| {
            sweeping.cancel();
        });
        let server = self.0.server.take().expect("a server is stopped once");
        for transport in server.connections() {
            // What has come is answered still: to leave it unread would reset the connection.
            transport.shutdown_read();
        }
        server.stop(self.0.options.grace, move |left| {
            stopped(Report { cut_off: left.len(), ..self.0.report.get() });
        });
    }
    // ANCHOR_END: stop
}
