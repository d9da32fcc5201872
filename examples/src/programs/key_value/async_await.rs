//! The key-value server with async: a conversation is a loop in a task, and its state are the locals.

use std::cell::RefCell;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::pin;
use std::rc::Rc;

use api_async::combine::timeout;
use api_async::{CancellationToken, Task, TcpListener, TcpStream, bytes, sleep, spawn};
use futures::future::{Either, FutureExt, select};
use loop_core::{Elapsed, LoopHandle};
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
    /// The conversations, for the end to wait for.
    clients: RefCell<Slab<Task<()>>>,
    /// Cancelled when the server stops.
    stopping: CancellationToken,
}

/// A client that is connected, for as long as its task goes on.
struct Present {
    server: KeyValue,
    key: usize,
}

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
            report: RefCell::default(),
            clients: RefCell::default(),
            stopping: CancellationToken::new(),
        }));
        spawn(handle, server.clone().accept(listener)).detach();
        spawn(handle, server.clone().sweep()).detach();
        Ok(server)
    }
    // ANCHOR_END: serve

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.0.address
    }

    // ANCHOR: accept
    /// Lets clients in until the server stops.
    async fn accept(self, listener: TcpListener) -> io::Result<()> {
        while let Ok(accepted) = self.0.stopping.run(listener.accept()).await {
            let (stream, _peer) = accepted?;
            self.begin(stream);
        }
        Ok(())
    }
    // ANCHOR_END: accept

    // ANCHOR: begin
    /// Begins a conversation; how it ends is the client's affair.
    fn begin(&self, stream: TcpStream) {
        let clients = &self.0.clients;
        let full = clients.borrow().len() >= self.0.options.clients_max;
        let session = if full { Session::turned_away() } else { Session::new() };
        let present = Present { server: self.clone(), key: clients.borrow().vacant_key() };
        let client = spawn(&self.0.handle, async move {
            let _ = present.server.converse(stream, session).await;
        });
        clients.borrow_mut().insert(client);
        self.0.report.borrow_mut().clients += 1;
    }
    // ANCHOR_END: begin

    // ANCHOR: converse
    /// Writes all replies, then reads on, until the client ends or is to be closed.
    pub(super) async fn converse(&self, stream: TcpStream, mut session: Session) -> io::Result<()> {
        let mut stopped = pin!(self.0.stopping.cancelled().fuse());
        loop {
            while let Some(replies) = self.answer(&mut session) {
                let (written, replies) = bytes::write_all(&stream, replies).await;
                written?;
                session.give_back(replies);
            }
            if session.is_over() {
                break;
            }
            let read = match select(&mut stopped, stream.read_chunk()).await {
                Either::Right((read, _)) => read?,
                // What has come is answered still: to leave it unread would reset the connection.
                Either::Left(_) => {
                    stream.shutdown(Shutdown::Read).await?;
                    stream.read_chunk().await?
                }
            };
            let Some(chunk) = read else { break };
            session.take_in(&chunk);
        }
        stream.shutdown(Shutdown::Write).await
    }
    // ANCHOR_END: converse

    // ANCHOR: answer
    /// Has the client's requests answered.
    fn answer(&self, session: &mut Session) -> Option<Vec<u8>> {
        session.answer(&mut self.0.store.borrow_mut(), self.0.handle.time())
    }
    // ANCHOR_END: answer

    // ANCHOR: sweep
    /// Removes what is over, until the server stops.
    async fn sweep(self) {
        let State { handle, store, stopping, .. } = &*self.0;
        while stopping.run(sleep(handle, SWEEP_EVERY)).await.is_ok() {
            sweep(&mut store.borrow_mut(), handle.time());
        }
    }
    // ANCHOR_END: sweep

    // ANCHOR: stop
    /// Lets nobody in any more, lets everybody take its replies, and cuts off who does not within the
    /// grace.
    pub(super) async fn stop(self) -> Report {
        self.0.stopping.cancel();
        let mut clients = self.0.clients.take();
        let all_ended = async {
            for (_, client) in &mut clients {
                // A panic has been reported.
                let _ = client.await;
            }
            Ok(())
        };
        let ended = timeout(&self.0.handle, self.0.options.grace, all_ended).await;
        let mut report = *self.0.report.borrow();
        if let Err(Elapsed) = ended {
            report.cut_off = clients.iter().filter(|(_, client)| client.abort()).count();
        }
        report
    }
    // ANCHOR_END: stop
}

/// Forgets a client however its task ends: what is behind an `await` may never come.
impl Drop for Present {
    fn drop(&mut self) {
        let gone = self.server.0.clients.borrow_mut().try_remove(self.key);
        drop(gone);
    }
}
