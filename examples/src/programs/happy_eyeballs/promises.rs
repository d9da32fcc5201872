//! Happy eyeballs with promises.
//!
//! Rule: a race is an attempt and the race for the remaining addresses; whichever is fulfilled first is the
//! result, and the promise of the other is dropped, which closes what it stands for.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use api_promises::combine::{any, race};
use api_promises::{Promise, Shared, SharedError, TcpStream, sleep};
use loop_core::{AggregateError, EventLoop, LoopHandle};

use super::{Failures, Options, Race, failed};
use crate::Left;

// ANCHOR: connect
pub(super) fn connect(
    handle: &LoopHandle,
    addresses: &[SocketAddr],
    delay: Duration,
) -> Promise<TcpStream, Failures> {
    let Some((&address, others)) = addresses.split_first() else {
        return Promise::reject(handle, AggregateError { errors: Vec::new() });
    };
    let attempt = attempt(handle, address);
    let first = attempt.promise().map_err(move |error| failed(address, &error).into());
    if others.is_empty() {
        return first;
    }
    let (again, still, others) = (handle.clone(), handle.clone(), others.to_vec());
    let has_failed = attempt.promise().then_result(move |connected| match connected {
        // No other has a turn then.
        Ok(_stream) => Promise::never(&still),
        Err(_failure) => Promise::resolve(&still, ()),
    });
    let turn_of_others = race(handle, [sleep(handle, delay).err_into(), has_failed]);
    let later = turn_of_others.then(move |()| connect(&again, &others, delay));
    any(handle, [first, later]).map_err(all_failed)
}
// ANCHOR_END: connect

// ANCHOR: attempt
/// Connects, for two that want to know: the race, and the turn of the others.
fn attempt(handle: &LoopHandle, address: SocketAddr) -> Shared<TcpStream, SharedError> {
    TcpStream::connect(handle, address).err_into().share()
}
// ANCHOR_END: attempt

// ANCHOR: all_failed
/// Makes one list of the first attempt's failure and those of the attempts behind it.
fn all_failed(failures: AggregateError<Failures>) -> Failures {
    AggregateError { errors: failures.errors.into_iter().flat_map(|both| both.errors).collect() }
}
// ANCHOR_END: all_failed

// ANCHOR: run
pub(super) fn run(options: &Options) -> io::Result<Race> {
    let mut event_loop = EventLoop::new()?;
    let handle = event_loop.handle();
    let racing = connect(&handle, &options.addresses, options.delay);
    let limited = match options.limit {
        Some(limit) => racing.timeout(limit),
        None => racing,
    };
    let connected = limited.run_until_complete(&mut event_loop).map_err(io::Error::other)?;
    let left = Left::on(&mut event_loop)?;
    Ok(Race { connected: connected.and_then(|stream| Ok(stream.peer_addr()?)), left })
}
// ANCHOR_END: run
