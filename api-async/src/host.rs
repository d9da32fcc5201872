//! Connecting to a host by its name: its addresses are tried in turn.

use std::io;

use loop_core::{LoopHandle, is_cancelled, none_connected};

use crate::resolve::resolve;
use crate::tcp::TcpStream;

impl TcpStream {
    /// Looks a host up, off the loop, and connects to the first of its addresses that takes the connection. They
    /// are tried one after the other, in the system's order. An address in text form is its own name.
    /// Cancel-safe: dropping it leaves the look-up to end by itself, or closes the socket.
    ///
    /// ```
    /// use api_async::{TcpListener, TcpStream, run};
    ///
    /// run(async |handle| {
    ///     let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap())?;
    ///     let address = listener.local_addr()?;
    ///     let stream = TcpStream::connect_to_host(&handle, ("localhost", address.port())).await?;
    ///     assert_eq!(stream.peer_addr()?, address);
    ///     std::io::Result::Ok(())
    /// })
    /// .unwrap()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// What the resolver says. When no address takes the connection, an error of the last one's kind, in which
    /// an [`AggregateError`](loop_core::AggregateError) has them all; `NotFound`, if there is none. `Cancelled`,
    /// when the loop is closed first.
    ///
    /// asyncio: `create_connection`.
    pub async fn connect_to_host(
        handle: &LoopHandle,
        (host, port): (&str, u16),
    ) -> io::Result<TcpStream> {
        let mut failures = Vec::new();
        for address in resolve(handle, host, port).await? {
            match TcpStream::connect(handle, address).await {
                Err(error) if !is_cancelled(&error) => failures.push((address, error)),
                ended => return ended,
            }
        }
        Err(none_connected(failures))
    }
}
