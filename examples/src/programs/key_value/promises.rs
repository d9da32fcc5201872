//! The key-value server with promises: a conversation is a chain whose last handler returns the next
//! chain, and its state is handed on from link to link.

use std::cell::RefCell;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;

use api_promises::combine::race;
use api_promises::{Promise, PromiseGroup, TcpListener, TcpStream, bytes, sleep};
use loop_core::LoopHandle;
use slab::Slab;

use super::core::{SWEEP_EVERY, Session, Store};
use super::{Options, Report, sweep};

/// A server that runs; a clone is the same one.
#[derive(Clone)]
pub(super) struct KeyValue(Rc<State>);

struct State {
    handle: LoopHandle,
    address: SocketAddr,
    options: Options,
    store: RefCell<Store>,
    report: RefCell<Report>,
    /// The connections, for the end to shut them down.
    clients: RefCell<Slab<TcpStream>>,
    /// What goes on over them; how it ends is the client's affair.
    conversations: PromiseGroup<io::Error>,
    /// Accepting and sweeping.
    running: PromiseGroup<io::Error>,
}

impl KeyValue {
    // ANCHOR: serve
    /// Listens, lets clients in, and sweeps.
    pub(super) fn serve(handle: &LoopHandle, options: &Options) -> io::Result<KeyValue> {
        let (listener, reporter) = (TcpListener::bind(handle, options.listen)?, handle.clone());
        let server = KeyValue(Rc::new(State {
            handle: handle.clone(),
            address: listener.local_addr()?,
            options: options.clone(),
            store: RefCell::default(),
            report: RefCell::default(),
            clients: RefCell::default(),
            conversations: PromiseGroup::with_handler(handle, drop),
            running: PromiseGroup::with_handler(handle, move |error| {
                reporter.report_error("accept", &error);
            }),
        }));
        server.0.running.add(server.clone().accept(listener));
        server.0.running.add(server.clone().sweep());
        Ok(server)
    }
    // ANCHOR_END: serve

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.0.address
    }

    // ANCHOR: accept
    /// Lets clients in until it is cancelled.
    fn accept(self, listener: TcpListener) -> Promise<(), io::Error> {
        listener.accept().then(move |(stream, _peer)| {
            self.begin(stream);
            self.accept(listener)
        })
    }
    // ANCHOR_END: accept

    // ANCHOR: begin
    /// Begins a conversation, and forgets the client however it ends.
    fn begin(&self, stream: TcpStream) {
        let mut clients = self.0.clients.borrow_mut();
        let full = clients.len() >= self.0.options.clients_max;
        let session = if full { Session::turned_away() } else { Session::new() };
        let (server, key) = (self.clone(), clients.insert(stream.clone()));
        self.0.report.borrow_mut().clients += 1;
        let conversation = self.clone().converse(stream, session);
        self.0.conversations.add(conversation.finally(move || server.end(key)));
    }
    // ANCHOR_END: begin

    // ANCHOR: converse
    /// Writes all replies, then reads on, until the client ends or is to be closed.
    fn converse(self, stream: TcpStream, mut session: Session) -> Promise<(), io::Error> {
        if let Some(replies) = self.answer(&mut session) {
            let written = bytes::write_all(&stream, replies).err_into();
            return written.then(move |(_count, replies)| {
                session.give_back(replies);
                self.converse(stream, session)
            });
        }
        if session.is_over() {
            return stream.shutdown(Shutdown::Write);
        }
        stream.read_chunk().then(move |read| match read {
            Some(chunk) => {
                session.take_in(&chunk);
                self.converse(stream, session)
            }
            None => stream.shutdown(Shutdown::Write),
        })
    }
    // ANCHOR_END: converse

    // ANCHOR: answer
    /// Has the client's requests answered.
    fn answer(&self, session: &mut Session) -> Option<Vec<u8>> {
        session.answer(&mut self.0.store.borrow_mut(), self.0.handle.time().since_origin())
    }
    // ANCHOR_END: answer

    fn end(&self, key: usize) {
        let gone = self.0.clients.borrow_mut().remove(key);
        drop(gone);
    }

    // ANCHOR: sweep
    /// Removes what is over, until it is cancelled.
    fn sweep(self) -> Promise<(), io::Error> {
        sleep(&self.0.handle, SWEEP_EVERY).then(move |()| {
            sweep(&mut self.0.store.borrow_mut(), self.0.handle.time().since_origin());
            self.sweep()
        })
    }
    // ANCHOR_END: sweep

    // ANCHOR: stop
    /// Lets no client in any more, lets each take its replies, and cuts off those that do not within the
    /// grace.
    pub(super) fn stop(self) -> Promise<Report, io::Error> {
        let State { handle, options, clients, conversations, running, .. } = &*self.0;
        running.abort_all();
        for (_, stream) in &*clients.borrow() {
            // A conversation ends by itself when there is nothing more to read.
            stream.shutdown(Shutdown::Read).detach(drop);
        }
        let ended = race(handle, [conversations.on_empty(), sleep(handle, options.grace)]);
        ended.map(move |()| {
            let cut_off = self.0.conversations.abort_all();
            Report { cut_off, ..*self.0.report.borrow() }
        })
    }
    // ANCHOR_END: stop
}
