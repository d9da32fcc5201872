//! The peer of a proxy that was given none: echoes, on threads that end with the process.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::thread;

/// Starts an echo server and returns its address.
pub(super) fn echo() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    thread::Builder::new().spawn(move || {
        for stream in listener.incoming().flatten() {
            let echo = move || -> io::Result<()> {
                io::copy(&mut &stream, &mut &stream)?;
                stream.shutdown(Shutdown::Write)
            };
            // A client without a thread is not served: the connection is closed.
            drop(thread::Builder::new().spawn(echo));
        }
    })?;
    Ok(addr)
}
