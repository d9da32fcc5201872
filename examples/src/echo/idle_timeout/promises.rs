//! With promises: a timeout of what is read.

use std::convert::Infallible;
use std::io;
use std::net::Shutdown;
use std::time::Duration;

use api_promises::{Promise, TcpListener, TcpStream};

/// Accepts connections and echoes each; is rejected when accepting has failed.
pub(crate) fn serve(
    listener: TcpListener,
    idle_timeout: Duration,
) -> Promise<Infallible, io::Error> {
    listener.accept().then(move |(stream, _peer)| {
        let handle = stream.handle().clone();
        echo(stream, idle_timeout).detach(move |error| {
            handle.report_connection_error("echo", &error);
        });
        serve(listener, idle_timeout)
    })
}

/// Sends back all that a connection sends, until it ends or is silent for too long.
fn echo(stream: TcpStream, idle_timeout: Duration) -> Promise<(), io::Error> {
    stream.read_chunk().timeout(idle_timeout).then(move |read| match read {
        Some(chunk) => stream.write_chunk(chunk).then(move |()| echo(stream, idle_timeout)),
        None => stream.shutdown(Shutdown::Write),
    })
}
