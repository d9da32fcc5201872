//! With async: a timeout of what is read.

use std::convert::Infallible;
use std::io;
use std::net::Shutdown;
use std::time::Duration;

use api_async::combine::timeout;
use api_async::{TcpListener, TcpStream, spawn};
use futures::FutureExt;

/// Accepts connections and echoes each; ends when accepting has failed.
pub(crate) async fn serve(listener: TcpListener, idle_timeout: Duration) -> io::Result<Infallible> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        let handle = listener.handle().clone();
        // An `async fn` around it would keep the stream twice.
        let echoed = echo(stream, idle_timeout).map(move |ended| {
            if let Err(error) = ended {
                handle.report_connection_error("echo", &error);
            }
        });
        spawn(listener.handle(), echoed).detach();
    }
}

/// Sends back all that a connection sends, until it ends or is silent for too long.
async fn echo(stream: TcpStream, idle_timeout: Duration) -> io::Result<()> {
    while let Some(chunk) = timeout(stream.handle(), idle_timeout, stream.read_chunk()).await? {
        stream.write_chunk(chunk).await?;
    }
    stream.shutdown(Shutdown::Write).await
}
