//! Happy eyeballs with threads.
//!
//! Rule: each attempt waits on a thread of its own, and none is left when the race is decided. A thread
//! that waits for the kernel cannot be told to stop, but its socket can be shut under it; so the socket
//! is made here, and only the waiting is the thread's.

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use loop_core::{AggregateError, Elapsed};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use super::{Failures, Options, Race, failed};
use crate::Left;

/// A time after which no kernel connects any more.
const FOR_EVER: Duration = Duration::from_secs(86_400);

// ANCHOR: connect
pub(super) fn connect(
    addresses: &[SocketAddr],
    delay: Duration,
    deadline: Instant,
) -> Result<TcpStream, Failures> {
    let mut waiting = addresses.iter().enumerate();
    let (mut sockets, mut failures) = (Vec::new(), BTreeMap::new());
    let (ends, ended) = mpsc::channel();
    let mut turn_of_next = Instant::now();
    let result = thread::scope(|threads| {
        let result = loop {
            if failures.len() == addresses.len() {
                break Err(decide(failures));
            }
            if turn_of_next <= Instant::now()
                && let Some((number, &address)) = waiting.next()
            {
                turn_of_next = Instant::now() + delay;
                let (ends, begun) = (ends.clone(), attempt(address));
                sockets.extend(begun.iter().map(|socket| (number, socket.clone())));
                let wait =
                    move |socket: Arc<Socket>| socket.connect(&address.into()).map(|()| socket);
                threads.spawn(move || ends.send((number, begun.and_then(wait))));
            }
            let wake = if waiting.len() > 0 { turn_of_next.min(deadline) } else { deadline };
            match ended.recv_timeout(wake.saturating_duration_since(Instant::now())) {
                Ok((number, Ok(socket))) => {
                    sockets.retain(|(other, _)| *other != number);
                    break Ok(socket);
                }
                Ok((number, Err(error))) => {
                    failures.insert(number, failed(addresses[number], &error));
                    if number + 1 + waiting.len() == addresses.len() {
                        turn_of_next = Instant::now();
                    }
                }
                Err(_) if Instant::now() >= deadline => break Err(Elapsed.into()),
                Err(_) => {}
            }
        };
        // The scope waits for its threads, and they for their sockets.
        sockets.iter().for_each(|(_, socket)| drop(socket.shutdown(Shutdown::Both)));
        result
    });
    result.map(|socket| Arc::into_inner(socket).expect("nobody else has it").into())
}
// ANCHOR_END: connect

// ANCHOR: attempt
/// Makes a socket that has begun to connect; a second, blocking `connect` waits for the end of it.
fn attempt(address: SocketAddr) -> io::Result<Arc<Socket>> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => Err(error),
        _ => {
            socket.set_nonblocking(false)?;
            Ok(Arc::new(socket))
        }
    }
}
// ANCHOR_END: attempt

// ANCHOR: decide
fn decide(failures: BTreeMap<usize, io::Error>) -> Failures {
    AggregateError { errors: failures.into_values().collect() }
}
// ANCHOR_END: decide

// ANCHOR: run
pub(super) fn run(options: &Options) -> io::Result<Race> {
    let deadline = Instant::now() + options.limit.unwrap_or(FOR_EVER);
    let connected = connect(&options.addresses, options.delay, deadline);
    let winner = connected.and_then(|stream| Ok(stream.peer_addr()?));
    Ok(Race { connected: winner, left: Left::default() })
}
// ANCHOR_END: run
