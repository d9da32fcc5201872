//! A connection of each style with a peer that does what it is told, and turns until something holds.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use loop_core::EventLoop;

/// How many turns are waited, a millisecond each, before something is held not to come.
const TURNS_MAX: usize = 20_000;

/// A listener of the system's own, for a peer without a loop.
pub(super) struct Peer(TcpListener);

impl Peer {
    pub(super) fn listen() -> io::Result<Peer> {
        TcpListener::bind("127.0.0.1:0").map(Peer)
    }

    /// Returns the peer's side of the connection.
    fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.0.accept()?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Connects with callbacks.
    pub(super) fn callbacks(
        &self,
        event_loop: &mut EventLoop,
    ) -> io::Result<(api_callbacks::TcpStream, TcpStream)> {
        let (handle, address) = (event_loop.handle(), self.0.local_addr()?);
        let made = event_loop.run_until_complete(|completer| {
            api_callbacks::TcpStream::connect(&handle, address, |made| completer.complete(made));
        });
        Ok((made.map_err(io::Error::other)??, self.accept()?))
    }

    /// Connects a protocol.
    pub(super) fn protocol(
        &self,
        event_loop: &mut EventLoop,
        protocol: impl api_callbacks::Protocol + 'static,
    ) -> io::Result<(std::rc::Rc<dyn api_callbacks::Transport>, TcpStream)> {
        let (handle, address) = (event_loop.handle(), self.0.local_addr()?);
        let made = event_loop.run_until_complete(|completer| {
            let client = api_callbacks::ClientBuilder::new();
            client.connect(&handle, address, protocol, |made| completer.complete(made));
        });
        Ok((made.map_err(io::Error::other)??, self.accept()?))
    }

    /// Connects with promises.
    pub(super) fn promises(
        &self,
        event_loop: &mut EventLoop,
    ) -> io::Result<(api_promises::TcpStream, TcpStream)> {
        let connecting =
            api_promises::TcpStream::connect(&event_loop.handle(), self.0.local_addr()?);
        let made = connecting.run_until_complete(event_loop);
        Ok((made.map_err(io::Error::other)??, self.accept()?))
    }

    /// Connects with async.
    pub(super) fn async_await(
        &self,
        event_loop: &mut EventLoop,
    ) -> io::Result<(api_async::TcpStream, TcpStream)> {
        let (handle, address) = (event_loop.handle(), self.0.local_addr()?);
        let connect = async move { api_async::TcpStream::connect(&handle, address).await };
        let made = api_async::run_until_complete(event_loop, connect);
        Ok((made.map_err(io::Error::other)??, self.accept()?))
    }
}

/// Makes a turn that waits for a millisecond at most.
pub(super) fn turn(event_loop: &mut EventLoop) -> io::Result<()> {
    let tick = event_loop.handle().call_later(Duration::from_millis(1), || ());
    let turned = event_loop.run_once();
    tick.cancel();
    turned
}

/// Makes turns until `holds`.
pub(super) fn run_until(event_loop: &mut EventLoop, holds: impl Fn() -> bool) -> io::Result<()> {
    for _ in 0..TURNS_MAX {
        if holds() {
            return Ok(());
        }
        turn(event_loop)?;
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "what was waited for did not come"))
}
