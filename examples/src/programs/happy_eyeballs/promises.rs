//! Happy eyeballs with promises.
//!
//! Rule: a race is an attempt and the race for the remaining addresses; whichever resolves first is the
//! result, and the promise of the other is dropped, which closes what it stands for.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use api_promises::combine::{any, race, timeout};
use api_promises::{Promise, Resolver, TcpStream, sleep};
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
    let (has_failed, on_failure) = Promise::with_resolvers(handle);
    let first = attempt(handle, address, on_failure);
    if others.is_empty() {
        return first;
    }
    let (again, still, others) = (handle.clone(), handle.clone(), others.to_vec());
    // A signal that nobody will give, since the attempt has succeeded, does not come.
    let has_failed = has_failed.catch(move |_unused: io::Error| Promise::never(&still));
    let turn_of_others = race(handle, [sleep(handle, delay).err_into(), has_failed]);
    let later = turn_of_others.then(move |()| connect(&again, &others, delay));
    any(handle, [first, later]).map_err(decide)
}
// ANCHOR_END: connect

// ANCHOR: attempt
fn attempt(
    handle: &LoopHandle,
    address: SocketAddr,
    on_failure: Resolver<(), io::Error>,
) -> Promise<TcpStream, Failures> {
    TcpStream::connect(handle, address).catch(move |error| {
        on_failure.resolve(());
        Err(AggregateError { errors: vec![failed(address, &error)] })
    })
}
// ANCHOR_END: attempt

// ANCHOR: decide
/// Makes one list of the first attempt's failure and those of the attempts behind it.
fn decide(failures: AggregateError<Failures>) -> Failures {
    AggregateError { errors: failures.errors.into_iter().flat_map(|both| both.errors).collect() }
}
// ANCHOR_END: decide

// ANCHOR: run
pub(super) fn run(options: &Options) -> io::Result<Race> {
    let mut event_loop = EventLoop::new()?;
    let handle = event_loop.handle();
    let racing = connect(&handle, &options.addresses, options.delay);
    let limited = match options.limit {
        Some(limit) => timeout(&handle, limit, racing),
        None => racing,
    };
    let connected = limited.run_until_complete(&mut event_loop).map_err(io::Error::other)?;
    let left = Left::on(&mut event_loop)?;
    Ok(Race { connected: connected.and_then(|stream| Ok(stream.peer_addr()?)), left })
}
// ANCHOR_END: run
