//! With callbacks: a call later, which closes the connection unless it is cancelled.

use std::io;
use std::net::Shutdown;
use std::time::Duration;

use api_callbacks::{TcpListener, TcpStream};

/// Accepts connections and echoes each; calls back when accepting has failed.
pub(crate) fn serve<F>(listener: TcpListener, idle_timeout: Duration, callback: F)
where
    F: FnOnce(io::Error) + 'static,
{
    listener.accept(move |listener, accepted| match accepted {
        Ok((stream, _peer)) => {
            echo(stream, idle_timeout);
            serve(listener, idle_timeout, callback);
        }
        Err(error) => callback(error),
    });
}

/// Sends back all that a connection sends, until it ends or is silent for too long.
fn echo(stream: TcpStream, idle_timeout: Duration) {
    let silent = stream.clone();
    let deadline = stream.handle().call_later(idle_timeout, move || silent.close());
    stream.read_chunk(move |stream, read| {
        deadline.cancel();
        match read {
            Ok(Some(chunk)) => {
                stream.write_chunk(chunk, move |stream, written| match written {
                    Ok(()) => echo(stream, idle_timeout),
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
        }
    });
}

fn failed(stream: &TcpStream, error: &io::Error) {
    stream.handle().report_connection_error("echo", error);
}
