//! The key-value server with fibers: a conversation is a loop on a stack of its own, and its state are the locals.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;

use loop_core::LoopHandle;
use loop_core::transfer::WriteAll;
use slab::Slab;

use super::core::{SWEEP_EVERY, Session, Store};
use super::{OnStopped, Options, Report, sweep};
use crate::fibers::{Fiber, TcpListener, TcpStream, sleep, spawn, timeout};

/// A server that runs; a clone is the same one.
#[derive(Clone)]
pub(super) struct KeyValue(Rc<State>);

struct State {
    handle: LoopHandle,
    address: SocketAddr,
    options: Options,
    store: RefCell<Store>,
    report: Cell<Report>,
    /// The clients that are connected. Nothing is borrowed while a fiber waits: no compiler says so.
    clients: RefCell<Slab<Client>>,
    /// What lets clients in, and what sweeps; until the server stops.
    serving: RefCell<Vec<Fiber<()>>>,
}

/// A client that is connected, for as long as its conversation goes on.
struct Client {
    stream: Rc<TcpStream>,
    /// There once it was spawned.
    conversation: Option<Fiber<()>>,
}

/// Forgets a client however its conversation ends: what is behind a wait may never come.
struct Present(KeyValue, usize);

impl KeyValue {
    // ANCHOR: serve
    /// Listens, lets clients in, and sweeps.
    pub(super) fn serve(handle: &LoopHandle, options: &Options) -> io::Result<KeyValue> {
        let listener = TcpListener::bind(handle, options.listen)?;
        let server = KeyValue(Rc::new(State {
            handle: handle.clone(),
            address: listener.local_addr()?,
            options: options.clone(),
            store: RefCell::default(),
            report: Cell::default(),
            clients: RefCell::default(),
            serving: RefCell::default(),
        }));
        let (accepts, sweeps) = (server.clone(), server.clone());
        let accepting = spawn(handle, move || accepts.accept(&listener));
        let sweeping = spawn(handle, move || sweeps.sweep());
        server.0.serving.borrow_mut().extend([accepting, sweeping]);
        Ok(server)
    }
    // ANCHOR_END: serve

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.0.address
    }

    // ANCHOR: accept
    /// Lets clients in until the server stops.
    fn accept(&self, listener: &TcpListener) -> io::Result<()> {
        loop {
            match listener.accept() {
                Ok((stream, _peer)) => self.begin(Rc::new(stream)),
                Err(error) => {
                    self.0.handle.report_error("accept", &error);
                    return Ok(());
                }
            }
        }
    }
    // ANCHOR_END: accept

    // ANCHOR: begin
    /// Begins a conversation; how it ends is the client's affair.
    fn begin(&self, stream: Rc<TcpStream>) {
        let full = self.0.clients.borrow().len() >= self.0.options.clients_max;
        let session = if full { Session::turned_away() } else { Session::new() };
        let client = Client { stream: stream.clone(), conversation: None };
        let present = Present(self.clone(), self.0.clients.borrow_mut().insert(client));
        let number = present.1;
        let conversation = spawn(&self.0.handle, move || {
            let _ = present.0.converse(&stream, session);
            Ok(())
        });
        self.0.clients.borrow_mut()[number].conversation = Some(conversation);
        let report = self.0.report.get();
        self.0.report.set(Report { clients: report.clients + 1, ..report });
    }
    // ANCHOR_END: begin

    // ANCHOR: converse
    /// Writes all replies, then reads on, until the client ends or is to be closed.
    fn converse(&self, stream: &TcpStream, mut session: Session) -> io::Result<()> {
        loop {
            while let Some(replies) = self.answer(&mut session) {
                let (written, replies) = stream.transfer(WriteAll::new(replies));
                written?;
                session.give_back(replies);
            }
            if session.is_over() {
                break;
            }
            let Some(chunk) = stream.read_chunk()? else { break };
            session.take_in(&chunk);
        }
        stream.shutdown(Shutdown::Write)
    }
    // ANCHOR_END: converse

    // ANCHOR: answer
    /// Has the client's requests answered.
    fn answer(&self, session: &mut Session) -> Option<Vec<u8>> {
        session.answer(&mut self.0.store.borrow_mut(), self.0.handle.time().since_origin())
    }
    // ANCHOR_END: answer

    // ANCHOR: sweep
    /// Removes what is over, until the server stops.
    fn sweep(&self) -> io::Result<()> {
        loop {
            sleep(&self.0.handle, SWEEP_EVERY)?;
            sweep(&mut self.0.store.borrow_mut(), self.0.handle.time().since_origin());
        }
    }
    // ANCHOR_END: sweep

    // ANCHOR: stop
    /// Lets no client in any more, lets each take its replies, and cuts off those that do not within the
    /// grace.
    pub(super) fn stop(self, stopped: OnStopped) {
        let handle = self.0.handle.clone();
        let end = move || {
            stopped(self.end());
            Ok(())
        };
        spawn(&handle, end).detach();
    }

    fn end(&self) -> Report {
        let State { handle, options, clients, serving, report, .. } = &*self.0;
        serving.take().iter().for_each(|fiber| _ = fiber.cancel());
        let mut conversations = Vec::new();
        for (_, client) in clients.borrow_mut().iter_mut() {
            // What has come is answered still: to leave it unread would reset the connection.
            let _ = client.stream.shutdown(Shutdown::Read);
            conversations.extend(client.conversation.take());
        }
        let all_end = || conversations.iter().try_for_each(Fiber::ended);
        let all_ended = timeout(handle, options.grace, all_end);
        let cut_off = if all_ended.is_ok() { 0 } else { clients.borrow().len() };
        conversations.iter().for_each(|conversation| _ = conversation.cancel());
        conversations.into_iter().for_each(|conversation| _ = conversation.join());
        Report { cut_off, ..report.get() }
    }
    // ANCHOR_END: stop
}

impl Drop for Present {
    fn drop(&mut self) {
        let gone = self.0.0.clients.borrow_mut().try_remove(self.1);
        drop(gone);
    }
}
