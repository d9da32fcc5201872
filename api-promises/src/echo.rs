//! The echo server with promises.
//!
//! The loop is a chain whose last handler returns the next chain. It does not
//! grow: a handler that returns a promise leaves its place to that promise.

use std::convert::Infallible;
use std::io;
use std::net::Shutdown;

use crate::promise::Promise;
use crate::tcp::{TcpListener, TcpStream};

// ANCHOR: serve
/// Accepts connections and echoes each; is rejected when accepting has failed.
pub fn serve(listener: TcpListener) -> Promise<Infallible, io::Error> {
    listener.accept().then(move |(stream, _peer)| {
        let handle = stream.handle().clone();
        echo(stream).detach(move |error| {
            handle.report_connection_error("echo", &error);
        });
        serve(listener)
    })
}
// ANCHOR_END: serve

// ANCHOR: echo
/// Sends back all that a connection sends, until it ends.
pub fn echo(stream: TcpStream) -> Promise<(), io::Error> {
    stream.read_chunk().then(move |read| match read {
        Some(chunk) => stream.write_chunk(chunk).then(move |()| echo(stream)),
        None => stream.shutdown(Shutdown::Write),
    })
}
// ANCHOR_END: echo
