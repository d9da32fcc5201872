//! The echo server with async.
//!
//! The loop is a loop.

use std::convert::Infallible;
use std::io;
use std::net::Shutdown;

use futures::FutureExt;

use crate::task::spawn;
use crate::tcp::{TcpListener, TcpStream};

// ANCHOR: serve
/// Accepts connections and echoes each; ends when accepting has failed.
pub async fn serve(listener: TcpListener) -> io::Result<Infallible> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        let handle = listener.handle().clone();
        // An `async fn` around it would keep the stream twice.
        let echoed = echo(stream).map(move |ended| {
            if let Err(error) = ended {
                handle.report_connection_error("echo", &error);
            }
        });
        spawn(listener.handle(), echoed).detach();
    }
}
// ANCHOR_END: serve

// ANCHOR: echo
/// Sends back all that a connection sends, until it ends.
pub async fn echo(stream: TcpStream) -> io::Result<()> {
    while let Some(chunk) = stream.read_chunk().await? {
        stream.write_chunk(chunk).await?;
    }
    stream.shutdown(Shutdown::Write).await
}
// ANCHOR_END: echo
