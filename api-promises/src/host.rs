//! Connecting to a host by its name: its addresses are tried in turn.

use std::io;
use std::net::SocketAddr;
use std::vec;

use loop_core::{LoopHandle, is_cancelled, none_connected};

use crate::promise::Promise;
use crate::resolve::resolve;
use crate::tcp::TcpStream;

impl TcpStream {
    /// Looks a host up, off the loop, and connects to the first of its addresses that takes the connection. They
    /// are tried one after the other, in the system's order. An address in text form is its own name.
    ///
    /// ```
    /// use api_promises::{TcpListener, TcpStream};
    ///
    /// let mut event_loop = loop_core::EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap())?;
    /// let address = listener.local_addr()?;
    /// let connected = TcpStream::connect_to_host(&handle, ("localhost", address.port()));
    /// let stream = connected.run_until_complete(&mut event_loop).unwrap()?;
    /// assert_eq!(stream.peer_addr()?, address);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// What the resolver says. When no address takes the connection, an error of the last one's kind, in which
    /// an [`AggregateError`](loop_core::AggregateError) has them all; `NotFound`, if there is none. `Cancelled`,
    /// when the loop is closed first.
    ///
    /// asyncio: `create_connection`.
    #[track_caller]
    pub fn connect_to_host(
        handle: &LoopHandle,
        (host, port): (&str, u16),
    ) -> Promise<TcpStream, io::Error> {
        let connecting = handle.clone();
        resolve(handle, host, port)
            .then(move |found| try_next(&connecting, found.into_iter(), Vec::new()))
    }
}

/// Tries the addresses that are left; `failures` are those of the ones before.
fn try_next(
    handle: &LoopHandle,
    mut left: vec::IntoIter<SocketAddr>,
    mut failures: Vec<(SocketAddr, io::Error)>,
) -> Promise<TcpStream, io::Error> {
    let Some(address) = left.next() else {
        return Promise::reject(handle, none_connected(failures));
    };
    let connecting = handle.clone();
    TcpStream::connect(handle, address).then_result(move |connected| match connected {
        Err(error) if !is_cancelled(&error) => {
            failures.push((address, error));
            try_next(&connecting, left, failures)
        }
        ended => Promise::settled(&connecting, ended),
    })
}
