//! The echo server with one blocking thread a connection.
//!
//! Rule: the rest of the program waits on a stack, and the stack ends with the peer. A blocked read
//! cannot be called off, so the threads of open connections end with the process.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::listening::{ACCEPT_PAUSE, Shortage, is_about_one_connection, listen};
use super::tally::Tally;
use super::{BUFFER_BYTES, Options};
use crate::ServerCounts;

/// Enough for the buffer and a few calls; the default of 2 MiB is address space for nothing.
const STACK_BYTES: usize = 128 * 1024;

pub(crate) fn serve(
    options: &Options,
    announce: impl FnOnce(SocketAddr),
) -> io::Result<ServerCounts> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let listener = listen(options.listen)?;
    let addr = listener.local_addr()?;
    let tally = Arc::new(Tally::new(options.counts));
    let counted = Arc::clone(&tally);
    thread::Builder::new().spawn(move || accept_forever(&listener, &counted))?;
    announce(addr);
    signals.forever().next();
    Ok(tally.counts())
}

// ANCHOR: serve
fn accept_forever(listener: &TcpListener, tally: &Arc<Tally>) {
    let mut shortage = Shortage::default();
    loop {
        match listener.accept().and_then(|(stream, _)| start(stream, tally)) {
            Ok(()) => {}
            Err(error) if is_about_one_connection(&error) => {}
            // No descriptor, or no thread: the connections that there are go on.
            Err(error) => {
                shortage.report(&error);
                thread::sleep(ACCEPT_PAUSE);
            }
        }
    }
}

/// Gives a connection its thread; without one it is closed.
fn start(stream: TcpStream, tally: &Arc<Tally>) -> io::Result<()> {
    tally.accepted();
    let tally = Arc::clone(tally);
    // How a connection ended concerns its peer alone.
    let echoes = move || drop(echo(stream, &tally));
    thread::Builder::new().stack_size(STACK_BYTES).spawn(echoes)?;
    Ok(())
}
// ANCHOR_END: serve

// ANCHOR: echo
fn echo(mut stream: TcpStream, tally: &Tally) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; BUFFER_BYTES];
    loop {
        let length = match stream.read(&mut buffer) {
            Ok(0) => return stream.shutdown(Shutdown::Write),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        tally.read();
        stream.write_all(&buffer[..length])?;
        tally.written();
    }
}
// ANCHOR_END: echo
