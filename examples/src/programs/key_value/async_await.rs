//! The key-value server with async: a conversation is a loop in a task, and its state are the locals.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::pin;
use std::rc::Rc;

use api_async::{CancellationToken, Scope, Task, TcpListener, TcpStream};
use api_async::{bytes, scope, sleep, spawn, within};
use futures::future::{Either, FutureExt, select};
use loop_core::{AggregateError, LoopHandle};

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
    /// How many clients are connected.
    connected: Cell<usize>,
    /// Cancelled when the server stops.
    stopping: CancellationToken,
    /// Ends when the server has stopped and every conversation has ended.
    serving: Cell<Option<Serving>>,
}

type Serving = Task<Result<(), AggregateError<io::Error>>>;

/// A client that is connected, for as long as its conversation goes on.
struct Present<'a>(&'a Cell<usize>);

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
            connected: Cell::default(),
            stopping: CancellationToken::new(),
            serving: Cell::default(),
        }));
        server.0.serving.set(Some(spawn(handle, server.clone().accept(listener))));
        Ok(server)
    }
    // ANCHOR_END: serve

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.0.address
    }

    // ANCHOR: accept
    /// Lets clients in until the server stops, and ends when the last has gone.
    async fn accept(self, listener: TcpListener) -> Result<(), AggregateError<io::Error>> {
        let server = &self;
        scope(&self.0.handle, |scope| async move {
            scope.spawn(server.sweep());
            while let Ok(accepted) = server.0.stopping.guard(listener.accept()).await {
                match accepted {
                    Ok((stream, _peer)) => server.begin(&scope, stream),
                    // As an error of the scope it would end the conversations, too.
                    Err(error) => {
                        server.0.handle.report_error("accept", &error);
                        break;
                    }
                }
            }
            Ok(())
        })
        .await
    }
    // ANCHOR_END: accept

    // ANCHOR: begin
    /// Begins a conversation; how it ends is the client's affair.
    fn begin<'a>(&'a self, scope: &Scope<'a, io::Error>, stream: TcpStream) {
        let full = self.0.connected.get() >= self.0.options.clients_max;
        let session = if full { Session::turned_away() } else { Session::new() };
        let present = Present::among(&self.0.connected);
        scope.spawn(async move {
            let _present = present;
            let _ = self.converse(stream, session).await;
            Ok(())
        });
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
        session.answer(&mut self.0.store.borrow_mut(), self.0.handle.time().since_origin())
    }
    // ANCHOR_END: answer

    // ANCHOR: sweep
    /// Removes what is over, until the server stops.
    async fn sweep(&self) -> io::Result<()> {
        let State { handle, store, stopping, .. } = &*self.0;
        while stopping.guard(sleep(handle, SWEEP_EVERY)).await.is_ok() {
            sweep(&mut store.borrow_mut(), handle.time().since_origin());
        }
        Ok(())
    }
    // ANCHOR_END: sweep

    // ANCHOR: stop
    /// Lets no client in any more, lets each take its replies, and cuts off those that do not within the
    /// grace.
    pub(super) async fn stop(self) -> Report {
        let State { handle, options, connected, stopping, serving, report, .. } = &*self.0;
        stopping.cancel();
        let mut report = *report.borrow();
        if let Some(mut serving) = serving.take()
            && within(handle, options.grace, &mut serving).await.is_err()
        {
            report.cut_off = connected.get();
            serving.abort();
        }
        report
    }
    // ANCHOR_END: stop
}

impl Present<'_> {
    fn among(connected: &Cell<usize>) -> Present<'_> {
        connected.set(connected.get() + 1);
        Present(connected)
    }
}

/// Forgets a client however its conversation ends: what is behind an `await` may never come.
impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
