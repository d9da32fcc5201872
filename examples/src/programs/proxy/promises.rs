//! The proxy with promises: each connection is a chain, and a token cancels all that are pending.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;

use api_promises::combine::{all, timeout};
use api_promises::{CancellationToken, Promise, TcpListener, TcpStream};
use loop_core::{LoopHandle, is_cancelled};

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
    /// Cancelled when the proxy stops.
    token: CancellationToken,
}
// ANCHOR_END: proxy

// ANCHOR: start
impl Proxy {
    /// Listens and passes on.
    pub(super) fn start(handle: &LoopHandle, options: &Options) -> io::Result<Proxy> {
        let listener = TcpListener::bind(handle, options.listen)?;
        let addr = listener.local_addr()?;
        let (report, token) = (Cell::default(), CancellationToken::new());
        let state = Rc::new(State { options: options.clone(), report, token });
        let accepting = state.token.guard(accept(listener, state.clone()));
        let handle = handle.clone();
        accepting.detach(move |error| handle.report_error("accept", &error));
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
        self.state.token.cancel();
        self.state.report.get()
    }
}
// ANCHOR_END: stop

// ANCHOR: accept
fn accept(listener: TcpListener, state: Rc<State>) -> Promise<Infallible, io::Error> {
    listener.accept().then(move |(client, _peer)| {
        let forwarding = state.token.guard(forward(client, &state.options));
        let (well, badly) = (state.clone(), state.clone());
        forwarding.map(move |()| end(&well, Ok(()))).detach(move |error| end(&badly, Err(error)));
        accept(listener, state)
    })
}
// ANCHOR_END: accept

// ANCHOR: forward
/// Connects to the target, and passes on until both directions have ended or one has failed.
fn forward(client: TcpStream, options: &Options) -> Promise<(), io::Error> {
    let handle = client.handle().clone();
    let connecting = TcpStream::connect(&handle, options.target);
    timeout(&handle, options.patience, connecting).then(move |target| {
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
fn end(state: &State, result: io::Result<()>) {
    let Report { ended, failed } = state.report.get();
    state.report.set(match result {
        Ok(()) => Report { ended: ended + 1, failed },
        Err(error) if is_cancelled(&error) => return,
        Err(_) => Report { ended, failed: failed + 1 },
    });
}
// ANCHOR_END: end
