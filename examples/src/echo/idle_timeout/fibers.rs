//! With fibers: a timeout of what is read.

use std::convert::Infallible;
use std::io;
use std::net::Shutdown;
use std::time::Duration;

use crate::fibers::{TcpListener, TcpStream, spawn, timeout};

/// Accepts connections and echoes each; ends when accepting has failed.
pub(crate) fn serve(listener: &TcpListener, idle_timeout: Duration) -> io::Result<Infallible> {
    loop {
        let (stream, _peer) = listener.accept()?;
        let echoed = move || {
            if let Err(error) = echo(&stream, idle_timeout) {
                stream.handle().report_connection_error("echo", &error);
            }
            Ok(())
        };
        spawn(listener.handle(), echoed).detach();
    }
}

/// Sends back all that a connection sends, until it ends or is silent for too long.
fn echo(stream: &TcpStream, idle_timeout: Duration) -> io::Result<()> {
    while let Some(chunk) = timeout(stream.handle(), idle_timeout, || stream.read_chunk())? {
        stream.write_chunk(chunk)?;
    }
    stream.shutdown(Shutdown::Write)
}
