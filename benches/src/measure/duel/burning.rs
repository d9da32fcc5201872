//! The self-test's server: echoes on one thread, and spins for each message as long as it is told.

use std::hint;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Args;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use crate::failure::Failure;
use crate::output;
use crate::process::cpu::{self, ProcessArguments};
use crate::process::limits;

const LISTENER: Token = Token(usize::MAX);

/// What it reads at once: a message is what one read brings.
const BUFFER_BYTES: usize = 16 * 1024;

/// The arguments of the hidden `burn`.
#[derive(Debug, Args)]
pub(crate) struct BurnArguments {
    /// Microseconds of CPU to spin away for each message
    #[arg(long, value_name = "US", value_parser = clap::value_parser!(u64).range(..=1_000_000))]
    us: u64,
    /// The address to listen on
    #[arg(long, value_name = "ADDR")]
    listen: SocketAddr,
    #[command(flatten)]
    process: ProcessArguments,
}

/// Serves until a signal ends the process.
pub(crate) fn run(arguments: &BurnArguments) -> Result<(), Failure> {
    cpu::follow(&arguments.process)?;
    serve(arguments).map_err(|error| {
        Failure::Refused(format!("the server on {} ended: {error}", arguments.listen))
    })
}

fn serve(arguments: &BurnArguments) -> io::Result<()> {
    limits::raise_descriptor_limit();
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(arguments.listen)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    // Nobody may be reading; the server serves all the same.
    let _ = output::print(&format!("listening on {}\n", listener.local_addr()?));
    let mut peers: Vec<Option<TcpStream>> = Vec::new();
    let (mut events, mut buffer) = (Events::with_capacity(1_024), vec![0; BUFFER_BYTES]);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            if event.token() == LISTENER {
                accept_all(&listener, &poll, &mut peers)?;
            } else if let Some(peer) = &mut peers[event.token().0]
                && echo(peer, &mut buffer, arguments.us).is_err()
            {
                peers[event.token().0] = None;
            }
        }
    }
}

fn accept_all(
    listener: &TcpListener,
    poll: &Poll,
    peers: &mut Vec<Option<TcpStream>>,
) -> io::Result<()> {
    // A connection that cannot be accepted is its peer's to miss.
    while let Ok((mut peer, _)) = listener.accept() {
        poll.registry().register(&mut peer, Token(peers.len()), Interest::READABLE)?;
        peers.push(Some(peer));
    }
    Ok(())
}

/// Echoes all there is; an error is the end of the connection. A peer that does not take its reply
/// is dropped: the self-test's messages are small.
fn echo(peer: &mut TcpStream, buffer: &mut [u8], burn_us: u64) -> io::Result<()> {
    loop {
        match peer.read(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                burn(Duration::from_micros(burn_us));
                peer.write_all(&buffer[..length])?;
                if length < buffer.len() {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Spins by the wall clock, which is read without a system call. Of the few messages during which
/// somebody else has the processor it spins less: one in hundreds.
fn burn(time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        hint::spin_loop();
    }
}
