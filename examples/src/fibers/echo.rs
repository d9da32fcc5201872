//! The echo server with fibers.
//!
//! The loops are loops, and no call of them shows that it waits.

use std::convert::Infallible;
use std::io;
use std::net::Shutdown;

use super::fiber::spawn;
use super::tcp::{TcpListener, TcpStream};

// ANCHOR: serve
/// Accepts connections and echoes each; ends when accepting has failed.
///
/// # Errors
/// Why accepting failed.
pub fn serve(listener: &TcpListener) -> io::Result<Infallible> {
    loop {
        let (stream, _peer) = listener.accept()?;
        let echoed = move || {
            if let Err(error) = echo(&stream) {
                stream.handle().report_connection_error("echo", &error);
            }
            Ok(())
        };
        spawn(listener.handle(), echoed).detach();
    }
}
// ANCHOR_END: serve

// ANCHOR: echo
/// Sends back all that a connection sends, until it ends.
///
/// # Errors
/// When the connection is gone.
pub fn echo(stream: &TcpStream) -> io::Result<()> {
    while let Some(chunk) = stream.read_chunk()? {
        stream.write_chunk(chunk)?;
    }
    stream.shutdown(Shutdown::Write)
}
// ANCHOR_END: echo
