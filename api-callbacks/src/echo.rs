//! The echo server with callbacks.
//!
//! The loop is a function that starts itself again from its last callback. What
//! the closures of `echo` need is handed to them: they capture nothing.

use std::io;
use std::net::Shutdown;

use crate::tcp::{TcpListener, TcpStream};

// ANCHOR: serve
/// Accepts connections and echoes each; calls back when accepting has failed.
pub fn serve<F>(listener: TcpListener, callback: F)
where
    F: FnOnce(io::Error) + 'static,
{
    listener.accept(|listener, accepted| match accepted {
        Ok((stream, _peer)) => {
            echo(stream);
            serve(listener, callback);
        }
        Err(error) => callback(error),
    });
}
// ANCHOR_END: serve

// ANCHOR: echo
/// Sends back all that a connection sends, until it ends.
pub fn echo(stream: TcpStream) {
    stream.read_chunk(|stream, read| match read {
        Ok(Some(chunk)) => {
            stream.write_chunk(chunk, |stream, written| match written {
                Ok(()) => echo(stream),
                Err(error) => failed(&stream, &error),
            });
        }
        Ok(None) => {
            stream.shutdown(Shutdown::Write, |stream, shut_down| {
                if let Err(error) = shut_down {
                    failed(&stream, &error);
                }
            });
        }
        Err(error) => failed(&stream, &error),
    });
}

/// Reports a connection that failed; dropping its stream closes it.
fn failed(stream: &TcpStream, error: &io::Error) {
    stream.handle().report_connection_error("echo", error);
}
// ANCHOR_END: echo
