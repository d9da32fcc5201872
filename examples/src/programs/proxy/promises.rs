//! The proxy with promises: each connection is a chain, and a group owns all that are open.

use std::cell::Cell;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;

use api_promises::combine::all;
use api_promises::{Promise, PromiseGroup, TcpListener, TcpStream};
use loop_core::LoopHandle;

use super::{Options, Report, is_an_end, reset_on_close};

// ANCHOR: proxy
/// A proxy that runs; dropping it closes the listener and all connections.
pub(super) struct Proxy {
    addr: SocketAddr,
    state: Rc<State>,
    /// Accepts while it is held.
    _accepting: Promise<(), io::Error>,
}

struct State {
    options: Options,
    report: Rc<Cell<Report>>,
    /// Those that are open, and are closed with it.
    connections: PromiseGroup<io::Error>,
}
// ANCHOR_END: proxy

// ANCHOR: start
impl Proxy {
    /// Listens and passes on.
    pub(super) fn start(handle: &LoopHandle, options: &Options) -> io::Result<Proxy> {
        let listener = TcpListener::bind(handle, options.listen)?;
        let (addr, report) = (listener.local_addr()?, Rc::<Cell<Report>>::default());
        let failures = report.clone();
        let connections =
            PromiseGroup::with_handler(handle, move |error| end(&failures, Err(error)));
        let state = Rc::new(State { options: options.clone(), report, connections });
        let handle = handle.clone();
        let accepting = accept(listener, state.clone()).catch(move |error| {
            handle.report_error("accept", &error);
            io::Result::Ok(())
        });
        Ok(Proxy { addr, state, _accepting: accepting })
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.addr
    }
}
// ANCHOR_END: start

// ANCHOR: stop
impl Proxy {
    /// Closes the listener and all connections, by being dropped.
    pub(super) fn stop(self) -> Report {
        self.state.report.get()
    }
}
// ANCHOR_END: stop

// ANCHOR: accept
fn accept(listener: TcpListener, state: Rc<State>) -> Promise<(), io::Error> {
    listener.accept().then(move |(client, _peer)| {
        let (forwarding, report) = (forward(client, &state.options), state.report.clone());
        state.connections.add(forwarding.map(move |()| end(&report, Ok(()))));
        accept(listener, state)
    })
}
// ANCHOR_END: accept

// ANCHOR: forward
/// Connects to the target, and passes on until both directions have ended or one has failed.
fn forward(client: TcpStream, options: &Options) -> Promise<(), io::Error> {
    let handle = client.handle().clone();
    let connecting = TcpStream::connect(&handle, options.target);
    connecting.timeout(options.patience).then(move |target| {
        let half_ended = Rc::<Cell<bool>>::default();
        let there = pump(client.clone(), target.clone(), half_ended.clone());
        let back = pump(target.clone(), client.clone(), half_ended);
        let both = all(&handle, [there, back]).map(drop);
        both.inspect(move |both| {
            if both.is_err() {
                reset_on_close([&client, &target])
            }
        })
    })
}
// ANCHOR_END: forward

// ANCHOR: pump
/// Passes one direction on, and then its end.
fn pump(from: TcpStream, to: TcpStream, half_ended: Rc<Cell<bool>>) -> Promise<(), io::Error> {
    from.read_chunk().then(move |read| match read {
        Some(chunk) => to.write_chunk(chunk).then(move |()| pump(from, to, half_ended)),
        None => match is_an_end(&half_ended, from.peer_addr()) {
            Ok(()) => to.shutdown(Shutdown::Write),
            Err(error) => Promise::reject(to.handle(), error),
        },
    })
}
// ANCHOR_END: pump

// ANCHOR: end
/// Counts a connection that is over; it was closed when the last link that held it had gone.
fn end(report: &Cell<Report>, result: io::Result<()>) {
    let Report { ended, failed } = report.get();
    report.set(match result {
        Ok(()) => Report { ended: ended + 1, failed },
        Err(_) => Report { ended, failed: failed + 1 },
    });
}
// ANCHOR_END: end
