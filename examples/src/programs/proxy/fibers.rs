//! The proxy with fibers: one for each connection, and one for each of its directions.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;

use loop_core::LoopHandle;
use slab::Slab;

use super::{Options, Report, is_an_end, reset_on_close};
use crate::fibers::{Fiber, TcpListener, TcpStream, all, spawn, timeout};

// ANCHOR: proxy
/// A proxy that runs.
pub(super) struct Proxy {
    addr: SocketAddr,
    state: Rc<State>,
    accepting: Fiber<()>,
}

struct State {
    options: Options,
    report: Cell<Report>,
    /// The connections that are not over.
    open: RefCell<Slab<Fiber<()>>>,
}

/// A connection, for as long as its fiber goes on: what is behind a wait may never come.
struct Open(Rc<State>, usize);

impl Drop for Open {
    fn drop(&mut self) {
        let over = self.0.open.borrow_mut().try_remove(self.1);
        drop(over);
    }
}
// ANCHOR_END: proxy

// ANCHOR: start
impl Proxy {
    /// Listens and passes on.
    pub(super) fn start(handle: &LoopHandle, options: &Options) -> io::Result<Proxy> {
        let listener = TcpListener::bind(handle, options.listen)?;
        let addr = listener.local_addr()?;
        let (options, report, open) = (options.clone(), Cell::default(), RefCell::default());
        let state = Rc::new(State { options, report, open });
        let accepts = state.clone();
        let accepting = spawn(handle, move || accept(&listener, &accepts));
        Ok(Proxy { addr, state, accepting })
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
        self.accepting.cancel();
        self.state.open.borrow().iter().for_each(|(_, fiber)| _ = fiber.cancel());
        self.state.report.get()
    }
}
// ANCHOR_END: stop

// ANCHOR: accept
fn accept(listener: &TcpListener, state: &Rc<State>) -> io::Result<()> {
    loop {
        let (client, _peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                listener.handle().report_error("accept", &error);
                return Ok(());
            }
        };
        let open = Open(state.clone(), state.open.borrow().vacant_key());
        let forwards = move || {
            end(&open.0.report, forward(Rc::new(client), &open.0.options));
            Ok(())
        };
        state.open.borrow_mut().insert(spawn(listener.handle(), forwards));
    }
}
// ANCHOR_END: accept

// ANCHOR: forward
/// Connects to the target, and passes on until both directions have ended or one has failed.
fn forward(client: Rc<TcpStream>, options: &Options) -> io::Result<()> {
    let handle = client.handle();
    let connect = || TcpStream::connect(handle, options.target);
    let target = Rc::new(timeout(handle, options.patience, connect)?);
    let half_ended = Rc::new(Cell::new(false));
    let directions = [(client.clone(), target.clone()), (target.clone(), client.clone())];
    let both = directions.map(|(from, to)| {
        let half_ended = half_ended.clone();
        move || pump(&from, &to, &half_ended)
    });
    let both = all(handle, both);
    both.map(drop).inspect_err(|_| reset_on_close([&*client, &*target]))
}
// ANCHOR_END: forward

// ANCHOR: pump
/// Passes one direction on, and then its end.
fn pump(from: &TcpStream, to: &TcpStream, half_ended: &Cell<bool>) -> io::Result<()> {
    while let Some(chunk) = from.read_chunk()? {
        to.write_chunk(chunk)?;
    }
    is_an_end(half_ended, from.peer_addr())?;
    to.shutdown(Shutdown::Write)
}
// ANCHOR_END: pump

// ANCHOR: end
/// Counts a connection that is over; it was closed by the end of its `forward`.
fn end(report: &Cell<Report>, result: io::Result<()>) {
    let Report { ended, failed } = report.get();
    report.set(match result {
        Ok(()) => Report { ended: ended + 1, failed },
        Err(_) => Report { ended, failed: failed + 1 },
    });
}
// ANCHOR_END: end
