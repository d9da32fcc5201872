//! Happy eyeballs with async.
//!
//! Rule: the attempts are futures in a set that the race owns, so that what leaves the race, by
//! returning or by being dropped, closes them.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use api_async::combine::timeout;
use api_async::{TcpStream, run_until_complete, sleep};
use futures::future::{Either, FutureExt, pending, select};
use futures::stream::{FuturesUnordered, StreamExt};
use loop_core::{AggregateError, EventLoop, LoopHandle};

use super::{Failures, Options, Race, failed};
use crate::Left;

// ANCHOR: connect
pub(super) async fn connect(
    handle: &LoopHandle,
    addresses: &[SocketAddr],
    delay: Duration,
) -> Result<TcpStream, Failures> {
    let (mut attempts, mut failures) = (FuturesUnordered::new(), BTreeMap::new());
    let mut addresses = addresses.iter().enumerate().peekable();
    loop {
        let latest = addresses.next();
        attempts.extend(latest.map(|(number, &address)| attempt(handle, number, address)));
        let mut turn_of_next = match addresses.peek() {
            Some(_) => sleep(handle, delay).left_future(),
            None => pending().right_future(),
        };
        loop {
            match select(attempts.next(), &mut turn_of_next).await {
                Either::Left((Some(Ok(stream)), _)) => return Ok(stream),
                Either::Left((Some(Err((number, failure))), _)) => {
                    failures.insert(number, failure);
                    if latest.is_some_and(|(latest, _)| latest == number) {
                        break;
                    }
                }
                Either::Left((None, _)) => return Err(all_failed(failures)),
                Either::Right(_) => break,
            }
        }
    }
}
// ANCHOR_END: connect

// ANCHOR: attempt
async fn attempt(
    handle: &LoopHandle,
    number: usize,
    address: SocketAddr,
) -> Result<TcpStream, (usize, io::Error)> {
    let connected = TcpStream::connect(handle, address).await;
    connected.map_err(|error| (number, failed(address, &error)))
}
// ANCHOR_END: attempt

// ANCHOR: all_failed
fn all_failed(failures: BTreeMap<usize, io::Error>) -> Failures {
    AggregateError { errors: failures.into_values().collect() }
}
// ANCHOR_END: all_failed

// ANCHOR: run
pub(super) fn run(options: &Options) -> io::Result<Race> {
    let mut event_loop = EventLoop::new()?;
    let (handle, options) = (event_loop.handle(), options.clone());
    let connected = run_until_complete(&mut event_loop, async move {
        let racing = connect(&handle, &options.addresses, options.delay);
        match options.limit {
            Some(limit) => timeout(&handle, limit, racing).await,
            None => racing.await,
        }
    })
    .map_err(io::Error::other)?;
    let left = Left::on(&mut event_loop)?;
    Ok(Race { connected: connected.and_then(|stream| Ok(stream.peer_addr()?)), left })
}
// ANCHOR_END: run
